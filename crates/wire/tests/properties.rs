//! What holds for every message and for any octets at all.

mod support;

use kedge_wire::registry::OptionType;
use kedge_wire::*;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_was_written_is_read_back(packet in support::packet()) {
        let mut out = b"something in front".to_vec();
        let start = out.len();
        let encoded = packet.encode(&mut out);
        prop_assert_eq!(encoded, Encoded { len: out.len() - start, omitted: 0 });
        prop_assert_eq!(Packet::decode(&out[start..]), Ok(packet));
    }

    #[test]
    fn a_written_message_is_a_multiple_of_eight_and_says_its_length(packet in support::packet()) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        prop_assert_eq!(out.len() % 8, 0);
        prop_assert_eq!((usize::from(out[1]) + 1) * 8, out.len());
        prop_assert_eq!((out[0], out[3], out[4], out[5]), (59, 0, 0, 0));
    }

    #[test]
    fn every_option_stands_where_its_rfc_asks(packet in support::packet()) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        for (at, kind) in tlvs(&packet, &out) {
            let (multiple, offset) = printed_alignment(kind);
            prop_assert_eq!(at % multiple, offset, "{:?} at {}", kind, at);
        }
    }

    #[test]
    fn padding_is_one_option_of_zeros_and_never_eight_octets(packet in support::packet()) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        let mut before_was_padding = false;
        for (at, kind) in tlvs(&packet, &out) {
            let is_padding = matches!(kind, OptionType::PAD1 | OptionType::PADN);
            prop_assert!(!(is_padding && before_was_padding), "two paddings in a row at {}", at);
            if kind == OptionType::PADN {
                let len = usize::from(out[at + 1]);
                prop_assert!(len <= 5 && out[at + 2..at + 2 + len].iter().all(|o| *o == 0));
            }
            before_was_padding = is_padding;
        }
    }

    #[test]
    fn arbitrary_octets_are_refused_or_read_and_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        read_everything(&bytes);
    }

    // Random octets hardly ever begin with 59 and a matching Header Len; these always do.
    #[test]
    fn arbitrary_octets_behind_a_good_header_never_panic(
        mh_type in 0u8..24,
        units in 0u8..40,
        data in vec(any::<u8>(), 40 * 8),
    ) {
        let mut bytes = vec![59, units, mh_type, 0, 0, 0];
        bytes.extend_from_slice(&data[..usize::from(units) * 8 + 2]);
        read_everything(&bytes);
    }

    #[test]
    fn a_damaged_message_is_refused_or_read_and_never_panics(
        packet in support::packet(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        for (at, value) in damage {
            let at = at.index(out.len());
            out[at] = value;
        }
        read_everything(&out);
    }

    #[test]
    fn whatever_is_read_can_be_written_and_read_again(
        mh_type in 0u8..24,
        units in 0u8..12,
        data in vec(any::<u8>(), 12 * 8),
    ) {
        let mut bytes = vec![59, units, mh_type, 0, 0, 0];
        bytes.extend_from_slice(&data[..usize::from(units) * 8 + 2]);
        if let Ok(packet) = Packet::decode(&bytes) {
            let mut out = Vec::new();
            packet.encode(&mut out);
            prop_assert_eq!(Packet::decode(&out), Ok(packet));
        }
    }
}

/// The decoder, both views of its result, and the authentication.
fn read_everything(bytes: &[u8]) {
    let borrowed = PacketRef::decode(bytes);
    let owned = Packet::decode(bytes);
    match (borrowed, owned) {
        (Ok(borrowed), Ok(owned)) => {
            let options: Vec<_> = borrowed.options.iter().collect();
            assert_eq!(options, owned.options.iter().collect::<Vec<_>>());
            assert_eq!(borrowed.message, owned.message);
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            assert!(one.offset <= bytes.len(), "{one}");
        }
        (borrowed, owned) => panic!("{borrowed:?} and {owned:?} disagree"),
    }
    let key = auth::Key::new(256, b"key");
    let any = std::net::Ipv6Addr::UNSPECIFIED;
    let verdict = auth::verify(bytes, |_| Some(&key), any.into(), any.into());
    assert_ne!(verdict, auth::AuthVerdict::Valid);
}

/// The alignment that registry.md quotes from the RFCs, written down a second time.
fn printed_alignment(kind: OptionType) -> (usize, usize) {
    match kind.0 {
        2 | 4 => (2, 0),
        3 | 26 => (8, 6),
        5 => (8, 2),
        9 => (4, 1),
        10 | 27 => (8, 2),
        19 | 28 | 62 => (4, 2),
        22 => (8, 4),
        31 | 33 | 36 | 37 | 38 => (4, 0),
        55 => (8, 2),
        _ => (1, 0),
    }
}

/// Offset and type of every option and every padding, found without the crate.
fn tlvs(packet: &Packet, mh: &[u8]) -> Vec<(usize, OptionType)> {
    let mut at = match packet.message {
        Message::BindingRefreshRequest(_) => 8,
        Message::BindingError(_) => 24,
        Message::Unknown(_) => mh.len(),
        _ => 12,
    };
    let mut found = Vec::new();
    while at < mh.len() {
        found.push((at, OptionType(mh[at])));
        at += match mh[at] {
            0 => 1,
            60 | 61 => 4 + 4 * usize::from(mh[at + 1]),
            _ => 2 + usize::from(mh[at + 1]),
        };
    }
    assert_eq!(at, mh.len(), "options end with the message");
    found
}
