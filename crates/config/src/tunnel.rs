//! What is done with user packets on their way through the tunnels, at an anchor or a gateway.

use kedge_grammar::{Args, Datum, Section, Writer};

use crate::key::Key;

/// What an anchor or a gateway does with the packets in its tunnels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunnelPolicy {
    /// TCP's ends announce no larger segments than the tunnels carry.
    pub clamp_mss: bool,
    /// How code points cross the tunnels; `None` is that the outer packet copies the inner one's.
    pub dscp: Option<TunnelDscp>,
    /// The access list on packets that enter the tunnels.
    pub acl: Option<String>,
    /// The access list on packets that come out of the tunnels.
    pub acl_in: Option<String>,
}

/// A model of RFC 2983 §3.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TunnelDscp {
    /// Outer and inner packet have one code point.
    Uniform,
    /// Outer packets have this one.
    Pipe(u8),
}

impl TunnelPolicy {
    pub(crate) fn read(section: Section<'_, Key>) -> Self {
        let dscp = |args: Args| args.integer("DSCP").map_or(TunnelDscp::Uniform, TunnelDscp::Pipe);
        Self {
            clamp_mss: section.is_on(Key::TunnelMss),
            dscp: section.args(Key::TunnelDscp).map(dscp),
            acl: section.text(Key::TunnelAcl),
            acl_in: section.text(Key::TunnelAclIn),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.on(Key::TunnelMss, self.clamp_mss);
        if let Some(dscp) = self.dscp {
            let args = match dscp {
                TunnelDscp::Uniform => Args::default().with("uniform", Datum::Word("uniform")),
                TunnelDscp::Pipe(value) => {
                    Args::default().with("DSCP", Datum::Integer(value.into()))
                }
            };
            writer.put(Key::TunnelDscp, args);
        }
        writer.text(Key::TunnelAcl, self.acl.as_deref());
        writer.text(Key::TunnelAclIn, self.acl_in.as_deref());
    }
}
