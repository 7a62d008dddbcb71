use kedge_model::{Lifetime, Sequence};

use super::Body;
use crate::flags::flags;
use crate::registry::MhType;
use crate::{DecodeError, Reader, Writer};

/// Binding Update, RFC 6275 §6.1.7; with the P flag a Proxy Binding Update, RFC 5213 §8.1.
///
/// ```text
/// |         Sequence #            |A|H|L|K|M|R|P|F|T|B|S|D|  Rsvd |
/// |          Lifetime             |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingUpdate {
    /// The acknowledgement repeats it.
    pub sequence: Sequence,
    /// What is asked for, and how.
    pub flags: BuFlags,
    /// The lifetime asked for; zero de-registers.
    pub lifetime: Lifetime,
}

flags! {
    /// The flags of a Binding Update. Not the positions of [`BaFlags`](crate::BaFlags).
    pub struct BuFlags(u16) {
        /// Acknowledge (RFC 6275 §6.1.7); set in every Proxy Binding Update (RFC 5213 §6.9.1.5).
        A = 0x8000;
        /// Home registration (RFC 6275 §6.1.7).
        H = 0x4000;
        /// Link-local address compatibility (RFC 6275 §6.1.7).
        L = 0x2000;
        /// Key management mobility capability (RFC 6275 §6.1.7).
        K = 0x1000;
        /// MAP registration (RFC 4140).
        M = 0x0800;
        /// Mobile router (RFC 3963).
        R = 0x0400;
        /// Proxy registration (RFC 5213 §8.1).
        P = 0x0200;
        /// Force UDP encapsulation (RFC 5555 §3.1.3, RFC 5844 §4.1.3).
        F = 0x0100;
        /// TLV-header format (RFC 5845 §6.2).
        T = 0x0080;
        /// Bulk binding update (RFC 6602 §4.1).
        B = 0x0040;
        /// Multicast signalling (RFC 7161).
        S = 0x0020;
        /// Distributed mobility (RFC 8885).
        D = 0x0010;
    }
}

impl Body for BindingUpdate {
    const TYPE: MhType = MhType::BINDING_UPDATE;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sequence: Sequence(data.u16("sequence #")?),
            flags: BuFlags::from_bits(data.u16("flags")?),
            lifetime: Lifetime::from_units(data.u16("lifetime")?),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.sequence.0);
        w.u16(self.flags.bits());
        w.u16(self.lifetime.units());
    }
}
