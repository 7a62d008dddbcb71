//! Fragmentation of inner IPv4 packets that allow it (RFC 791 §2.3, §3.2).

use crate::checksum::Sum;
use crate::inner::Inner;

/// The fragments of an IPv4 packet, none larger than `mtu`. `packet` is what `inner` was parsed
/// from. `None` where the MTU leaves no room for data behind the header.
pub fn fragments(inner: &Inner, packet: &[u8], mtu: u16) -> Option<Vec<Vec<u8>>> {
    let packet = packet.get(..inner.total_len)?;
    let (header, data) = packet.split_at_checked(inner.header_len)?;
    let later_header = later_header(header);
    let room = |header: &[u8]| match usize::from(mtu).saturating_sub(header.len()) & !7 {
        0 => None,
        room => Some(room),
    };
    let field = u16::from_be_bytes([header[6], header[7]]);
    let (flags, mut offset) = (field & 0xe000, usize::from(field & 0x1fff) * 8);

    let mut fragments = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let header = if fragments.is_empty() { header } else { &later_header };
        let (piece, behind) = rest.split_at(rest.len().min(room(header)?));
        let more = if behind.is_empty() { 0 } else { 0x2000 };
        // An offset past the field's 13 bits cannot be: the packet's length is below 2^16, and
        // one whose own offset makes it so is not worth carrying.
        let at = u16::try_from(offset / 8).ok().filter(|at| *at <= 0x1fff)?;
        fragments.push(fragment(header, piece, flags | more | at));
        offset += piece.len();
        rest = behind;
    }
    Some(fragments)
}

fn fragment(header: &[u8], piece: &[u8], field: u16) -> Vec<u8> {
    let mut packet = Vec::with_capacity(header.len() + piece.len());
    packet.extend(header);
    packet.extend(piece);
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[6..8].copy_from_slice(&field.to_be_bytes());
    packet[10..12].fill(0);
    let sum = Sum::default().bytes(&packet[..header.len()]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// The header of the fragments after the first: only options with the copied flag stay.
fn later_header(header: &[u8]) -> Vec<u8> {
    let mut later = header[..20].to_vec();
    let mut options = &header[20..];
    while let [kind, ..] = options {
        let length = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(*options.get(1).unwrap_or(&0)).max(2),
        };
        let Some((option, behind)) = options.split_at_checked(length) else { break };
        if kind & 0x80 != 0 {
            later.extend(option);
        }
        options = behind;
    }
    later.resize(later.len().next_multiple_of(4), 0);
    // At most 60 octets, so the count of words fits the four bits.
    later[0] = 0x40 | (later.len() / 4) as u8;
    later
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(options: &[u8], data: usize, field: u16) -> Vec<u8> {
        let header_len = 20 + options.len();
        let mut packet = vec![0x40 | (header_len / 4) as u8, 0];
        packet.extend((header_len as u16 + data as u16).to_be_bytes());
        packet.extend([0x12, 0x34]);
        packet.extend(field.to_be_bytes());
        packet.extend([64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend(options);
        packet.extend((0..data).map(|i| i as u8));
        packet
    }

    fn reassembled(fragments: &[Vec<u8>]) -> Vec<u8> {
        let mut data = Vec::new();
        for (i, fragment) in fragments.iter().enumerate() {
            let inner = Inner::parse(fragment).unwrap();
            let field = u16::from_be_bytes([fragment[6], fragment[7]]);
            assert!(Sum::default().bytes(&fragment[..inner.header_len]).is_valid());
            assert_eq!(usize::from(field & 0x1fff) * 8, data.len());
            assert_eq!(field & 0x2000 != 0, i + 1 < fragments.len());
            data.extend(&fragment[inner.header_len..]);
        }
        data
    }

    #[test]
    fn the_pieces_fit_and_make_the_whole() {
        let whole = packet(&[], 3000, 0);
        let pieces = fragments(&Inner::parse(&whole).unwrap(), &whole, 1400).unwrap();
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() <= 1400));
        assert_eq!(reassembled(&pieces), whole[20..]);
    }

    #[test]
    fn only_copied_options_reach_later_fragments() {
        // Record route (7) is not copied, loose source route (131) is.
        let whole = packet(&[7, 3, 4, 131, 3, 4, 1, 0], 100, 0);
        let pieces = fragments(&Inner::parse(&whole).unwrap(), &whole, 80).unwrap();
        assert_eq!(pieces[0][20..28], whole[20..28]);
        assert_eq!(pieces[1][20..24], [131, 3, 4, 0]);
        assert_eq!(reassembled(&pieces), whole[28..]);
    }

    #[test]
    fn a_fragment_is_fragmented_on_at_its_own_place() {
        let whole = packet(&[], 100, 0x2000 | 10);
        let pieces = fragments(&Inner::parse(&whole).unwrap(), &whole, 80).unwrap();
        let fields: Vec<u16> = pieces.iter().map(|p| u16::from_be_bytes([p[6], p[7]])).collect();
        assert_eq!(fields, [0x2000 | 10, 0x2000 | 17]);
    }

    #[test]
    fn an_mtu_without_room_for_data_is_refused() {
        let whole = packet(&[], 100, 0);
        assert_eq!(fragments(&Inner::parse(&whole).unwrap(), &whole, 27), None);
    }
}
