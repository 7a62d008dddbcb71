//! DHCPv6 options (RFC 8415 §21), those inside identity associations included.
//!
//! An option may contain others, and those may too: what is read as what depends on its place, so
//! the depth is bounded by the format and not by what a node sends.

use std::net::Ipv6Addr;

use kedge_model::Ipv6Net;

use crate::DecodeError;
use crate::ip::saturated;
use crate::reader::Reader;

/// One option.
///
/// ```text
/// | option-code (2) | option-len (2) | option-data |
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DhcpOption {
    /// The client's DUID, 3 to 130 octets with its type (§21.2, §11.1).
    ClientId(Vec<u8>),
    /// The server's DUID (§21.3).
    ServerId(Vec<u8>),
    /// Non-temporary addresses (§21.4).
    IaNa(Identity),
    /// Temporary addresses (§21.5).
    IaTa {
        /// The association's number.
        iaid: u32,
        /// What is in it.
        options: Vec<DhcpOption>,
    },
    /// An address of an association (§21.6).
    IaAddress {
        /// The address.
        address: Ipv6Addr,
        /// Seconds.
        preferred_lifetime: u32,
        /// Seconds.
        valid_lifetime: u32,
        /// What is in it.
        options: Vec<DhcpOption>,
    },
    /// The options a client would like, by code (§21.7).
    OptionRequest(Vec<u16>),
    /// How much a client should prefer the server (§21.8).
    Preference(u8),
    /// Hundredths of a second since the client began (§21.9).
    ElapsedTime(u16),
    /// What came of a message or of a part of it (§21.13).
    Status(StatusCode, String),
    /// A Solicit may be answered by a Reply, and this is one (§21.14).
    RapidCommit,
    /// Delegated prefixes (§21.21).
    IaPd(Identity),
    /// A prefix of an association (§21.22).
    IaPrefix(IaPrefix),
    /// An option without a type here, or in a place where it has none.
    Unknown {
        /// The option's number.
        code: u16,
        /// What stands behind its length.
        body: Vec<u8>,
    },
}

/// An identity association that its client renews.
///
/// ```text
/// | IAID (4) | T1 (4) | T2 (4) | options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The association's number among those of the client.
    pub iaid: u32,
    /// Seconds until the client renews.
    pub t1: u32,
    /// Seconds until the client rebinds.
    pub t2: u32,
    /// What is in it.
    pub options: Vec<DhcpOption>,
}

impl Identity {
    /// The prefixes in it, whatever their lifetimes.
    pub fn prefixes(&self) -> impl Iterator<Item = &IaPrefix> {
        self.options.iter().filter_map(|option| match option {
            DhcpOption::IaPrefix(prefix) => Some(prefix),
            _ => None,
        })
    }
}

/// A delegated prefix.
///
/// ```text
/// | preferred-lifetime (4) | valid-lifetime (4) | prefix-length (1) | prefix (16) | options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IaPrefix {
    /// The prefix, its host bits zero.
    pub prefix: Ipv6Net,
    /// Seconds.
    pub preferred_lifetime: u32,
    /// Seconds.
    pub valid_lifetime: u32,
    /// What is in it.
    pub options: Vec<DhcpOption>,
}

/// What came of something (RFC 8415 §21.13).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StatusCode(pub u16);

impl StatusCode {
    /// All is well.
    pub const SUCCESS: Self = Self(0);
    /// No address can be given.
    pub const NO_ADDRS_AVAIL: Self = Self(2);
    /// The server knows of no such association.
    pub const NO_BINDING: Self = Self(3);
    /// An address is not one of this link.
    pub const NOT_ON_LINK: Self = Self(4);
    /// The client is to send to the group.
    pub const USE_MULTICAST: Self = Self(5);
    /// No prefix can be delegated.
    pub const NO_PREFIX_AVAIL: Self = Self(6);
}

/// Where an option stands, which decides what may be in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a message.
    Message,
    /// In an identity association of addresses.
    Addresses,
    /// In an identity association of prefixes.
    Prefixes,
    /// In an address or a prefix.
    Lease,
}

