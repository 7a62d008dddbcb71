//! Packets that others made: captures of Mobile IPv6 and of what fuzzers fed to its dissectors.
//!
//! They lie beside the project (`shared/captures`). `ipv6_mobility_1.pcap` is well-formed; the
//! others are crashes of other people's programs.

use std::fs;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use kedge_model::{Lifetime, Sequence};
use kedge_wire::registry::{BindingErrorStatus, MhType, Status};
use kedge_wire::*;

const ETHERNET: u32 = 1;
const LINKTYPE_IPV6: u32 = 229;
/// Where a Mobility Header may begin: its own number, and the one that was used before it had it.
const MOBILITY_HEADERS: [u8; 2] = [135, 62];

// tshark -r ipv6_mobility_1.pcap -V
#[test]
fn the_well_formed_capture_decodes_to_what_tshark_prints() {
    let frames = mobility_headers(&captures().join("ipv6_mobility_1.pcap"));
    let packets: Vec<Packet> = frames.iter().map(|mh| Packet::decode(mh).unwrap()).collect();
    assert_eq!(packets.len(), 16);

    assert_eq!(packets[0].message, BindingRefreshRequest.into());
    let return_routability = [
        (MhType::HOME_TEST_INIT, "0000 0102030405060708"),
        (MhType::CARE_OF_TEST_INIT, "0000 090a0b0c0d0e0f10"),
        (MhType::HOME_TEST, "090a 0b0c0d0e0f1004d2 1112131415161718"),
        (MhType::CARE_OF_TEST, "090a 0b0c0d0e0f10162e 191a1b1c1d1e1f20"),
    ];
    for (packet, (mh_type, data)) in packets[1..5].iter().zip(return_routability) {
        let Message::Unknown(unknown) = &packet.message else { panic!("{packet:?}") };
        let hex: String = unknown.data().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!((unknown.mh_type(), hex), (mh_type, data.replace(' ', "")));
    }

    let care_of = "2001:660:4701:f004:20d:54ff:fe98:bc93".parse().unwrap();
    let care_of = MobilityOption::from(AlternateCareOfAddress(care_of));
    let nonces = MobilityOption::from(NonceIndices { home: 1234, care_of: 5678 });
    let authenticator = b"\x81\x01\x73\x8d\x51\x7d\x51\x69\x40\xec\x06\x11";
    let authorization = BindingAuthorizationData::new(authenticator).unwrap().into();
    let advice = BindingRefreshAdvice(Lifetime::from_units(1800)).into();

    let updates = [
        (5, vec![]),
        (6, vec![care_of]),
        (7, vec![nonces]),
        (8, vec![authorization]),
        (9, vec![care_of, nonces, authorization]),
        (15, vec![]),
    ];
    for (at, options) in updates {
        let update = BindingUpdate {
            sequence: Sequence(1000),
            flags: BuFlags::A,
            lifetime: Lifetime::from_secs(14400),
        };
        assert_eq!(packets[at].message, update.into(), "frame {}", at + 1);
        assert_eq!(packets[at].options.iter().collect::<Vec<_>>(), options, "frame {}", at + 1);
    }

    let acknowledgements = [
        (10, vec![]),
        (11, vec![advice]),
        (12, vec![authorization]),
        (13, vec![advice, authorization]),
    ];
    for (at, options) in acknowledgements {
        let acknowledgement = BindingAcknowledgement {
            status: Status::ACCEPTED,
            flags: BaFlags::NONE,
            sequence: Sequence(1000),
            lifetime: Lifetime::from_secs(14400),
        };
        assert_eq!(packets[at].message, acknowledgement.into(), "frame {}", at + 1);
        assert_eq!(packets[at].options.iter().collect::<Vec<_>>(), options, "frame {}", at + 1);
    }

    let home_address: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let error = BindingError { status: BindingErrorStatus::UNKNOWN_BINDING, home_address };
    assert_eq!(packets[14].message, error.into());
}

