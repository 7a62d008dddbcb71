//! The fixed part of a message, and where its options are.

use std::fmt;
use std::net::Ipv4Addr;

use kedge_model::MacAddr;

use super::DhcpOption;
use super::option::{decode_options, encode_option};
use crate::reader::Reader;
use crate::{DecodeError, Fault};

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// From a client.
    Request,
    /// From a server.
    Reply,
}

/// What a message wants (RFC 2132 §9.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// A client looks for servers.
    pub const DISCOVER: Self = Self(1);
    /// A server offers an address.
    pub const OFFER: Self = Self(2);
    /// A client takes, verifies or extends a lease.
    pub const REQUEST: Self = Self(3);
    /// A client found the address in use.
    pub const DECLINE: Self = Self(4);
    /// A server grants a lease.
    pub const ACK: Self = Self(5);
    /// A server denies an address.
    pub const NAK: Self = Self(6);
    /// A client gives its address back.
    pub const RELEASE: Self = Self(7);
    /// A client with an address asks for the rest.
    pub const INFORM: Self = Self(8);
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::DISCOVER => "DHCPDISCOVER",
            Self::OFFER => "DHCPOFFER",
            Self::REQUEST => "DHCPREQUEST",
            Self::DECLINE => "DHCPDECLINE",
            Self::ACK => "DHCPACK",
            Self::NAK => "DHCPNAK",
            Self::RELEASE => "DHCPRELEASE",
            Self::INFORM => "DHCPINFORM",
            Self(other) => return write!(f, "DHCP type {other}"),
        })
    }
}

/// A DHCPv4 message between Ethernet hosts (RFC 2131 §2).
///
/// ```text
/// | op (1) | htype = 1 (1) | hlen = 6 (1) | hops (1) |
/// |                    xid (4)                        |
/// |       secs (2)         | flags (2)                |
/// | ciaddr (4) | yiaddr (4) | siaddr (4) | giaddr (4) |
/// | chaddr (16)                                       |
/// | sname (64)                                        |
/// | file (128)                                        |
/// | magic cookie 99.130.83.99 (4) | options ... | 255 |
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Which way it goes.
    pub op: Op,
    /// What it wants.
    pub message_type: MessageType,
    /// Ties answers to questions.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client cannot receive unicast before it has an address.
    pub broadcast: bool,
    /// The client's address, if it has one and answers ARP for it.
    pub ciaddr: Ipv4Addr,
    /// The address the client is given.
    pub yiaddr: Ipv4Addr,
    /// The next server of a bootstrap.
    pub siaddr: Ipv4Addr,
    /// The relay agent.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: MacAddr,
    /// All options but the message type, in the order of their first appearance.
    pub options: Vec<DhcpOption>,
}

impl Message {
    const HTYPE_ETHERNET: u8 = 1;
    const HLEN_ETHERNET: u8 = 6;
    const BROADCAST: u16 = 0x8000;
    const COOKIE: u32 = 0x6382_5363;
    /// RFC 1542 §2.1: BOOTP programs throw shorter messages away.
    const MIN_LEN: usize = 300;

    /// An answer to `request` with everything zero that Table 3 of RFC 2131 does not copy.
    pub fn reply_to(request: &Self, message_type: MessageType) -> Self {
        Self {
            op: Op::Reply,
            message_type,
            xid: request.xid,
            secs: 0,
            broadcast: request.broadcast,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: request.giaddr,
            chaddr: request.chaddr,
            options: Vec::new(),
        }
    }

    /// The address a client asks for.
    pub fn requested_address(&self) -> Option<Ipv4Addr> {
        self.options.iter().find_map(|option| match option {
            DhcpOption::RequestedAddress(address) => Some(*address),
            _ => None,
        })
    }

    /// The server a message names.
    pub fn server_identifier(&self) -> Option<Ipv4Addr> {
        self.options.iter().find_map(|option| match option {
            DhcpOption::ServerIdentifier(address) => Some(*address),
            _ => None,
        })
    }

    pub(super) fn decode(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let at = body;
        let op = match body.u8("op")? {
            1 => Op::Request,
            2 => Op::Reply,
            other => return Err(at.invalid("op", other.into())),
        };
        body.expect_u8("htype", Self::HTYPE_ETHERNET)?;
        body.expect_u8("hlen", Self::HLEN_ETHERNET)?;
        body.take(1, "hops")?;
        let xid = body.u32("xid")?;
        let secs = body.u16("secs")?;
        let broadcast = body.u16("flags")? & Self::BROADCAST != 0;
        let ciaddr = body.ipv4("ciaddr")?;
        let yiaddr = body.ipv4("yiaddr")?;
        let siaddr = body.ipv4("siaddr")?;
        let giaddr = body.ipv4("giaddr")?;
        let chaddr = body.mac("chaddr")?;
        body.take(10, "chaddr")?;
        let sname = body.sub(64, "sname")?;
        let file = body.sub(128, "file")?;
        let at = body;
        let cookie = body.u32("magic cookie")?;
        if cookie != Self::COOKIE {
            return Err(at.invalid("magic cookie", cookie.into()));
        }
        let at = body;
        let (message_type, options) = decode_options(body, file, sname)?;
        let Some(message_type) = message_type else {
            return Err(at.error("message type", Fault::Missing));
        };
        Ok(Self {
            op,
            message_type,
            xid,
            secs,
            broadcast,
            ciaddr,
            yiaddr,
            siaddr,
            giaddr,
            chaddr,
            options,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let op = match self.op {
            Op::Request => 1,
            Op::Reply => 2,
        };
        out.extend_from_slice(&[op, Self::HTYPE_ETHERNET, Self::HLEN_ETHERNET, 0]);
        out.extend_from_slice(&self.xid.to_be_bytes());
        out.extend_from_slice(&self.secs.to_be_bytes());
        out.extend_from_slice(&(u16::from(self.broadcast) * Self::BROADCAST).to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            out.extend_from_slice(&address.octets());
        }
        out.extend_from_slice(&self.chaddr.0);
        out.extend_from_slice(&[0; 10 + 64 + 128]);
        out.extend_from_slice(&Self::COOKIE.to_be_bytes());
        encode_option(DhcpOption::MESSAGE_TYPE, &[self.message_type.0], out);
        self.options.iter().for_each(|option| option.encode(out));
        out.push(DhcpOption::END);
        if out.len() - start < Self::MIN_LEN {
            out.resize(start + Self::MIN_LEN, DhcpOption::PAD);
        }
    }
}
