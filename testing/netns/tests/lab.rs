//! The lab itself, on the real kernel: what it makes works, and all of it goes away.
//!
//! ```text
//!   left eth0 ──────────────── eth0 right        link, or relay in the middle
//!   node eth0 ── port ─┬─ cell one ── acc0 west
//!                      └─ cell two ── acc0 east
//! ```

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use kedge_lab::wait::SOON;
use kedge_lab::{
    Capture, Host, Impairment, Lab, LabError, Link, Relay, Switch, leftovers, ping, wait,
};

#[test]
fn dropping_a_lab_removes_namespaces_processes_and_files() {
    let lab = Lab::new("kglab").expect("lab");
    let tag = lab.tag().to_owned();
    let host = lab.host("busy").expect("host");
    let mut sleeper = host.spawn("sleep", "sleep", &["600"]).expect("sleep");
    // One that forks away from us, as DHCP clients do.
    host.exec("sh", &["-c", "setsid sleep 600 >/dev/null 2>&1 &"]).expect("forked sleep");
    assert!(!leftovers(&tag).is_empty());
    // Only then is it in its namespace.
    let program = format!("/proc/{}/comm", sleeper.id());
    wait::until(SOON, "the sleep", || match std::fs::read_to_string(&program) {
        Ok(name) if name.trim() == "sleep" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .expect("the sleep");
    drop(lab);
    assert_eq!(leftovers(&tag), Vec::<String>::new());
    assert!(sleeper.wait(SOON).is_ok(), "the process was ended");
}

#[test]
fn a_panic_cleans_up_as_well() {
    let tag = std::thread::spawn(|| {
        let lab = Lab::new("kglab").expect("lab");
        let _host = lab.host("doomed").expect("host");
        std::panic::panic_any(lab.tag().to_owned());
    })
    .join()
    .expect_err("it panicked");
    let tag = tag.downcast::<String>().expect("the tag");
    assert_eq!(leftovers(&tag), Vec::<String>::new());
}

#[test]
fn an_interrupted_process_cleans_up_and_a_killed_one_is_swept_by_the_next() {
    let mut interrupted = hold("kglabsig");
    signal("-INT", &mut interrupted);
    assert_eq!(leftovers(&interrupted.tag), Vec::<String>::new());

    let mut killed = hold("kglabsweep");
    signal("-KILL", &mut killed);
    assert!(!leftovers(&killed.tag).is_empty(), "nobody could clean up after SIGKILL");
    let next = Lab::new("kglabsweep").expect("lab");
    assert_eq!(leftovers(&killed.tag), Vec::<String>::new());
    drop(next);
}

#[test]
fn a_cable_carries_packets_until_it_is_cut_and_again_once_mended() {
    let lab = Lab::new("kglab").expect("lab");
    let (left, right) = (lab.host("left").expect("left"), lab.host("right").expect("right"));
    let link = Link::between(&left, "eth0", &right, "eth0").expect("link");
    number(&left, &right);
    reached(&left, "192.0.2.2");
    reached(&left, "2001:db8::2");
    link.cut().expect("cut");
    assert!(!answers(&right, "192.0.2.1"));
    link.mend().expect("mend");
    reached(&right, "192.0.2.1");
}

#[test]
fn a_smaller_mtu_is_what_the_hosts_see() {
    let lab = Lab::new("kglab").expect("lab");
    let (left, right) = (lab.host("left").expect("left"), lab.host("right").expect("right"));
    let link = Link::between(&left, "eth0", &right, "eth0").expect("link");
    number(&left, &right);
    link.mtu(1300).expect("mtu");
    reached(&left, "192.0.2.2");
    let big = left.exec("ping", &["-n", "-c1", "-W1", "-M", "do", "-s", "1400", "192.0.2.2"]);
    let Err(LabError::Command { output, .. }) = big else { panic!("{big:?}") };
    assert!(output.contains("mtu"), "{output}");
}

#[test]
fn a_node_that_roams_reaches_only_the_gateway_of_its_cell() {
    let lab = Lab::new("kglab").expect("lab");
    let air = Switch::new(&lab, "air", &["one", "two"]).expect("air");
    let node = lab.host("node").expect("node");
    let port = air.plug(&node, "eth0", "one").expect("node's port");
    for (name, cell, address) in [("west", "one", "192.0.2.1/24"), ("east", "two", "192.0.2.2/24")]
    {
        let gateway = lab.host(name).expect("gateway");
        air.plug(&gateway, "acc0", cell).expect("gateway's port");
        gateway.address("acc0", address).expect("address");
    }
    node.address("eth0", "192.0.2.9/24").expect("address");
    reached(&node, "192.0.2.1");
    assert!(!answers(&node, "192.0.2.2"));
    port.roam("two").expect("roam");
    reached(&node, "192.0.2.2");
    assert!(!answers(&node, "192.0.2.1"));
}

#[test]
fn a_relay_loses_and_delays_as_it_is_told_and_the_capture_shows_what_passed() {
    let lab = Lab::new("kglab").expect("lab");
    let (left, right) = (lab.host("left").expect("left"), lab.host("right").expect("right"));
    let relay = Relay::between(&lab, (&left, "eth0"), (&right, "eth0"), 1).expect("relay");
    number(&left, &right);
    reached(&left, "192.0.2.2");

    relay.degrade(Impairment { delay: Duration::from_millis(30), ..Impairment::default() });
    // A machine that is busy adds to it, now and then.
    wait::until(SOON, "twice 30 ms and little more", || {
        let summary = left.exec("ping", &["-nqc1", "192.0.2.2"]).expect("ping");
        let times = summary.split_once("mdev = ").and_then(|(_, times)| times.split('/').next());
        let took: f64 = times.expect("a time").parse().expect("a number");
        assert!(took >= 60.0, "{summary}");
        if took < 75.0 { Ok(()) } else { Err(summary) }
    })
    .expect("the delay");
    let capture = Capture::start(&right, "eth0", "icmp").expect("capture");
    ping::one_by_one(&left, "192.0.2.2", 5, &[]).expect("answers");
    let recording = capture.stop().expect("stop");
    assert_eq!(recording.count("icmp.type == 8").expect("count"), 5);
    let source = "192.0.2.1".parse().expect("literal");
    assert_eq!(recording.malformed_from(source).expect("judge"), Vec::<String>::new());

    let before = relay.count();
    relay.degrade(Impairment { loss_per_mille: 300, ..Impairment::default() });
    // Nothing but these probes and their answers crosses; the seed fixes which are lost.
    let probes = left.exec("ping", &["-nqc200", "-i0.002", "-W1", "192.0.2.2"]).expect("ping");
    // About 30 % of some 340 frames, once the relay has seen them all.
    let lost = || relay.count().dropped - before.dropped;
    wait::until(SOON, "losses", || if lost() >= 40 { Ok(()) } else { Err(lost().to_string()) })
        .expect("losses");
    assert!(lost() < 160, "{} of {probes}", lost());
}

/// `kedge-lab hold PREFIX` in a process of its own, and the tag it printed.
struct Holder {
    child: std::process::Child,
    tag: String,
}

fn hold(prefix: &str) -> Holder {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_kedge-lab"))
        .args(["hold", prefix])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("kedge-lab hold");
    let mut tag = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut tag).expect("the tag");
    let tag = tag.trim().to_owned();
    assert!(!leftovers(&tag).is_empty(), "it holds something: {tag:?}");
    Holder { child, tag }
}

fn signal(signal: &str, holder: &mut Holder) {
    let pid = holder.child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    wait::until(SOON, "the holder to end", || match holder.child.try_wait() {
        Ok(Some(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .expect("end");
}

fn number(left: &Host, right: &Host) {
    for (host, v4, v6) in
        [(left, "192.0.2.1/24", "2001:db8::1/64"), (right, "192.0.2.2/24", "2001:db8::2/64")]
    {
        host.address("eth0", v4).expect("IPv4 address");
        host.address("eth0", v6).expect("IPv6 address");
    }
}

fn answers(host: &Host, address: &str) -> bool {
    host.exec("ping", &["-nqc1", "-W1", address]).is_ok()
}

fn reached(host: &Host, address: &str) {
    wait::until(
        SOON,
        address,
        || if answers(host, address) { Ok(()) } else { Err("silence".into()) },
    )
    .expect("an answer");
}
