//! UDP under the messages that this crate writes.

use crate::checksum::Sum;
use crate::ip::saturated;

/// A datagram between two ports. `write` appends what it carries; `pseudo` sums the pseudo-header
/// of a datagram of so many octets.
pub(crate) fn datagram(
    from: u16,
    to: u16,
    write: impl FnOnce(&mut Vec<u8>),
    pseudo: impl FnOnce(usize) -> Sum,
) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(512);
    datagram.extend_from_slice(&from.to_be_bytes());
    datagram.extend_from_slice(&to.to_be_bytes());
    datagram.extend_from_slice(&[0; 4]);
    write(&mut datagram);
    let length = saturated(datagram.len());
    datagram[4..6].copy_from_slice(&length);
    // RFC 768, RFC 8200 §8.1: a sum of zero is sent as all ones, because zero says that there is
    // none.
    let checksum = match pseudo(datagram.len()).add(&datagram).finish() {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    datagram
}
