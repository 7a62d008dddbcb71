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

/// tshark is the judge: what it prints of a packet's addresses, code point, ports, checksums,
/// direction, time and comment is what was written.
#[test]
fn tshark_reads_addresses_ports_time_direction_and_comment() {
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
    let mut tshark = std::process::Command::new("tshark");
    tshark.args(["-n", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r"]);
    tshark.arg(capture.path()).args(["-T", "fields", "-E", "separator=|"]);
    let fields = [
        "frame.time_epoch",
        "frame.comment",
        "frame.packet_flags_direction",
        "ipv6.src",
        "ipv6.dst",
        "ip.src",
        "ip.dst",
        "udp.srcport",
        "udp.dstport",
        "udp.checksum.status",
        "ip.checksum.status",
        "mip6.mhtype",
        "ip.dsfield.dscp",
        "ipv6.tclass.dscp",
    ];
    for field in fields {
        tshark.args(["-e", field]);
    }
    let out = tshark.output().expect("tshark runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("text");
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split('|').collect()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    let first = ["1700000000.123456789", "first", "0x00000001", "2001:db8::2", "2001:db8::1"];
    assert_eq!(rows[0][..5], first);
    assert_eq!(rows[0][11..], ["13", "", "46"]);
    assert_eq!(rows[1][1..3], ["second; déjà vu", "0x00000002"]);
    assert_eq!(rows[1][5..11], ["192.0.2.1", "192.0.2.2", "5436", "40000", "1", "1"], "{text}");
    assert_eq!(rows[1][12], "46");
}
