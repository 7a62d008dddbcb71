//! What stands between the outer IP or UDP header and the inner packet.

use kedge_model::Encapsulation;

use crate::{gre, tlv};

/// The octets of one tunnel's packets of one inner family; only a length in them may differ.
#[derive(Clone, Copy, Debug)]
pub struct Shim {
    octets: [u8; 12],
    len: u8,
    has_tlv: bool,
}

impl Shim {
    /// That of packets of `is_ipv4`'s family.
    pub fn new(encapsulation: Encapsulation, is_ipv4: bool) -> Self {
        let (send_key, has_tlv) = match encapsulation {
            Encapsulation::IpInIp | Encapsulation::Udp { .. } => {
                return Self { octets: [0; 12], len: 0, has_tlv: false };
            }
            Encapsulation::Gre { send_key, .. } => (send_key, false),
            Encapsulation::GreUdp { send_key, .. } => (send_key, true),
        };
        let at = if has_tlv { tlv::LEN } else { 0 };
        let (header, length) = gre::header(send_key, is_ipv4);
        let mut octets = [0; 12];
        octets[at..at + header.len()].copy_from_slice(&header);
        Self { octets, len: (at + length) as u8, has_tlv }
    }

    /// How many octets there are.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// Whether the inner packet follows at once.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The octets in front of an inner packet of this length.
    pub fn before(&mut self, inner_len: usize) -> &[u8] {
        if self.has_tlv {
            let carried = self.len() - tlv::LEN + inner_len;
            self.octets[..tlv::LEN].copy_from_slice(&tlv::header(carried));
        }
        &self.octets[..self.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tlv_headers_length_is_that_of_gre_and_the_packet() {
        let encapsulation = Encapsulation::GreUdp {
            local_port: 1,
            peer_port: 2,
            send_key: Some(7),
            receive_key: None,
        };
        let mut shim = Shim::new(encapsulation, true);
        let expected = [0, 47, 0, 108, 0x20, 0, 0x08, 0x00, 0, 0, 0, 7];
        assert_eq!(shim.len(), 12);
        assert_eq!(shim.before(100), expected);
        assert_eq!(shim.before(1)[..4], [0, 47, 0, 9], "each packet has its own");
    }

    #[test]
    fn gre_without_udp_has_no_tlv_header_and_the_others_have_nothing() {
        let gre = Encapsulation::Gre { send_key: None, receive_key: None };
        assert_eq!(Shim::new(gre, false).before(9), [0, 0, 0x86, 0xdd]);
        let udp = Encapsulation::Udp { local_port: 1, peer_port: 2 };
        for bare in [Encapsulation::IpInIp, udp] {
            assert!(Shim::new(bare, true).is_empty());
        }
    }
}
