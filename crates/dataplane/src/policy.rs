//! What an operator decides about the packets of one inner routing world on their way through
//! tunnels.

use std::sync::Arc;

use crate::access_list::AccessList;

/// The decisions for one inner routing world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Whether TCP's ends are kept from announcing larger segments than the tunnel carries whole.
    pub clamp_mss: bool,
    /// The code point of outer packets.
    pub marking: Marking,
    /// Which packets may enter tunnels; `None` is all.
    pub into_tunnels: Option<Arc<AccessList>>,
    /// Which packets may leave tunnels; `None` is all.
    pub out_of_tunnels: Option<Arc<AccessList>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            clamp_mss: true,
            marking: Marking::default(),
            into_tunnels: None,
            out_of_tunnels: None,
        }
    }
}

/// How a Differentiated Services code point crosses a tunnel (RFC 2983). Congestion marks cross it
/// as RFC 6040 says, whichever of these it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Marking {
    /// The outer packet gets the inner code point; the inner one is not changed (RFC 2003 §3.1).
    #[default]
    Inherit,
    /// Both packets have one code point: the outer one gets it from the inner one, and gives it
    /// back with what the way made of it (RFC 2983 §3.1, the uniform model).
    Uniform,
    /// The outer packet has this one, and the inner one is not looked at (RFC 2983 §3.1, the pipe
    /// model).
    Pipe(u8),
}

impl Marking {
    /// The Type of Service or Traffic Class of the outer packet: RFC 6040 §4.1, normal mode, copies
    /// the congestion mark.
    pub(crate) fn entering(self, inner: u8) -> u8 {
        match self {
            Self::Inherit | Self::Uniform => inner,
            Self::Pipe(code_point) => code_point << 2 | inner & 0b11,
        }
    }

    /// The inner octet whose code point leaves the tunnel.
    pub(crate) fn leaving(self, outer: u8, inner: u8) -> u8 {
        match self {
            Self::Inherit | Self::Pipe(_) => inner,
            Self::Uniform => outer & !0b11 | inner & 0b11,
        }
    }
}
