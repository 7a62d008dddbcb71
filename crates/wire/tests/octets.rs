//! Messages and options as the figures of the RFCs draw them.

use kedge_model::{Ipv4Net, Ipv6Net, Lifetime, LinkLayerId, MacAddr, MnId, Sequence, Timestamp};
use kedge_wire::registry::*;
use kedge_wire::*;

const SEQUENCE: Sequence = Sequence(0x1234);
const LIFETIME: Lifetime = Lifetime::from_units(0x0384);

#[test]
fn messages_are_written_as_their_rfcs_draw_them() {
    let flags = BuFlags::A | BuFlags::P | BuFlags::F;
    check(BindingRefreshRequest, "3b 00 00 00 0000 0000");
    check(
        BindingUpdate { sequence: SEQUENCE, flags, lifetime: LIFETIME },
        "3b 01 05 00 0000 1234 8300 0384 01 02 0000",
    );
    check(
        BindingAcknowledgement {
            status: Status::TIMESTAMP_MISMATCH,
            flags: BaFlags::P | BaFlags::T,
            sequence: SEQUENCE,
            lifetime: LIFETIME,
        },
        "3b 01 06 00 0000 9c 30 1234 0384 01 02 0000",
    );
    check(
        BindingError {
            status: BindingErrorStatus::UNRECOGNIZED_MH_TYPE,
            home_address: "2001:db8::1".parse().unwrap(),
        },
        "3b 02 07 00 0000 02 00 2001 0db8 0000 0000 0000 0000 0000 0001",
    );
    check(
        Heartbeat { flags: HeartbeatFlags::R | HeartbeatFlags::U, sequence: 0x0102_0304 },
        "3b 01 0d 00 0000 0003 0102 0304 01 02 0000",
    );
    check(
        BindingRevocationIndication {
            trigger: RevocationTrigger::PER_PEER_POLICY,
            sequence: SEQUENCE,
            flags: RevocationFlags::P | RevocationFlags::G,
        },
        "3b 01 10 00 0000 01 80 1234 a000 01 02 0000",
    );
    check(
        BindingRevocationAcknowledgement {
            status: RevocationStatus::BINDING_DOES_NOT_EXIST,
            sequence: SEQUENCE,
            flags: RevocationFlags::P | RevocationFlags::V,
        },
        "3b 01 10 00 0000 02 80 1234 c000 01 02 0000",
    );
    let unknown = UnknownMessage::new(MhType::UPDATE_NOTIFICATION, &[1; 10][..]).unwrap();
    check(unknown, "3b 01 13 00 0000 0101 0101 0101 0101 0101");
}

#[test]
fn options_are_written_as_their_rfcs_draw_them() {
    let address = "2001:db8::1".parse().unwrap();
    let ipv6 = "2001 0db8 0000 0000 0000 0000 0000 0001";
    let prefix: Ipv6Net = "2001:db8::1/64".parse().unwrap();
    let ipv4: Ipv4Net = "192.0.2.1/24".parse().unwrap();
    let mn_id = MnId::nai("a@b").unwrap();
    let mac = LinkLayerId::from(MacAddr([1, 2, 3, 4, 5, 6]));
    let ethernet = AccessTechnologyType::IEEE_802_3;

    body(BindingRefreshAdvice(LIFETIME), "02 02 0384");
    body(AlternateCareOfAddress(address), &format!("03 10 {ipv6}"));
    body(NonceIndices { home: 1234, care_of: 5678 }, "04 04 04d2 162e");
    body(BindingAuthorizationData::new(&[7; 12]).unwrap(), "05 0c 0707 0707 0707 0707 0707 0707");
    body(MnIdOption::from(&mn_id), "08 04 01 61 40 62");
    body(MnIdOption::EMPTY, "08 01 01");
    let auth = Authentication::new(AuthenticationSubtype::MN_HA, 0x100, &[7; 12]).unwrap();
    body(auth, "09 11 01 00000100 0707 0707 0707 0707 0707 0707");
    body(MessageId(0x0102_0304_0506_0708), "0a 08 01020304 05060708");
    body(VendorSpecific::new(9, 1, b"x").unwrap(), "13 06 00000009 01 78");
    body(ServiceSelection::new(b"ims").unwrap(), "14 03 69 6d 73");
    body(HomeNetworkPrefix::new(prefix), &format!("16 12 00 40 {ipv6}"));
    body(HomeNetworkPrefix { prefix, off_link: true }, &format!("16 12 80 40 {ipv6}"));
    body(HandoffIndicator(HandoffIndicatorValue::NOT_CHANGED), "17 02 00 05");
    body(AccessTechnology(ethernet), "18 02 00 03");
    body(MnLinkLayerId::from(&mac), "19 08 0000 0102 0304 0506");
    body(LinkLocalAddress(address), &format!("1a 10 {ipv6}"));
    body(TimestampOption(Timestamp(0x0000_6789_abcd_8000)), "1b 08 00006789abcd 8000");
    body(RestartCounter(5), "1c 04 00000005");
    body(NatDetection { force_udp: true, refresh_time: 110 }, "1f 06 8000 0000006e");
    body(Ipv4CareOfAddress(ipv4.addr()), "20 06 0000 c0000201");
    body(GreKeyOption { key: None }, "21 02 0000");
    body(GreKeyOption { key: Some(0x0102_0304) }, "21 06 0000 01020304");
    body(Ipv4HomeAddressRequest { address: ipv4 }, "24 06 60 00 c0000201");
    let status = Ipv4HomeAddressStatus::INVALID_IPV4_ADDRESS;
    body(Ipv4HomeAddressReply { status, address: ipv4 }, "25 06 83 60 c0000201");
    body(Ipv4DefaultRouter("192.0.2.254".parse().unwrap()), "26 06 0000 c00002fe");
    body(DhcpSupportMode { server: true }, "27 02 0001");
    body(LmaAddress(ipv4.addr().into()), "29 06 0200 c0000201");
    body(LmaAddress(address.into()), &format!("29 12 0100 {ipv6}"));
    let subtype = MnGroupSubtype::BULK_BINDING_UPDATE_GROUP;
    body(MobileNodeGroupId { subtype, group: 5 }, "32 06 01 00 00000005");
    body(DelegatedMobileNetworkPrefix { prefix: ipv4.into() }, "37 06 80 18 c0000201");
    body(DelegatedMobileNetworkPrefix { prefix: prefix.into() }, &format!("37 12 00 40 {ipv6}"));
    let heartbeat =
        HeartbeatControl { interval: 60, retransmission_delay: 5, max_retransmissions: 3 };
    let mut parameters =
        LmaControlledMagParameters { heartbeat: Some(heartbeat), ..Default::default() };
    body(parameters, "3e 08 02 06 003c 0005 0003");
    parameters.reregistration = Some(ReregistrationControl {
        start_time: 10,
        initial_retransmission: 1,
        max_retransmission: 32,
    });
    body(parameters, "3e 10 01 06 000a 0001 0020 02 06 003c 0005 0003");
    let multipath = MagMultipathBinding {
        technology: ethernet,
        label: 9,
        bid: 11,
        bulk_reregistration: false,
        overwrite: true,
    };
    body(multipath, "3f 06 03 09 0b 40 0000");
    let bulk = MagMultipathBinding { bulk_reregistration: true, overwrite: false, ..multipath };
    body(bulk, "3f 06 03 09 0b 80 0000");
    body(MagIdentifier::new(MnIdSubtype::NAI, b"m").unwrap(), "40 03 01 00 6d");
    // RFC 7411: Length counts 32-bit words behind the fourth octet.
    let words = UnknownOption::new(OptionType::MULTICAST, &[1, 0, 2, 2, 2, 2]).unwrap();
    body(words, "3c 01 0100 0202 0202");
}

