//! What a receiver puts up with, and what it refuses, at which octet.

use kedge_wire::registry::{MhType, OptionType};
use kedge_wire::*;

#[test]
fn payload_proto_other_than_none_is_refused_at_octet_0() {
    let error = invalid(0, "payload proto", 58);
    assert_eq!(decode(b"\x3a\x00\x00\0\0\0\0\0"), Err(error));
    assert_eq!(error.to_string(), "payload proto at octet 0: invalid value 58");
}

// RFC 6275 §9.2: the pointer of the Parameter Problem is the Header Len field.
#[test]
fn a_header_len_too_small_for_the_message_is_refused_at_octet_1() {
    for (mh_type, units) in [(5, 0), (6, 0), (7, 0), (7, 1), (13, 0), (16, 0)] {
        let mut mh = vec![59, units, mh_type, 0, 0, 0, 1];
        mh.resize((usize::from(units) + 1) * 8, 0);
        assert_eq!(decode(&mh), Err(invalid(1, "header len", units.into())), "type {mh_type}");
    }
}

#[test]
fn a_message_cut_anywhere_is_refused_where_it_ends() {
    let mh = b"\x3b\x01\x05\0\0\0\x12\x34\x82\x00\x03\x84\x17\x02\0\x01";
    assert!(decode(mh).is_ok());
    for have in 0..mh.len() {
        let (at, need) = match have {
            0..3 => (have, 1),
            3 => (3, 1),
            4..6 => (4, 2),
            _ => (6, 10),
        };
        let error = decode(&mh[..have]).unwrap_err();
        assert_eq!((error.offset, error.fault), (at, Fault::Truncated { need, have: have - at }));
    }
}

#[test]
fn an_option_that_runs_beyond_the_message_is_refused_behind_its_length() {
    let fault = Fault::Truncated { need: 3, have: 2 };
    let error = DecodeError { offset: 14, field: "option data", fault };
    assert_eq!(decode_options(b"\x17\x03\0\x01"), Err(error));
    assert_eq!(error.to_string(), "option data at octet 14: 3 octets needed, 2 left");
}

#[test]
fn a_type_octet_without_length_is_refused_behind_it() {
    let fault = Fault::Truncated { need: 1, have: 0 };
    let error = DecodeError { offset: 16, field: "option length", fault };
    assert_eq!(decode_options(b"\0\0\0\x17"), Err(error));
}

#[test]
fn an_option_shorter_than_its_fields_is_refused_at_the_field_cut_short() {
    let short = [
        (&b"\x17\x01\0\0"[..], 15, "handoff indicator", 1, 0),
        (b"\x02\x01\0\0", 14, "refresh interval", 2, 1),
        (b"\x21\x04\0\0\0\0", 16, "gre key identifier", 4, 2),
        (b"\x14\x00\0\0", 14, "identifier", 1, 0),
        (b"\x08\x00\0\0", 14, "subtype", 1, 0),
        (b"\x24\x05\x60\0\xc0\0\x02\0", 16, "ipv4 home address", 4, 3),
    ];
    for (options, offset, field, need, have) in short {
        let error = DecodeError { offset, field, fault: Fault::Truncated { need, have } };
        assert_eq!(decode_options(options), Err(error));
    }
}

#[test]
fn an_option_longer_than_its_fields_is_refused_at_the_first_octet_too_many() {
    let error =
        DecodeError { offset: 16, field: "option body", fault: Fault::Trailing { left: 1 } };
    assert_eq!(decode_options(b"\x17\x03\0\x01\0"), Err(error));
    assert_eq!(error.to_string(), "option body at octet 16: 1 octets too many");
}

#[test]
fn a_prefix_length_out_of_range_is_refused_at_its_octet() {
    let mut hnp = [0; 20];
    hnp[..4].copy_from_slice(&[22, 18, 0, 129]);
    assert_eq!(decode_options(&hnp), Err(invalid(15, "prefix length", 129)));
    let mut dmnp = [0; 20];
    dmnp[..4].copy_from_slice(&[55, 18, 0, 129]);
    assert_eq!(decode_options(&dmnp), Err(invalid(15, "prefix length", 129)));
    let dmnp4 = b"\x37\x06\x80\x21\0\0\0\0";
    assert_eq!(decode_options(dmnp4), Err(invalid(15, "prefix length", 33)));
    assert_eq!(decode_options(b"\x24\x06\x84\0\0\0\0\0"), Err(invalid(14, "prefix-len", 33)));
    assert_eq!(decode_options(b"\x25\x06\0\x84\0\0\0\0"), Err(invalid(15, "pref-len", 33)));
}

#[test]
fn octets_beyond_header_len_are_ignored() {
    let mh = b"\x3b\x00\x00\0\0\0\0\0\x17\xff\xff";
    assert_eq!(decode(mh).unwrap(), decode(&mh[..8]).unwrap());
}

