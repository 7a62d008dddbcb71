//! DHCPv6: any octets give a value or an error, what is written is read back, and what is not
//! whole is refused (RFC 8415 §8, §21).

use std::net::Ipv6Addr;

use kedge_access_wire::dhcpv6::{
    self, DhcpOption, IaPrefix, Identity, Message, MessageType, StatusCode,
};
use kedge_access_wire::icmpv6::Route;
use kedge_access_wire::{Content, Fault, Frame};
use kedge_model::{Ipv6Net, MacAddr};
use proptest::collection::vec;
use proptest::prelude::*;

const ROUTE: Route = Route {
    source_mac: MacAddr([2; 6]),
    destination_mac: MacAddr([0x33, 0x33, 0, 1, 0, 2]),
    source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 7),
    destination: dhcpv6::ALL_SERVERS,
};
/// Ethernet, IPv6 and UDP headers.
const HEADERS: usize = 14 + 40 + 8;

fn status() -> impl Strategy<Value = DhcpOption> {
    (0..9u16, "[a-z ]{0,20}").prop_map(|(code, text)| DhcpOption::Status(StatusCode(code), text))
}

fn unknown() -> impl Strategy<Value = DhcpOption> {
    (100..200u16, vec(any::<u8>(), 0..40))
        .prop_map(|(code, body)| DhcpOption::Unknown { code, body })
}

fn prefix() -> impl Strategy<Value = DhcpOption> {
    let inside = vec(prop_oneof![status(), unknown()], 0..3);
    (any::<(u128, u32, u32)>(), 0..=128u8, inside).prop_map(|(numbers, length, options)| {
        let (address, preferred_lifetime, valid_lifetime) = numbers;
        let prefix = Ipv6Net::new(address.into(), length).unwrap().trunc();
        DhcpOption::IaPrefix(IaPrefix { prefix, preferred_lifetime, valid_lifetime, options })
    })
}

fn address() -> impl Strategy<Value = DhcpOption> {
    (any::<(u128, u32, u32)>(), vec(status(), 0..2)).prop_map(|(numbers, options)| {
        let (address, preferred_lifetime, valid_lifetime) = numbers;
        let address = address.into();
        DhcpOption::IaAddress { address, preferred_lifetime, valid_lifetime, options }
    })
}

fn identity(inside: impl Strategy<Value = DhcpOption>) -> impl Strategy<Value = Identity> {
    (any::<(u32, u32, u32)>(), vec(prop_oneof![inside, status()], 0..4))
        .prop_map(|((iaid, t1, t2), options)| Identity { iaid, t1, t2, options })
}

fn option() -> impl Strategy<Value = DhcpOption> {
    prop_oneof![
        vec(any::<u8>(), 3..=130).prop_map(DhcpOption::ClientId),
        vec(any::<u8>(), 3..=130).prop_map(DhcpOption::ServerId),
        identity(address()).prop_map(DhcpOption::IaNa),
        identity(prefix()).prop_map(DhcpOption::IaPd),
        (any::<u32>(), vec(address(), 0..3))
            .prop_map(|(iaid, options)| DhcpOption::IaTa { iaid, options }),
        vec(any::<u16>(), 0..10).prop_map(DhcpOption::OptionRequest),
        any::<u8>().prop_map(DhcpOption::Preference),
        any::<u16>().prop_map(DhcpOption::ElapsedTime),
        Just(DhcpOption::RapidCommit),
        status(),
        unknown(),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    (1..=11u8, 0..=Message::TRANSACTION, vec(option(), 0..6)).prop_map(
        |(kind, transaction, options)| Message {
            message_type: MessageType(kind),
            transaction,
            options,
        },
    )
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic_and_what_was_read_is_read_again(
        octets in vec(any::<u8>(), 0..300),
    ) {
        if let Ok(message) = Message::decode(&octets) {
            let mut written = Vec::new();
            message.encode(&mut written);
            prop_assert_eq!(Message::decode(&written), Ok(message));
        }
    }

    /// Octets that get past the first checks: options of the codes that have a meaning.
    #[test]
    fn any_option_bodies_are_read_without_a_panic(
        parts in vec((0..30u16, vec(any::<u8>(), 0..60)), 0..6),
    ) {
        let mut octets = vec![1, 0, 0, 1];
        for (code, body) in parts {
            octets.extend(code.to_be_bytes());
            octets.extend((body.len() as u16).to_be_bytes());
            octets.extend(body);
        }
        let _ = Message::decode(&octets);
    }

    #[test]
    fn messages_are_read_back_and_survive_no_cut_and_no_flipped_bit(
        message in message(),
        cut in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let mut octets = Vec::new();
        dhcpv6::encode_client_frame(&ROUTE, &message, &mut octets);
        let Content::Dhcpv6 { ip, message: read } = Frame::decode(&octets).unwrap().content else {
            panic!("not DHCPv6")
        };
        prop_assert_eq!((ip.source, ip.destination), (ROUTE.source, ROUTE.destination));
        prop_assert_eq!(*read, message);
        let at = HEADERS + cut.index(octets.len() - HEADERS);
        prop_assert!(Frame::decode(&octets[..at]).is_err());
        let at = HEADERS * 8 + flip.index((octets.len() - HEADERS) * 8);
        octets[at / 8] ^= 1 << (at % 8);
        let error = Frame::decode(&octets).unwrap_err();
        prop_assert_eq!(error.fault, Fault::Checksum);
    }
}

/// A Solicit with one option.
fn solicit(code: u16, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![1, 0, 0, 1];
    octets.extend(code.to_be_bytes());
    octets.extend((body.len() as u16).to_be_bytes());
    octets.extend(body);
    octets
}

#[test]
fn what_does_not_have_the_length_of_its_format_is_refused() {
    let wrong: [(u16, &[u8]); 12] = [
        (1, &[0, 3]),
        (1, &[0; 131]),
        (2, &[0, 3]),
        (3, &[0; 11]),
        (25, &[0; 11]),
        (6, &[0, 23, 0]),
        (7, &[]),
        (7, &[1, 2]),
        (8, &[0]),
        (13, &[0]),
        (14, &[0]),
        // An association that holds a prefix one octet short of its length.
        (25, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 0, 25, 0]),
    ];
    for (code, body) in wrong {
        assert!(Message::decode(&solicit(code, body)).is_err(), "option {code}: {body:?}");
    }
    assert!(Message::decode(&solicit(14, &[])).is_ok());
}