#[test]
fn values_whose_length_cannot_be_said_cannot_be_made() {
    let long = [b'x'; 256];
    assert!(BindingAuthorizationData::new(&long).is_none());
    assert!(MnIdOption::new(MnIdSubtype::NAI, &long[..255]).is_none());
    assert!(Authentication::new(AuthenticationSubtype::MN_HA, 1, &long[..251]).is_none());
    assert!(VendorSpecific::new(1, 1, &long[..251]).is_none());
    assert!(ServiceSelection::new(&long).is_none());
    assert!(ServiceSelection::new(&[]).is_none());
    assert!(MnLinkLayerId::new(&long[..254]).is_none());
    assert!(MagIdentifier::new(MnIdSubtype::NAI, &long[..254]).is_none());
    assert!(UnknownOption::new(OptionType::SIGNATURE, &long).is_none());
    assert!(UnknownOption::new(OptionType::HOME_NETWORK_PREFIX, &[]).is_none());
    assert!(UnknownOption::new(OptionType::PADN, &[]).is_none());
    assert!(UnknownOption::new(OptionType::MULTICAST, &[0; 5]).is_none());
    assert!(UnknownMessage::new(MhType::BINDING_UPDATE, vec![0; 10]).is_none());
    assert!(UnknownMessage::new(MhType::BINDING_REVOCATION, vec![1; 10]).is_none());
    assert!(UnknownMessage::new(MhType::HOME_TEST, vec![0; 9]).is_none());
}

#[test]
fn an_option_that_finds_no_room_is_left_out_and_counted() {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, BindingRefreshRequest);
    let option = ServiceSelection::new(&[b'x'; 255]).unwrap();
    (0..9).for_each(|_| encoder.option(option));
    let Encoded { len, omitted } = encoder.finish();
    assert_eq!((len, omitted), (8 + 7 * 257 + 1, 2));
    assert_eq!(PacketRef::decode(&out).unwrap().options.iter().count(), 7);
}

/// Written as `hex`, and read back from it.
fn check<'a>(message: impl Into<Message<'a>>, hex: &str) {
    let packet = Packet { message: message.into().into_owned(), options: Options::new() };
    let mut out = Vec::new();
    packet.encode(&mut out);
    assert_eq!(out, octets(hex), "{packet:?}");
    assert_eq!(Packet::decode(&out), Ok(packet));
}

/// Written as `hex` behind its padding, and read back from it at every alignment there is.
fn body<'a>(option: impl Into<MobilityOption<'a>>, hex: &str) {
    let option = option.into();
    let tlv = octets(hex);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, BindingRefreshRequest);
    encoder.option(option);
    encoder.finish();
    assert!(out[8..].windows(tlv.len()).any(|w| w == tlv), "{option:?}: {out:02x?}");

    for pads in 0..8 {
        let mut mh = vec![59, 0, 0, 0, 0, 0, 0, 0];
        mh.resize(8 + pads, 0);
        mh.extend_from_slice(&tlv);
        mh.resize(mh.len().next_multiple_of(8), 0);
        mh[1] = (mh.len() / 8 - 1) as u8;
        let packet = PacketRef::decode(&mh).unwrap();
        assert_eq!(packet.options.iter().collect::<Vec<_>>(), [option], "behind {pads} octets");
    }
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(octet).collect()
}
