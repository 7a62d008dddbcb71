//! Two anchors: a gateway leaves the one that falls silent and returns when it is back.
//!
//! ```text
//!            ┌── lma1, preferred: 203.0.113.0/24, 2001:db8:100::/56
//!   mn ── mag1
//!            └── lma2:            203.0.112.0/24, 2001:db8:200::/56
//! ```

use std::time::Duration;

use kedge_lab::{
    Daemon, Domain, Host, Lab, Ping,
    domain::{ANCHOR, Plan},
    wait,
};

use crate::stage::{SOON, bindings, json, turn};

/// The second anchor, and an address of it that is reached through its tunnel alone.
const SECOND: (&str, &str) = ("192.0.2.2", "2001:db8:7::2");
const BEHIND_SECOND: &str = "2001:db8:d::1";
/// The hold time of an anchor that has fallen once, and what a trial may take.
const RETURN: Duration = Duration::from_secs(180);

/// What the first anchor is told, made the second's.
fn second_config(plan: &Plan) -> String {
    let text = Domain::lma_config(plan);
    let text = text.replace(&format!("address ipv4 {}\n", ANCHOR.0), "address ipv4 192.0.2.2\n");
    let text =
        text.replace(&format!("address ipv6 {}\n", ANCHOR.1), "address ipv6 2001:db8:7::2\n");
    let text = text.replace("pmipv6-lma lma1", "pmipv6-lma lma2");
    text.replace("203.0.113.0", "203.0.112.0").replace("2001:db8:100::", "2001:db8:200::")
}

/// A gateway that knows both and is quick to ask, and takes an anchor for silent when it has said
/// nothing for several seconds: one that merely is slow is not left.
fn gateway_config(plan: &Plan) -> String {
    let quick = " binding refresh-time 4\n binding init-retx-time 500\n \
                 binding max-retx-time 4000\n interface acc0\n";
    let first = format!("  ipv6-address {}\n !\n", ANCHOR.1);
    let both = format!("{first} lma lma2 example.net\n  ipv6-address {}\n !\n", SECOND.1);
    Domain::mag_config(plan, 0).replace(" interface acc0\n", quick).replace(&first, &both)
}

/// The node has an address that begins so, which is not deprecated, and none of the other
/// beginning is preferred any more.
fn lives_in(node: &Host, new: &str, old: &str) -> Result<(), String> {
    let held = node.exec("ip", &["-6", "-o", "addr", "show", "dev", "eth0"]);
    let held = held.map_err(|e| e.to_string())?;
    let preferred = |beginning: &str| {
        let of = |line: &&str| line.contains(beginning) && !line.contains("deprecated");
        held.lines().filter(of).count()
    };
    let right = preferred(new) > 0 && preferred(old) == 0;
    if right { Ok(()) } else { Err(held) }
}

fn anchor_of(mag: &Daemon) -> Result<String, String> {
    match &bindings(mag, "mag")[..] {
        [one] if one["state"] == "active" => Ok(one["lma"].as_str().unwrap_or("").to_owned()),
        other => Err(format!("{other:?}")),
    }
}

fn served_by(mag: &Daemon, name: &str, within: Duration) {
    let holds = || match anchor_of(mag)? {
        now if now == name => Ok(()),
        now => Err(format!("at {now}")),
    };
    let served = wait::until(within, &format!("the node is with {name}"), holds);
    served.unwrap_or_else(|e| panic!("{e}\n{}", mag.log()));
}

#[test]
fn a_node_goes_to_the_second_anchor_when_the_first_falls_silent_and_returns() {
    let _turn = turn();
    let lab = Lab::new("kgsig").expect("lab");
    let domain = Domain::draw(&lab).expect("domain");
    let second = lab.host("lma2").expect("host");
    second.router().expect("router");
    let addresses = [(SECOND.0.parse().unwrap(), SECOND.1.parse().unwrap())];
    domain.core.connect(&second, &addresses).expect("cable");
    second.address("lo", &format!("{BEHIND_SECOND}/128")).expect("address");
    let plan = Plan::default();
    let mut lma1 = Daemon::start(&domain.core.lma, &Domain::lma_config(&plan)).expect("lma1");
    let lma2 = Daemon::start(&second, &second_config(&plan)).expect("lma2");
    let mut mag = Daemon::start(&domain.mags[0], &gateway_config(&plan)).expect("gateway");
    // A gateway this quick gives up on an anchor before the kernel has found its neighbour.
    for anchor in [ANCHOR.1.to_string(), SECOND.1.to_owned()] {
        let ping = || domain.mags[0].exec("ping", &["-nqc1", "-W1", &anchor]);
        wait::until(SOON, "the way to be there", || ping().map_err(|e| e.to_string())).expect("it");
    }

    domain.attach(0).expect("in range");
    served_by(&mag, "lma1", SOON);
    let node = domain.mn.host();
    let (first, other) = ("2001:db8:100:", "2001:db8:200:");
    wait::until(SOON, "an address of the first", || lives_in(node, first, other)).expect("it");

    lma1.kill().expect("kill");
    served_by(&mag, "lma2", SOON);
    wait::until(SOON, "an address of the second", || lives_in(node, other, first)).expect("it");
    let ping = Ping::start(node, "second", BEHIND_SECOND, Duration::from_millis(20)).expect("ping");
    ping.wait_steady(SOON, 0, 5).unwrap_or_else(|e| panic!("{e}\n{}", mag.log()));
    ping.stop().expect("stop");
    let globals = json(&mag, "show ipv6 mobile pmipv6 mag globals");
    let anchors = globals["lmas"].as_array().expect("a list");
    let seen = anchors.iter().map(|a| (a["lma"].as_str(), a["down"].as_bool()));
    let expected = [(Some("lma1"), Some(true)), (Some("lma2"), Some(false))];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    assert_eq!(anchors[0]["displaced_sessions"], 1);

    let mut lma1 = Daemon::start(&domain.core.lma, &Domain::lma_config(&plan)).expect("lma1");
    served_by(&mag, "lma1", RETURN);
    wait::until(SOON, "an address of the first", || lives_in(node, first, other)).expect("it");
    // The second is told. It keeps the addresses for a while, in case the node is on its way.
    let left = || match json(&lma2, "show lma-service statistics") {
        all if all["binding_updates_deregistration"]["accepted"].as_u64() >= Some(1) => Ok(()),
        all => Err(all.to_string()),
    };
    wait::until(SOON, "a de-registration", left).expect("told");
    mag.stop().expect("a clean stop");
    lma1.stop().expect("a clean stop");
}