#[test]
fn padding_of_any_kind_and_content_is_skipped() {
    let mh = options_of(b"\0\0\x01\x03\xff\xff\xff\0\x17\x02\0\x01\x01\x00\0\0");
    assert_eq!(kinds(&mh), [OptionType::HANDOFF_INDICATOR]);
}

#[test]
fn reserved_bits_are_ignored_and_not_sent_back() {
    let received = b"\x3b\x03\x05\xff\0\0\x12\x34\x82\x0f\x03\x84\x17\x02\xff\x01\
                     \x24\x06\x63\xff\xc0\0\x02\x01\x27\x02\xff\xfe\0\0\0\0";
    let packet = decode(received).unwrap();
    let Message::BindingUpdate(update) = packet.message else { panic!("{packet:?}") };
    assert_eq!(update.flags, BuFlags::A | BuFlags::P);
    assert_eq!(packet.options.get(), Some(DhcpSupportMode { server: false }));
    let mut sent = Vec::new();
    packet.encode(&mut sent);
    let clean = b"\x3b\x03\x05\0\0\0\x12\x34\x82\x00\x03\x84\x17\x02\0\x01\
                  \x24\x06\x60\0\xc0\0\x02\x01\x27\x02\0\0\x01\x02\0\0";
    assert_eq!(sent, clean);
}

// RFC 7864 §4.1 took the top bit of a Reserved octet of RFC 5213.
#[test]
fn the_l_flag_of_a_home_network_prefix_is_read_and_its_neighbours_are_not() {
    let mut option = [0; 20];
    option[..4].copy_from_slice(&[22, 18, 0xff, 64]);
    let mh = options_of(&option);
    let prefix: HomeNetworkPrefix = decode(&mh).unwrap().options.get().unwrap();
    assert!(prefix.off_link && prefix.is_request());
    option[2] = 0x7f;
    let mh = options_of(&option);
    assert!(!decode(&mh).unwrap().options.get::<HomeNetworkPrefix>().unwrap().off_link);
}

#[test]
fn options_behind_a_multicast_option_are_found() {
    // Length 2: two words behind the first four octets. Counted in octets, the walk would go on
    // inside the option.
    let mh = options_of(b"\x3d\x02\x01\0\x17\x02\0\x04\x17\x02\0\x04\x17\x02\0\x01");
    assert_eq!(kinds(&mh), [OptionType::MULTICAST_ACKNOWLEDGEMENT, OptionType::HANDOFF_INDICATOR]);
}

#[test]
fn an_unknown_option_is_kept() {
    let mh = options_of(b"\xfe\x02\x01\x02");
    let packet = decode(&mh).unwrap();
    let unknown = UnknownOption::new(OptionType(254), &[1, 2]).unwrap();
    assert_eq!(packet.options.iter().collect::<Vec<_>>(), [unknown.into()]);
    assert_eq!(OptionType(254).to_string(), "Unassigned (254)");
}

#[test]
fn an_unknown_message_is_kept_with_everything_behind_its_header() {
    let packet = decode(b"\x3b\x00\x63\0\0\0\x17\xff").unwrap();
    let Message::Unknown(unknown) = &packet.message else { panic!("{packet:?}") };
    assert_eq!((unknown.mh_type(), unknown.data()), (MhType(99), &[0x17, 0xff][..]));
    let revocation = decode(b"\x3b\x00\x10\0\0\0\x03\x00").unwrap();
    assert_eq!(revocation.message.mh_type(), MhType::BINDING_REVOCATION);
    assert!(matches!(revocation.message, Message::Unknown(_)));
}

#[test]
fn options_of_one_kind_come_in_their_order() {
    let mh = options_of(b"\x17\x02\0\x01\x18\x02\0\x03\x17\x02\0\x02");
    let packet = PacketRef::decode(&mh).unwrap();
    let values: Vec<u8> = packet.options.all::<HandoffIndicator>().map(|hi| hi.0.0).collect();
    assert_eq!(values, [1, 2]);
    assert!(packet.options.contains(OptionType::ACCESS_TECHNOLOGY_TYPE));
    assert!(!packet.options.contains(OptionType::MN_ID));
}

/// A Binding Update with these options, which begin at octet 12, and Pad1 behind them.
fn options_of(options: &[u8]) -> Vec<u8> {
    let mut mh = b"\x3b\x00\x05\0\0\0\x12\x34\x82\x00\x03\x84".to_vec();
    mh.extend_from_slice(options);
    mh.resize(mh.len().next_multiple_of(8), 0);
    mh[1] = (mh.len() / 8 - 1) as u8;
    mh
}

fn decode_options(options: &[u8]) -> Result<Packet, DecodeError> {
    decode(&options_of(options))
}

fn decode(mh: &[u8]) -> Result<Packet, DecodeError> {
    Packet::decode(mh)
}

fn kinds(mh: &[u8]) -> Vec<OptionType> {
    decode(mh).unwrap().options.iter().map(|option| option.kind()).collect()
}

fn invalid(offset: usize, field: &'static str, value: u64) -> DecodeError {
    DecodeError { offset, field, fault: Fault::Invalid { value } }
}
