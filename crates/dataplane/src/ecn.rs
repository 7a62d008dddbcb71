//! Differentiated services and congestion marks across a tunnel.
//!
//! Entering, the outer header gets the inner congestion mark: the normal mode of RFC 6040 §4.1.
//! Leaving, congestion seen on the way is carried over ([`decapsulated`]). Which code point an outer
//! packet gets, and whether it comes back, is a choice: [`crate::Marking`].

use crate::checksum;

const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const CE: u8 = 0b11;

/// The octet of the packet that leaves the tunnel (RFC 6040 §4.2, figure 4), from the arriving
/// outer and inner ones; `None` where the packet must be dropped.
pub fn decapsulated(outer: u8, inner: u8) -> Option<u8> {
    let ecn = match (inner & 0b11, outer & 0b11) {
        (NOT_ECT, CE) => return None,
        (ECT_0 | ECT_1, CE) => CE,
        (ECT_0, ECT_1) => ECT_1,
        (inner, _) => inner,
    };
    Some(inner & !0b11 | ecn)
}

/// Writes the octet into an IPv4 or IPv6 header that is all there.
pub fn set_tos(packet: &mut [u8], tos: u8) {
    match packet {
        [first, second, ..] if *first >> 4 == 6 => {
            *first = *first & 0xf0 | tos >> 4;
            *second = *second & 0x0f | tos << 4;
        }
        [first, old, _, _, _, _, _, _, _, _, sum0, sum1, ..] => {
            let before = u16::from_be_bytes([*first, *old]);
            let after = u16::from_be_bytes([*first, tos]);
            let sum = checksum::updated(u16::from_be_bytes([*sum0, *sum1]), before, after);
            [*sum0, *sum1] = sum.to_be_bytes();
            *old = tos;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_rfc_6040_section_4_2() {
        let leaves = |inner| [NOT_ECT, ECT_0, ECT_1, CE].map(|outer| decapsulated(outer, inner));
        assert_eq!(leaves(NOT_ECT), [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None]);
        assert_eq!(leaves(ECT_0), [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]);
        assert_eq!(leaves(ECT_1), [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]);
        assert_eq!(leaves(CE), [Some(CE); 4]);
    }

    #[test]
    fn the_inner_code_point_survives_another_outer_one() {
        assert_eq!(decapsulated(0x28 << 2 | CE, 0x2e << 2 | ECT_0), Some(0x2e << 2 | CE));
    }
}