impl DhcpOption {
    const CLIENT_ID: u16 = 1;
    const SERVER_ID: u16 = 2;
    const IA_NA: u16 = 3;
    const IA_TA: u16 = 4;
    const IA_ADDR: u16 = 5;
    const OPTION_REQUEST: u16 = 6;
    const PREFERENCE: u16 = 7;
    const ELAPSED_TIME: u16 = 8;
    const STATUS_CODE: u16 = 13;
    const RAPID_COMMIT: u16 = 14;
    const IA_PD: u16 = 25;
    const IA_PREFIX: u16 = 26;
    /// A type and one to 128 octets (RFC 8415 §11.1).
    const DUID: std::ops::RangeInclusive<usize> = 3..=130;

    fn decode(code: u16, mut body: Reader<'_>, place: Place) -> Result<Self, DecodeError> {
        let at = body;
        let octets = body.rest();
        let option = match (code, place) {
            (Self::CLIENT_ID | Self::SERVER_ID, Place::Message) => {
                if !Self::DUID.contains(&octets.len()) {
                    return Err(at.invalid("DUID length", octets.len() as u64));
                }
                let duid = body.take(octets.len(), "DUID")?.to_vec();
                if code == Self::CLIENT_ID { Self::ClientId(duid) } else { Self::ServerId(duid) }
            }
            (Self::IA_NA, Place::Message) => Self::IaNa(identity(&mut body, Place::Addresses)?),
            (Self::IA_PD, Place::Message) => Self::IaPd(identity(&mut body, Place::Prefixes)?),
            (Self::IA_TA, Place::Message) => Self::IaTa {
                iaid: body.u32("IAID")?,
                options: decode_options(drain(&mut body)?, Place::Addresses)?,
            },
            (Self::IA_ADDR, Place::Addresses) => Self::IaAddress {
                address: body.ipv6("address")?,
                preferred_lifetime: body.u32("preferred-lifetime")?,
                valid_lifetime: body.u32("valid-lifetime")?,
                options: decode_options(drain(&mut body)?, Place::Lease)?,
            },
            (Self::IA_PREFIX, Place::Prefixes) => Self::IaPrefix(ia_prefix(&mut body)?),
            (Self::OPTION_REQUEST, Place::Message) => {
                let mut codes = Vec::with_capacity(octets.len() / 2);
                while !body.is_empty() {
                    codes.push(body.u16("requested-option-code")?);
                }
                Self::OptionRequest(codes)
            }
            (Self::PREFERENCE, Place::Message) => Self::Preference(body.u8("pref-value")?),
            (Self::ELAPSED_TIME, Place::Message) => Self::ElapsedTime(body.u16("elapsed-time")?),
            (Self::RAPID_COMMIT, Place::Message) => Self::RapidCommit,
            (Self::STATUS_CODE, _) => {
                let status = StatusCode(body.u16("status-code")?);
                match std::str::from_utf8(body.rest()) {
                    Ok(text) => {
                        drain(&mut body)?;
                        Self::Status(status, text.to_owned())
                    }
                    // Text for people that is no text says nothing; the code does.
                    Err(_) => return Ok(Self::Unknown { code, body: octets.to_vec() }),
                }
            }
            _ => Self::Unknown { code, body: drain(&mut body)?.rest().to_vec() },
        };
        if !body.is_empty() {
            return Err(at.invalid("option-len", octets.len() as u64));
        }
        Ok(option)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let code = self.code();
        out.extend_from_slice(&code.to_be_bytes());
        let length_at = out.len();
        out.extend_from_slice(&[0; 2]);
        match self {
            Self::ClientId(octets) | Self::ServerId(octets) => out.extend_from_slice(octets),
            Self::IaNa(identity) | Self::IaPd(identity) => {
                for number in [identity.iaid, identity.t1, identity.t2] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                encode_options(&identity.options, out);
            }
            Self::IaTa { iaid, options } => {
                out.extend_from_slice(&iaid.to_be_bytes());
                encode_options(options, out);
            }
            Self::IaAddress { address, preferred_lifetime, valid_lifetime, options } => {
                out.extend_from_slice(&address.octets());
                out.extend_from_slice(&preferred_lifetime.to_be_bytes());
                out.extend_from_slice(&valid_lifetime.to_be_bytes());
                encode_options(options, out);
            }
            Self::OptionRequest(codes) => {
                codes.iter().for_each(|code| out.extend_from_slice(&code.to_be_bytes()));
            }
            Self::Preference(value) => out.push(*value),
            Self::ElapsedTime(time) => out.extend_from_slice(&time.to_be_bytes()),
            Self::Status(status, text) => {
                out.extend_from_slice(&status.0.to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Self::RapidCommit => {}
            Self::IaPrefix(lease) => {
                out.extend_from_slice(&lease.preferred_lifetime.to_be_bytes());
                out.extend_from_slice(&lease.valid_lifetime.to_be_bytes());
                out.push(lease.prefix.prefix_len());
                out.extend_from_slice(&lease.prefix.addr().octets());
                encode_options(&lease.options, out);
            }
            Self::Unknown { body, .. } => out.extend_from_slice(body),
        }
        let length = saturated(out.len() - length_at - 2);
        out[length_at..length_at + 2].copy_from_slice(&length);
    }

    fn code(&self) -> u16 {
        match self {
            Self::ClientId(_) => Self::CLIENT_ID,
            Self::ServerId(_) => Self::SERVER_ID,
            Self::IaNa(_) => Self::IA_NA,
            Self::IaTa { .. } => Self::IA_TA,
            Self::IaAddress { .. } => Self::IA_ADDR,
            Self::OptionRequest(_) => Self::OPTION_REQUEST,
            Self::Preference(_) => Self::PREFERENCE,
            Self::ElapsedTime(_) => Self::ELAPSED_TIME,
            Self::Status(..) => Self::STATUS_CODE,
            Self::RapidCommit => Self::RAPID_COMMIT,
            Self::IaPd(_) => Self::IA_PD,
            Self::IaPrefix(_) => Self::IA_PREFIX,
            Self::Unknown { code, .. } => *code,
        }
    }
}

/// Reads options up to the end of `body`.
pub(super) fn decode_options(
    mut body: Reader<'_>,
    place: Place,
) -> Result<Vec<DhcpOption>, DecodeError> {
    let mut options = Vec::new();
    while !body.is_empty() {
        let code = body.u16("option-code")?;
        let length = body.u16("option-len")?;
        let data = body.sub(length.into(), "option-data")?;
        options.push(DhcpOption::decode(code, data, place)?);
    }
    Ok(options)
}

pub(super) fn encode_options(options: &[DhcpOption], out: &mut Vec<u8>) {
    options.iter().for_each(|option| option.encode(out));
}

fn identity(body: &mut Reader<'_>, inside: Place) -> Result<Identity, DecodeError> {
    Ok(Identity {
        iaid: body.u32("IAID")?,
        t1: body.u32("T1")?,
        t2: body.u32("T2")?,
        options: decode_options(drain(body)?, inside)?,
    })
}

fn ia_prefix(body: &mut Reader<'_>) -> Result<IaPrefix, DecodeError> {
    let preferred_lifetime = body.u32("preferred-lifetime")?;
    let valid_lifetime = body.u32("valid-lifetime")?;
    let at = *body;
    let length = body.u8("prefix-length")?;
    let address = body.ipv6("IPv6-prefix")?;
    let Ok(prefix) = Ipv6Net::new(address, length) else {
        return Err(at.invalid("prefix-length", length.into()));
    };
    let options = decode_options(drain(body)?, Place::Lease)?;
    Ok(IaPrefix { prefix: prefix.trunc(), preferred_lifetime, valid_lifetime, options })
}

/// Takes what is left.
fn drain<'a>(body: &mut Reader<'a>) -> Result<Reader<'a>, DecodeError> {
    body.sub(body.rest().len(), "option-data")
}
