//! DHCP options (RFC 2132), long ones in pieces (RFC 3396), and those that hide in `sname` and
//! `file` (RFC 2131 §4.1).

use std::net::Ipv4Addr;

use super::MessageType;
use crate::reader::Reader;
use crate::{DecodeError, Fault};

/// One option.
///
/// ```text
/// | Code (1) | Length (1) | body |
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DhcpOption {
    /// The client's subnet mask (RFC 2132 §3.3).
    SubnetMask(Ipv4Addr),
    /// Routers in the order of preference, at least one (§3.5).
    Router(Vec<Ipv4Addr>),
    /// Domain name servers, at least one (§3.8).
    DomainNameServer(Vec<Ipv4Addr>),
    /// The MTU of the client's interface, at least 68 (§5.1).
    InterfaceMtu(u16),
    /// The address a client asks for (§9.1).
    RequestedAddress(Ipv4Addr),
    /// The lease in seconds (§9.2).
    LeaseTime(u32),
    /// The server that is meant or that speaks (§9.7).
    ServerIdentifier(Ipv4Addr),
    /// The options a client would like, by code (§9.8).
    ParameterRequestList(Vec<u8>),
    /// Why a message was sent, for people (§9.9).
    Message(String),
    /// Seconds until the client renews, T1 (§9.11).
    RenewalTime(u32),
    /// Seconds until the client rebinds, T2 (§9.12).
    RebindingTime(u32),
    /// Who the client says it is (§9.14).
    ClientIdentifier(Vec<u8>),
    /// An option without a type here.
    Unknown {
        /// The option's number.
        code: u8,
        /// What stands behind the length octet, of all pieces.
        body: Vec<u8>,
    },
}

impl DhcpOption {
    pub(super) const PAD: u8 = 0;
    pub(super) const END: u8 = 255;
    pub(super) const MESSAGE_TYPE: u8 = 53;
    const OVERLOAD: u8 = 52;
    const SUBNET_MASK: u8 = 1;
    const ROUTER: u8 = 3;
    const DOMAIN_NAME_SERVER: u8 = 6;
    const INTERFACE_MTU: u8 = 26;
    const REQUESTED_ADDRESS: u8 = 50;
    const LEASE_TIME: u8 = 51;
    const SERVER_IDENTIFIER: u8 = 54;
    const PARAMETER_REQUEST_LIST: u8 = 55;
    const MESSAGE: u8 = 56;
    const RENEWAL_TIME: u8 = 58;
    const REBINDING_TIME: u8 = 59;
    const CLIENT_IDENTIFIER: u8 = 61;
    /// The smallest MTU that may be said (RFC 2132 §5.1).
    const MIN_MTU: u16 = 68;

