//! Updates that no gateway should send: each is answered with a status or dropped and counted.

use std::time::Duration;

use kedge_lab::{Capture, domain::Transport};
use serde_json::Value;

use crate::stage::{Talk, counter, json, turn, until};

/// What `hostile.py headers` sends.
const WRONG_HEADERS: u64 = 40;
const STATISTICS: &str = "show lma-service statistics";

#[test]
fn an_update_in_fragments_is_answered_like_one_in_one_piece() {
    let _turn = turn();
    for (transport, fragment) in
        [(Transport::Ipv6, "ipv6.fraghdr.offset > 0"), (Transport::Ipv4, "ip.frag_offset > 0")]
    {
        let talk = Talk::over(transport, |config| config);
        let capture = Capture::start(&talk.core.lma, "tp0", "").expect("capture");
        talk.play("fragments", &[]);
        let crossed = capture.stop().expect("capture").count(fragment).expect("tshark");
        assert!(crossed >= 3, "{transport:?}: each update came in fragments, not {crossed}");
        assert_eq!(talk.updates(), [3, 3, 0, 0], "{transport:?}");
    }
}

#[test]
fn what_is_malformed_unauthenticated_replayed_or_too_long_is_refused_or_counted() {
    let _turn = turn();
    for transport in [Transport::Ipv6, Transport::Ipv4] {
        let mut talk = Talk::over(transport, |config| config);
        let said = talk.play("abuse", &[]);
        let summary: Value =
            serde_json::from_str(said.lines().last().expect("a summary")).expect("JSON");
        let [sent, silent, denied] =
            ["sent", "silent", "denied"].map(|key| summary[key].as_u64().expect("a number"));
        let updates = talk.updates();
        assert_eq!(
            updates,
            [sent, sent - silent - denied, denied, silent],
            "{transport:?}: {said}"
        );
        let reasons = json(&talk.daemon, STATISTICS)["discard_reasons"].clone();
        let reason = |key: &str| reasons[key].as_u64().expect("a counter");
        assert_eq!(reason("invalid_length") + reason("decode_failure"), 7, "{reasons}");
        assert!(reason("invalid_length") >= 4, "{reasons}");
        assert_eq!(reason("not_authenticated"), 1, "{reasons}");
        assert_eq!(reason("checksum"), u64::from(transport == Transport::Ipv6), "{reasons}");
        let denied = |key: &str| counter(&talk.daemon, STATISTICS, &format!("/deny_reasons/{key}"));
        assert_eq!(denied("mn_auth_failure"), 1);
        assert_eq!(denied("timestamp_lower_than_previous"), 1);
        talk.daemon.stop().expect("a clean stop");
    }
}

/// By `kedged`, or by a kernel that is built for Mobile IPv6.
#[test]
fn a_wrong_header_is_answered_by_parameter_problems_over_ipv6_and_few_of_them() {
    let _turn = turn();
    for (transport, expected) in [(Transport::Ipv6, 1..=15), (Transport::Ipv4, 0..=0)] {
        let mut talk = Talk::over(transport, |config| config);
        let capture = Capture::start(&talk.core.lma, "tp0", "").expect("capture");
        talk.play("headers", &[]);
        let of = |key: &str| counter(&talk.daemon, STATISTICS, key);
        let by_kernel = until("all of it to be seen", || {
            // A kernel that answers lets `kedged` see nothing of it.
            let answered = capture.wait_for(Duration::ZERO, "icmpv6.type == 4").is_ok();
            match of("/discard_reasons/decode_failure") {
                WRONG_HEADERS => Ok(false),
                0 if answered => Ok(true),
                seen => Err(format!("{seen}")),
            }
        });
        let recording = capture.stop().expect("capture");
        let all = recording.count("icmpv6.type == 4").expect("tshark") as u64;
        let told = of("/other_signalling/parameter_problems_sent");
        assert_eq!(told, if by_kernel { 0 } else { all }, "{transport:?}");
        // They point into the packet that they quote: behind its IPv6 header.
        for (octet, quoted) in [(40, "mip6.proto == 60"), (41, "mip6.hlen == 0")] {
            let filter = format!(
                "icmpv6.type == 4 && icmpv6.code == 0 && icmpv6.pointer == {octet} && {quoted} \
                 && icmpv6.checksum.status == 1"
            );
            let answers = recording.count(&filter).expect("tshark");
            assert!(expected.contains(&answers), "{transport:?}, octet {octet}: {answers}");
        }
        talk.daemon.stop().expect("a clean stop");
    }
}

#[test]
fn updates_from_a_host_that_is_no_gateway_are_refused_and_counted() {
    let _turn = turn();
    let talk = Talk::set(|config| config);
    talk.speaker.address("tp0", "2001:db8:7::66/64").expect("address");
    let program = crate::stage::script("hostile.py");
    let complaint = crate::stage::complaint(talk.speaker.exec(
        "python3",
        &[
            &program,
            "one",
            "--local",
            "2001:db8:7::66",
            "--anchor",
            "2001:db8:7::1",
            "--key",
            "100:kedge-lab-secret",
        ],
    ));
    assert!(complaint.contains("a registration is accepted: 154"), "{complaint}");
    assert_eq!(talk.updates(), [1, 0, 1, 0]);
}
