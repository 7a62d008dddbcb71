use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use kedge_model::{CustomerId, VrfId};

use super::*;
use crate::debug::Whom;

fn seen<'a>(local: &str, peer: &str, bytes: &'a [u8]) -> Seen<'a> {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let (local, peer) = (address(local), address(peer));
    let path = SignalPath { transport: VrfId::DEFAULT, local, peer };
    Seen { direction: Direction::In, path, dscp: 46, bytes }
}

#[test]
fn the_file_is_its_owners_alone_and_inside_the_directory() {
    let base = tempfile::tempdir().expect("a directory");
    let directory = base.path().join("captures");
    for name in ["../x", "a/b", "/etc/x", ".hidden", "", "a b", &"x".repeat(65)] {
        let refused = Capture::start(&directory, name, None, 1);
        assert!(matches!(refused, Err(CaptureError::Name)), "{name}");
    }
    fs::create_dir(&directory).expect("made");
    let elsewhere = base.path().join("elsewhere");
    fs::write(&elsewhere, "precious").expect("written");
    std::os::unix::fs::symlink(&elsewhere, directory.join("a.pcapng")).expect("a link");
    let capture = Capture::start(&directory, "a", None, 1).expect("started");
    assert_eq!(fs::read_to_string(elsewhere).expect("there"), "precious");
    let mode = fs::metadata(capture.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_capture_ends_by_itself_at_its_limit() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut capture = Capture::start(directory.path(), "a", None, 2).expect("started");
    for _ in 0..5 {
        capture.write(&seen("[2001:db8::1]:0", "[2001:db8::2]:0", &[59, 0, 5]), "x", UNIX_EPOCH);
    }
    assert!(!capture.is_running());
    let (packets, octets) = capture.size();
    assert_eq!(packets, 2);
    assert_eq!(fs::metadata(capture.path()).expect("there").len(), octets);
}

#[test]
fn the_directory_holds_a_bounded_number_of_captures() {
    let directory = tempfile::tempdir().expect("a directory");
    for n in 0..MOST_FILES {
        Capture::start(directory.path(), &format!("c{n}"), None, 1).expect("started");
    }
    let refused = Capture::start(directory.path(), "one-more", None, 1);
    assert!(matches!(refused, Err(CaptureError::Full { .. })));
    Capture::start(directory.path(), "c0", None, 1).expect("in place of an old one");
}

#[test]
fn only_messages_of_the_subscriber_or_the_peer_are_wanted() {
    let directory = tempfile::tempdir().expect("a directory");
    let whom = Whom::Peer("2001:db8::2".parse().expect("an address"));
    let target = Target { customer: None, whom };
    let capture = Capture::start(directory.path(), "a", Some(target), 1).expect("started");
    assert!(capture.wants(
        CustomerId::DEFAULT,
        None,
        &seen("[2001:db8::1]:0", "[2001:db8::2]:0", &[])
    ));
    assert!(!capture.wants(
        CustomerId::DEFAULT,
        None,
        &seen("[2001:db8::1]:0", "[2001:db8::3]:0", &[])
    ));
}

/// What is in the file, by RFC 768, RFC 791 and the draft of pcapng; whether tshark agrees is a
/// matter of the lab tests.
#[test]
fn a_packet_is_written_with_its_time_direction_headers_and_comment() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut capture = Capture::start(directory.path(), "a", None, 10).expect("started");
    let at = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    // A heartbeat request, RFC 5847 §3.3.
    let message = [59, 1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 0, 0];
    capture.write(&seen("[2001:db8::1]:0", "[2001:db8::2]:0", &message), "first", at);
    let sent =
        Seen { direction: Direction::Out, ..seen("192.0.2.1:5436", "192.0.2.2:40000", &message) };
    capture.write(&sent, "second; déjà vu", at);
    capture.stop("the test ends");
    let file = fs::read(capture.path()).expect("a file");
    let packets: Vec<&[u8]> = blocks(&file).into_iter().filter(|block| block[0] == 6).collect();
    let [first, second] = packets[..] else { panic!("{} packets", packets.len()) };
    let number = |at: usize| u32::from_le_bytes(first[at..at + 4].try_into().expect("four"));
    let nanos = u64::from(number(12)) << 32 | u64::from(number(16));
    assert_eq!(nanos, 1_700_000_000_123_456_789);
    let (ipv6, ipv4) = (&first[28..28 + 56], &second[28..28 + 44]);
    // Version 6, code point 46, sixteen octets of Mobility Header; from the peer to us.
    assert_eq!(ipv6[..8], [0x6b, 0x80, 0, 0, 0, 16, 135, 64]);
    assert_eq!((ipv6[23], ipv6[39], &ipv6[40..]), (2, 1, &message[..]));
    assert_eq!((ipv4[0], ipv4[1] >> 2, ipv4[9]), (0x45, 46, 17));
    assert_eq!(ipv4[12..20], [192, 0, 2, 1, 192, 0, 2, 2]);
    assert_eq!(ipv4[20..24], [0x15, 0x3c, 0x9c, 0x40]);
    // A checksum over what it covers, itself included, is all ones (RFC 1071).
    let pseudo = [&ipv4[12..20], &[0, 17, 0, 24], &ipv4[20..]].concat();
    for covered in [&ipv4[..20], &pseudo] {
        let sum: u32 = covered.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
    for (block, comment, flags) in [(first, "first", 1), (second, "second; déjà vu", 2)] {
        assert!(block.windows(comment.len()).any(|part| part == comment.as_bytes()));
        assert!(block.ends_with(&[[2, 0, 4, 0], [flags, 0, 0, 0], [0; 4]].concat()), "{comment}");
    }
}

/// The blocks of a file: from its type on, without the length at its end.
fn blocks(mut file: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    while let Some(length) = file.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().expect("four")) as usize;
        assert_eq!(file[4..8], file[length - 4..length], "the length stands at both ends");
        blocks.push(&file[..length - 4]);
        file = &file[length..];
    }
    blocks
}