    fn decode(code: u8, body: &[u8], at: &Reader<'_>) -> Result<Self, DecodeError> {
        let wrong = || at.invalid("option length", body.len() as u64);
        let fixed = |octets: &[u8]| <[u8; 4]>::try_from(octets).map_err(|_| wrong());
        let addresses = || -> Result<Vec<Ipv4Addr>, DecodeError> {
            if body.is_empty() {
                return Err(wrong());
            }
            body.chunks(4).map(|octets| fixed(octets).map(Ipv4Addr::from)).collect()
        };
        Ok(match code {
            Self::SUBNET_MASK => Self::SubnetMask(fixed(body)?.into()),
            Self::ROUTER => Self::Router(addresses()?),
            Self::DOMAIN_NAME_SERVER => Self::DomainNameServer(addresses()?),
            Self::INTERFACE_MTU => {
                let mtu = u16::from_be_bytes(body.try_into().map_err(|_| wrong())?);
                if mtu < Self::MIN_MTU {
                    return Err(at.invalid("interface MTU", mtu.into()));
                }
                Self::InterfaceMtu(mtu)
            }
            Self::REQUESTED_ADDRESS => Self::RequestedAddress(fixed(body)?.into()),
            Self::LEASE_TIME => Self::LeaseTime(u32::from_be_bytes(fixed(body)?)),
            Self::SERVER_IDENTIFIER => Self::ServerIdentifier(fixed(body)?.into()),
            Self::PARAMETER_REQUEST_LIST if !body.is_empty() => {
                Self::ParameterRequestList(body.to_vec())
            }
            Self::MESSAGE => match std::str::from_utf8(body) {
                Ok(text) if !text.is_empty() => Self::Message(text.to_owned()),
                _ => Self::Unknown { code, body: body.to_vec() },
            },
            Self::RENEWAL_TIME => Self::RenewalTime(u32::from_be_bytes(fixed(body)?)),
            Self::REBINDING_TIME => Self::RebindingTime(u32::from_be_bytes(fixed(body)?)),
            // §9.14: a type octet and at least one more.
            Self::CLIENT_IDENTIFIER if body.len() >= 2 => Self::ClientIdentifier(body.to_vec()),
            Self::PARAMETER_REQUEST_LIST | Self::CLIENT_IDENTIFIER => return Err(wrong()),
            _ => Self::Unknown { code, body: body.to_vec() },
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let addresses = |code, list: &[Ipv4Addr], out: &mut Vec<u8>| {
            let octets: Vec<u8> = list.iter().flat_map(Ipv4Addr::octets).collect();
            encode_option(code, &octets, out);
        };
        match self {
            Self::SubnetMask(mask) => encode_option(Self::SUBNET_MASK, &mask.octets(), out),
            Self::Router(list) => addresses(Self::ROUTER, list, out),
            Self::DomainNameServer(list) => addresses(Self::DOMAIN_NAME_SERVER, list, out),
            Self::InterfaceMtu(mtu) => encode_option(Self::INTERFACE_MTU, &mtu.to_be_bytes(), out),
            Self::RequestedAddress(a) => encode_option(Self::REQUESTED_ADDRESS, &a.octets(), out),
            Self::LeaseTime(secs) => encode_option(Self::LEASE_TIME, &secs.to_be_bytes(), out),
            Self::ServerIdentifier(a) => encode_option(Self::SERVER_IDENTIFIER, &a.octets(), out),
            Self::ParameterRequestList(codes) => {
                encode_option(Self::PARAMETER_REQUEST_LIST, codes, out);
            }
            Self::Message(text) => encode_option(Self::MESSAGE, text.as_bytes(), out),
            Self::RenewalTime(secs) => encode_option(Self::RENEWAL_TIME, &secs.to_be_bytes(), out),
            Self::RebindingTime(secs) => {
                encode_option(Self::REBINDING_TIME, &secs.to_be_bytes(), out);
            }
            Self::ClientIdentifier(id) => encode_option(Self::CLIENT_IDENTIFIER, id, out),
            Self::Unknown { code, body } => encode_option(*code, body, out),
        }
    }
}

/// Writes an option, in pieces if it is longer than 255 octets (RFC 3396 §5).
pub(super) fn encode_option(code: u8, body: &[u8], out: &mut Vec<u8>) {
    if body.is_empty() {
        out.extend_from_slice(&[code, 0]);
    }
    for piece in body.chunks(255) {
        out.extend_from_slice(&[code, piece.len() as u8]);
        out.extend_from_slice(piece);
    }
}

/// Pieces of options: where the first was found, and the octets of all.
struct Pieces<'a> {
    code: u8,
    at: Reader<'a>,
    body: Vec<u8>,
}

/// Reads the options of the three fields in the order that RFC 2131 §4.1 and RFC 3396 §5 give:
/// `options`, `file`, `sname`. The message type comes out apart.
pub(super) fn decode_options(
    options: Reader<'_>,
    file: Reader<'_>,
    sname: Reader<'_>,
) -> Result<(Option<MessageType>, Vec<DhcpOption>), DecodeError> {
    let mut pieces = Vec::new();
    collect(options, &mut pieces)?;
    if let Some(overload) = pieces.iter().find(|p| p.code == DhcpOption::OVERLOAD) {
        let which = match overload.body[..] {
            [which @ 1..=3] => which,
            ref other => {
                let value = other.first().copied().unwrap_or(0);
                return Err(overload.at.invalid("option overload", value.into()));
            }
        };
        if which & 1 != 0 {
            collect(file, &mut pieces)?;
        }
        if which & 2 != 0 {
            collect(sname, &mut pieces)?;
        }
    }
    let mut message_type = None;
    let mut decoded = Vec::with_capacity(pieces.len());
    for Pieces { code, at, body } in &pieces {
        match (*code, &body[..]) {
            (DhcpOption::OVERLOAD, _) => {}
            (DhcpOption::MESSAGE_TYPE, [kind]) => message_type = Some(MessageType(*kind)),
            (DhcpOption::MESSAGE_TYPE, _) => {
                return Err(at.invalid("option length", body.len() as u64));
            }
            _ => decoded.push(DhcpOption::decode(*code, body, at)?),
        }
    }
    Ok((message_type, decoded))
}

/// Walks the options of one field up to its End option, which must be there.
fn collect<'a>(mut field: Reader<'a>, pieces: &mut Vec<Pieces<'a>>) -> Result<(), DecodeError> {
    loop {
        let at = field;
        if field.is_empty() {
            return Err(at.error("end option", Fault::Missing));
        }
        let code = match field.u8("option code")? {
            DhcpOption::END => return Ok(()),
            DhcpOption::PAD => continue,
            code => code,
        };
        let length = field.u8("option length")?;
        let body = field.take(length.into(), "option")?;
        match pieces.iter_mut().find(|p| p.code == code) {
            Some(earlier) => earlier.body.extend_from_slice(body),
            None => pieces.push(Pieces { code, at, body: body.to_vec() }),
        }
    }
}