#[test]
fn a_prefix_longer_than_an_address_is_refused() {
    let prefix = |length: u8| {
        let mut body = vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 0, 25];
        body.extend([0; 8]);
        body.push(length);
        body.extend([0x20; 16]);
        body
    };
    assert!(Message::decode(&solicit(25, &prefix(128))).is_ok());
    let error = Message::decode(&solicit(25, &prefix(129))).unwrap_err();
    assert_eq!((error.field, error.fault), ("prefix-length", Fault::Invalid { value: 129 }));
}

#[test]
fn an_association_inside_an_association_is_kept_and_not_looked_into() {
    // IA_PD in IA_PD in IA_PD, as deep as a message is long.
    let mut body = vec![0; 12];
    for _ in 0..60 {
        let mut outer = vec![0; 12];
        outer.extend(25u16.to_be_bytes());
        outer.extend((body.len() as u16).to_be_bytes());
        outer.extend(body);
        body = outer;
    }
    let message = Message::decode(&solicit(25, &body)).unwrap();
    let [DhcpOption::IaPd(identity)] = &message.options[..] else { panic!("{message:?}") };
    assert!(matches!(identity.options[..], [DhcpOption::Unknown { code: 25, .. }]));
}

#[test]
fn relay_messages_have_no_place_on_an_access_link() {
    for kind in [12, 13] {
        let error = Message::decode(&[kind, 0, 0, 1]).unwrap_err();
        assert_eq!(error.field, "msg-type");
    }
}

#[test]
fn a_datagram_without_a_checksum_is_refused_and_one_whose_sum_is_left_to_hardware_is_read() {
    let message =
        Message { message_type: MessageType::SOLICIT, transaction: 7, options: Vec::new() };
    let mut octets = Vec::new();
    dhcpv6::encode_client_frame(&ROUTE, &message, &mut octets);
    let sum_at = HEADERS - 2;
    octets[sum_at..HEADERS].copy_from_slice(&[0, 0]);
    assert_eq!(Frame::decode(&octets).unwrap_err().fault, Fault::Checksum);
    // What Linux leaves in the field: the sum of the pseudo-header.
    let mut pseudo = Vec::new();
    pseudo.extend(ROUTE.source.octets());
    pseudo.extend(ROUTE.destination.octets());
    pseudo.extend([0, 12, 0, 17]);
    let mut sum: u32 =
        pseudo.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    octets[sum_at..HEADERS].copy_from_slice(&(sum as u16).to_be_bytes());
    assert!(matches!(Frame::decode(&octets).unwrap().content, Content::Dhcpv6 { .. }));
}
