//! What becomes of a packet.

use crate::icmp::Reply;

/// Why a packet was not forwarded. Every dropped packet is counted under one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum DropReason {
    /// From the tunnel: no binding has a tunnel with this peer and this local address.
    UnknownPeer,
    /// From the tunnel: the peer is known, this GRE key or this encapsulation is not.
    UnknownKey,
    /// From the tunnel: no binding holds the inner address (RFC 5213 §5.6.2).
    UnknownInner,
    /// From the tunnel: the inner address belongs to a binding, and this tunnel does not.
    OtherTunnel,
    /// From the tunnel: what is inside is neither IPv4 nor IPv6.
    ProtocolType,
    /// From the tunnel: the inner header says more octets than there are, or is cut short.
    InvalidLength,
    /// From the tunnel: a GRE header that RFC 2784 §2.3 or RFC 2890 §2 tell us to discard.
    GreHeader,
    /// From the tunnel: GRE's checksum is wrong (RFC 2784 §2.5).
    GreChecksum,
    /// From the tunnel: congestion was marked on the outer header and the inner packet cannot
    /// carry the mark (RFC 6040 §4.2).
    Congestion,
    /// To the tunnel or from it: an access list does not permit it.
    AccessList,
    /// To the tunnel: what came from the device is no well-formed packet.
    Malformed,
    /// To the tunnel: of link scope, as a host itself says on its links (RFC 4291 §2.5.6, RFC
    /// 3927 §2.7).
    LinkScope,
    /// To the tunnel: no binding holds the address (RFC 5213 §5.6.2, §6.10.5).
    NoBinding,
    /// To the tunnel: larger than the tunnel takes, and not to be fragmented.
    TooBig,
    /// The kernel refused to take the packet: a queue was full or no route was found.
    Refused,
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All reasons in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::UnknownPeer,
        Self::UnknownKey,
        Self::UnknownInner,
        Self::OtherTunnel,
        Self::ProtocolType,
        Self::InvalidLength,
        Self::GreHeader,
        Self::GreChecksum,
        Self::Congestion,
        Self::AccessList,
        Self::Malformed,
        Self::LinkScope,
        Self::NoBinding,
        Self::TooBig,
        Self::Refused,
    ];

    /// What an operator reads.
    pub const fn label(self) -> &'static str {
        self.text()[0]
    }

    /// The counter's name in JSON.
    pub const fn key(self) -> &'static str {
        self.text()[1]
    }

    /// What makes it count.
    pub const fn help(self) -> &'static str {
        self.text()[2]
    }

    const fn text(self) -> [&'static str; 3] {
        match self {
            Self::UnknownPeer => [
                "Unknown Tunnel Peer",
                "unknown_peer",
                "From the tunnel: no binding has a tunnel with this peer and this local address.",
            ],
            Self::UnknownKey => [
                "Unknown GRE Key or Encapsulation",
                "unknown_key",
                "From the tunnel: the peer is known, this GRE key or this encapsulation is not.",
            ],
            Self::UnknownInner => [
                "Unknown Inner Address",
                "unknown_inner",
                "From the tunnel: no binding holds the inner address (RFC 5213 §5.6.2).",
            ],
            Self::OtherTunnel => [
                "Inner Address of Another Tunnel",
                "other_tunnel",
                "From the tunnel: the inner address belongs to a binding, and this tunnel does not.",
            ],
            Self::ProtocolType => [
                "Protocol Type Error",
                "protocol_type",
                "From the tunnel: what is inside is neither IPv4 nor IPv6.",
            ],
            Self::InvalidLength => [
                "Invalid Pkt Length",
                "invalid_length",
                "From the tunnel: the inner header says more octets than there are, or is cut short.",
            ],
            Self::GreHeader => [
                "Invalid GRE Header",
                "gre_header",
                "From the tunnel: a GRE header that RFC 2784 §2.3 or RFC 2890 §2 tell us to discard.",
            ],
            Self::GreChecksum => [
                "GRE Checksum Error",
                "gre_checksum",
                "From the tunnel: GRE's checksum is wrong (RFC 2784 §2.5).",
            ],
            Self::Congestion => [
                "Congestion on a Packet without ECN",
                "congestion",
                "From the tunnel: congestion was marked on the outer header and the inner packet cannot carry the mark (RFC 6040 §4.2).",
            ],
            Self::AccessList => [
                "Denied by an Access List",
                "access_list",
                "To the tunnel or from it: an access list does not permit it.",
            ],
            Self::Malformed => [
                "Malformed Inner Packet",
                "malformed",
                "To the tunnel: what came from the device is no well-formed packet.",
            ],
            Self::LinkScope => [
                "Link-Scoped",
                "link_scope",
                "To the tunnel: of link scope, as a host itself says on its links (RFC 4291 §2.5.6, RFC 3927 §2.7).",
            ],
            Self::NoBinding => [
                "No Binding",
                "no_binding",
                "To the tunnel: no binding holds the address (RFC 5213 §5.6.2, §6.10.5).",
            ],
            Self::TooBig => [
                "Too Big",
                "too_big",
                "To the tunnel: larger than the tunnel takes, and not to be fragmented.",
            ],
            Self::Refused => [
                "Refused by the Kernel",
                "refused",
                "The kernel refused to take the packet: a queue was full or no route was found.",
            ],
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict<T> {
    /// It goes on, as this.
    Forward(T),
    /// It goes back into its routing world as it is: a gateway has its sender and its receiver, and
    /// need not ask the anchor (RFC 5213 §6.10.3). It has been counted.
    Local,
    /// It ends here; the reason has been counted.
    Drop(DropReason),
    /// It ends here and its sender is told; the reason has been counted.
    Reply(DropReason, Reply),
}
