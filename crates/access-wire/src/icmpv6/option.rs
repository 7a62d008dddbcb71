//! The options of Neighbor Discovery messages (RFC 4861 §4.6).

use std::net::Ipv6Addr;

use kedge_model::{Ipv6Net, MacAddr};

use super::flag;
use crate::DecodeError;
use crate::reader::Reader;

const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
const PREFIX_INFORMATION: u8 = 3;
const MTU: u8 = 5;
const RECURSIVE_DNS_SERVER: u8 = 25;

/// A Neighbor Discovery option. Its length counts units of 8 octets, its head included:
///
/// ```text
/// | Type (1) | Length (1) | body, 8 * Length - 2 octets |
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NdOption {
    /// The sender's link-layer address (§4.6.1).
    SourceLinkLayerAddress(MacAddr),
    /// The target's link-layer address (§4.6.1).
    TargetLinkLayerAddress(MacAddr),
    /// A prefix of the link (§4.6.2).
    PrefixInformation(PrefixInformation),
    /// The largest packet that every node of the link shall send (§4.6.4).
    Mtu(u32),
    /// Recursive DNS servers (RFC 8106 §5.1).
    RecursiveDnsServer {
        /// For how many seconds they may be used.
        lifetime: u32,
        /// The servers, at least one.
        servers: Vec<Ipv6Addr>,
    },
    /// An option without a type here.
    Unknown {
        /// The option's number.
        kind: u8,
        /// What stands behind the length octet: 8n - 2 octets.
        body: Vec<u8>,
    },
}

/// Prefix Information (RFC 4861 §4.6.2).
///
/// ```text
/// | Type = 3 | Length = 4 | Prefix Length |L|A| Reserved1 |
/// |                  Valid Lifetime                       |
/// |                  Preferred Lifetime                   |
/// |                  Reserved2                            |
/// |                  Prefix (16 octets)                   |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrefixInformation {
    /// The prefix, its other bits zero.
    pub prefix: Ipv6Net,
    /// Whether addresses of the prefix are on the link.
    pub on_link: bool,
    /// Whether hosts may make addresses from it.
    pub autonomous: bool,
    /// For how many seconds it is valid; all ones is for ever.
    pub valid_lifetime: u32,
    /// For how many seconds addresses of it are preferred.
    pub preferred_lifetime: u32,
}

impl PrefixInformation {
    const ON_LINK: u8 = 0x80;
    const AUTONOMOUS: u8 = 0x40;

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = *body;
        let prefix_len = body.u8("prefix length")?;
        let flags = body.u8("prefix flags")?;
        let valid_lifetime = body.u32("valid lifetime")?;
        let preferred_lifetime = body.u32("preferred lifetime")?;
        body.take(4, "reserved")?;
        let address = body.ipv6("prefix")?;
        let prefix = Ipv6Net::new(address, prefix_len)
            .map_err(|_| at.invalid("prefix length", prefix_len.into()))?
            .trunc();
        Ok(Self {
            prefix,
            on_link: flags & Self::ON_LINK != 0,
            autonomous: flags & Self::AUTONOMOUS != 0,
            valid_lifetime,
            preferred_lifetime,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let flags = flag(self.on_link, Self::ON_LINK) | flag(self.autonomous, Self::AUTONOMOUS);
        out.extend_from_slice(&[self.prefix.prefix_len(), flags]);
        out.extend_from_slice(&self.valid_lifetime.to_be_bytes());
        out.extend_from_slice(&self.preferred_lifetime.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.prefix.trunc().network().octets());
    }
}

impl NdOption {
    /// Reads options up to the end. One with length zero spoils the message (§4.6).
    pub(super) fn decode_all(mut reader: Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let mut options = Vec::new();
        while !reader.is_empty() {
            let kind = reader.u8("option type")?;
            let at = reader;
            let units = usize::from(reader.u8("option length")?);
            if units == 0 {
                return Err(at.invalid("option length", 0));
            }
            let mut body = reader.sub(units * 8 - 2, "option")?;
            options.push(Self::decode(kind, units, &mut body)?);
        }
        Ok(options)
    }

    /// A known option of a length its type does not have is kept as unknown: §4.6 lets a
    /// receiver ignore an option it does not understand, and a later RFC may extend one.
    fn decode(kind: u8, units: usize, body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match (kind, units) {
            (SOURCE_LINK_LAYER_ADDRESS, 1) => {
                Self::SourceLinkLayerAddress(body.mac("source link-layer address")?)
            }
            (TARGET_LINK_LAYER_ADDRESS, 1) => {
                Self::TargetLinkLayerAddress(body.mac("target link-layer address")?)
            }
            (PREFIX_INFORMATION, 4) => Self::PrefixInformation(PrefixInformation::decode(body)?),
            (MTU, 1) => {
                body.take(2, "reserved")?;
                Self::Mtu(body.u32("MTU")?)
            }
            (RECURSIVE_DNS_SERVER, 3..) if units % 2 == 1 => {
                body.take(2, "reserved")?;
                let lifetime = body.u32("DNS lifetime")?;
                let mut servers = Vec::with_capacity(units / 2);
                while !body.is_empty() {
                    servers.push(body.ipv6("DNS server")?);
                }
                Self::RecursiveDnsServer { lifetime, servers }
            }
            _ => Self::Unknown { kind, body: body.rest().to_vec() },
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SourceLinkLayerAddress(mac) => {
                out.extend_from_slice(&[SOURCE_LINK_LAYER_ADDRESS, 1]);
                out.extend_from_slice(&mac.0);
            }
            Self::TargetLinkLayerAddress(mac) => {
                out.extend_from_slice(&[TARGET_LINK_LAYER_ADDRESS, 1]);
                out.extend_from_slice(&mac.0);
            }
            Self::PrefixInformation(prefix) => {
                out.extend_from_slice(&[PREFIX_INFORMATION, 4]);
                prefix.encode(out);
            }
            Self::Mtu(mtu) => {
                out.extend_from_slice(&[MTU, 1, 0, 0]);
                out.extend_from_slice(&mtu.to_be_bytes());
            }
            Self::RecursiveDnsServer { lifetime, servers } => {
                // The length octet has room for 127 servers.
                let servers = &servers[..servers.len().min(127)];
                out.extend_from_slice(&[RECURSIVE_DNS_SERVER, 1 + 2 * servers.len() as u8, 0, 0]);
                out.extend_from_slice(&lifetime.to_be_bytes());
                servers.iter().for_each(|s| out.extend_from_slice(&s.octets()));
            }
            Self::Unknown { kind, body } => {
                let units = (body.len() + 2).div_ceil(8).min(255);
                let body = &body[..body.len().min(units * 8 - 2)];
                out.extend_from_slice(&[*kind, units as u8]);
                out.extend_from_slice(body);
                out.resize(out.len() + units * 8 - 2 - body.len(), 0);
            }
        }
    }
}
