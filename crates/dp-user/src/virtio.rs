//! The header in front of every packet of a TUN device (virtio 1.2, §5.1.6).
//!
//! ```text
//! | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset |
//!    1        1          2         2           2             2        octets, host order
//! ```
//!
//! It lets one read or write carry a train: a packet whose payload the kernel would cut, or
//! merged, into segments of `gso_size` octets, with one header for all.

/// The header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VirtioHeader {
    /// The checksum at `csum_start + csum_offset` holds the pseudo-header's sum only; the rest
    /// is to be summed from `csum_start` on.
    pub needs_checksum: bool,
    /// What the packet's payload is cut into.
    pub train: Train,
    /// Octets of headers in front of the payload; a hint.
    pub header_len: u16,
    /// Octets of payload in each segment but the last.
    pub segment: u16,
    /// Where the checksum starts: the transport header.
    pub checksum_start: u16,
    /// Where in the transport header the checksum is.
    pub checksum_offset: u16,
}

/// What a packet stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Train {
    /// Itself.
    #[default]
    None,
    /// TCP segments over IPv4.
    Tcp4,
    /// TCP segments over IPv6.
    Tcp6,
    /// UDP datagrams.
    Udp,
}

impl VirtioHeader {
    /// Octets of the header.
    pub const LEN: usize = 10;

    /// Reads the header; `None` for a kind of train that we did not ask for.
    pub fn decode(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let field = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        let train = match bytes[1] {
            0 => Train::None,
            1 => Train::Tcp4,
            4 => Train::Tcp6,
            5 => Train::Udp,
            _ => return None,
        };
        Some(Self {
            needs_checksum: bytes[0] & 1 != 0,
            train,
            header_len: field(2),
            segment: field(4),
            checksum_start: field(6),
            checksum_offset: field(8),
        })
    }

    /// Writes the header.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let train = match self.train {
            Train::None => 0,
            Train::Tcp4 => 1,
            Train::Tcp6 => 4,
            Train::Udp => 5,
        };
        let [h0, h1] = self.header_len.to_ne_bytes();
        let [s0, s1] = self.segment.to_ne_bytes();
        let [c0, c1] = self.checksum_start.to_ne_bytes();
        let [o0, o1] = self.checksum_offset.to_ne_bytes();
        [self.needs_checksum.into(), train, h0, h1, s0, s1, c0, c1, o0, o1]
    }
}
