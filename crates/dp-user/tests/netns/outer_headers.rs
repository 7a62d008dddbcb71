//! What the outer headers say, as tcpdump reads them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::lab::{NODE_V4, Pair, Row, UDP_PORT, eventually};
use kedge_model::Encapsulation;

#[test]
fn outer_headers_have_the_inner_marks_our_hop_limit_no_fragmentation_and_a_flow_label() {
    let row = Row::new();
    let mut pair = Pair::start(&row, 1440);
    let udp = Encapsulation::Udp { local_port: UDP_PORT, peer_port: UDP_PORT };
    let gre = Encapsulation::Gre { send_key: Some(7), receive_key: Some(7) };
    for (encapsulation, carrier4, carrier6) in [
        (udp, "proto UDP (17)", "next-header UDP (17)"),
        (gre, "proto GRE (47)", "next-header GRE (47)"),
        (Encapsulation::IpInIp, "proto IPIP (4)", "next-header IPIP (4)"),
    ] {
        for over_ipv4 in [true, false] {
            pair.bind(encapsulation, over_ipv4, 1440);
            eventually(NODE_V4, || row.succeeds("a", &format!("ping -c 1 -W 1 {NODE_V4}")));
            let (filter, expected) = if over_ipv4 {
                ("src 192.0.2.1", vec!["tos 0xba,ECT(0)", "ttl 64", "flags [DF]", carrier4])
            } else {
                (
                    "src 2001:db8:f::1 and not icmp6",
                    vec!["class 0xba", "hlim 64", "flowlabel 0x", carrier6],
                )
            };
            let seen = captured(&row, filter, &format!("ping -Q 0xba -c 1 -W 1 {NODE_V4}"));
            for word in expected {
                assert!(seen.contains(word), "{encapsulation:?}: no {word} in {seen}");
            }
        }
    }
}

/// The first packet that reaches the gateway's transport link while A runs a command.
fn captured(row: &Row, filter: &str, command: &str) -> String {
    let name = row.name("m");
    let mut words = vec!["netns", "exec", &name, "tcpdump", "-nvl", "-c1", "-i", "to-l"];
    words.extend(filter.split(' '));
    let mut capture = Command::new("ip");
    capture.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tcpdump = capture.spawn().unwrap();
    let ready = BufReader::new(tcpdump.stderr.take().unwrap()).lines();
    let mut ready = ready.map_while(Result::ok);
    assert!(ready.any(|line| line.contains("listening on")), "tcpdump has started");
    eventually("a packet is seen", || {
        row.succeeds("a", command);
        tcpdump.try_wait().unwrap().is_some()
    });
    let output = BufReader::new(tcpdump.stdout.take().unwrap()).lines();
    output.map_while(Result::ok).collect::<Vec<_>>().join(" ")
}