// tshark prints "Payload protocol: IGMP (2)", "TCP (6)" or "Unknown (48)" for these: none is the
// 59 that RFC 6275 §9.2 demands.
#[test]
fn what_fuzzers_made_is_refused_at_its_payload_proto() {
    let mut seen = 0;
    for capture in fuzzed() {
        for mh in mobility_headers(&capture) {
            let error = Packet::decode(&mh).unwrap_err();
            let fault = Fault::Invalid { value: mh[0].into() };
            assert_eq!(error, DecodeError { offset: 0, field: "payload proto", fault });
            seen += 1;
        }
    }
    // tshark -r FILE -Y mip6.mhtype, over all of them.
    assert_eq!(seen, 13);
}

/// Behind the Payload Proto the same octets get as far as the options.
#[test]
fn fuzzers_octets_with_a_mended_header_do_not_panic() {
    for capture in fuzzed() {
        for mut mh in mobility_headers(&capture) {
            for cut in 8..=mh.len() {
                mh[0] = 59;
                mh[1] = (cut / 8 - 1) as u8;
                for mh_type in 0..24 {
                    mh[2] = mh_type;
                    let _ = Packet::decode(&mh[..cut]).inspect(reencodes);
                }
            }
        }
    }
}

/// Frames are also read as they are, from every octet on, whatever their link type.
#[test]
fn no_part_of_any_capture_makes_the_decoder_panic() {
    let all = fs::read_dir(captures()).unwrap();
    let mut files = 0;
    for file in all {
        let path = file.unwrap().path();
        let (_, frames) = frames(&path);
        files += 1;
        for frame in frames {
            for from in 0..frame.len() {
                let _ = Packet::decode(&frame[from..]).inspect(reencodes);
            }
        }
    }
    assert!(files >= 12, "{files} captures");
}

fn reencodes(packet: &Packet) {
    let mut out = Vec::new();
    packet.encode(&mut out);
    assert_eq!(Packet::decode(&out).as_ref(), Ok(packet));
}

/// `shared/captures` beside the project, or beside the folder that holds this work tree of it.
fn captures() -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(3);
    let mut candidates = above.map(|folder| folder.join("shared/captures"));
    candidates.find(|path| path.is_dir()).expect("the captures lie beside the project")
}

fn fuzzed() -> impl Iterator<Item = PathBuf> {
    let all = fs::read_dir(captures()).unwrap();
    let path = all.map(|file| file.unwrap().path());
    path.filter(|path| !path.ends_with("ipv6_mobility_1.pcap"))
}

/// What stands behind the IPv6 header of each frame that says it is a Mobility Header.
fn mobility_headers(path: &Path) -> Vec<Vec<u8>> {
    let (link_type, frames) = frames(path);
    let packets = frames.into_iter().filter_map(|frame| match link_type {
        ETHERNET if frame.get(12..14) == Some(&[0x86, 0xdd]) => Some(frame[14..].to_vec()),
        LINKTYPE_IPV6 => Some(frame),
        _ => None,
    });
    packets
        .filter(|ip| ip.len() > 40 && ip[0] >> 4 == 6 && MOBILITY_HEADERS.contains(&ip[6]))
        .map(|ip| ip[40..].to_vec())
        .collect()
}

/// Link type and frames of a capture (little-endian, the one form these have). A frame that the
/// file cuts short is left out.
fn frames(path: &Path) -> (u32, Vec<Vec<u8>>) {
    let file = fs::read(path).unwrap();
    let word = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().unwrap()));
    assert_eq!(word(0), Some(0xa1b2_c3d4), "{}", path.display());
    // The upper bits say how long a frame check sequence is.
    let link_type = word(20).unwrap() & 0x0fff_ffff;
    let mut frames = Vec::new();
    let mut at = 24;
    while let Some(len) = word(at + 8) {
        let Some(frame) = file.get(at + 16..at + 16 + len as usize) else { break };
        frames.push(frame.to_vec());
        at += 16 + len as usize;
    }
    (link_type, frames)
}
