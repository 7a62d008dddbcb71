//! Accounting against Debian's FreeRADIUS: what it wrote down is compared with what happened.
//!
//! The drawing is that of [`kedge_lab::domain`]. The servers run on the correspondent's host, the
//! second at an address of its own:
//!
//! ```text
//!   cn ───────────── lma ══ transport ══ mag1, mag2
//!   FreeRADIUS .10   kedged              kedged, or a generator of updates
//!   FreeRADIUS .11
//! ```

mod interim;
mod killed;
mod stage;
mod tls;

use std::{collections::BTreeSet, net::UdpSocket};

use kedge_lab::{
    Daemon, Domain, FreeRadius, Lab, Transfer,
    detail::Record,
    domain::{ANCHOR, CORRESPONDENT, NAI, Plan, REALM},
    freeradius::{self, Setup},
    load::{Step, Updates},
    wait::{self, SOON},
};

use stage::{CLIENT, FIRST, SECOND, Stage, turn, udp, with_servers};

#[test]
fn freeradius_writes_down_what_the_node_and_its_tunnel_carried() {
    let _turn = turn();
    let lab = Lab::new("accounting").expect("lab");
    let mut domain = Domain::draw(&lab).expect("domain");
    let setup = Setup { name: "first", at: FIRST, client: Some(CLIENT), ..Setup::default() };
    let server = FreeRadius::start(&domain.core.cn, &setup).expect("server");
    let plan = Plan::default();
    let config = with_servers(&plan, &udp(FIRST));
    let mut lma = Daemon::start(&domain.core.lma, &config).expect("anchor");
    let mags = [0, 1].map(|index| {
        Daemon::start(&domain.mags[index], &Domain::mag_config(&plan, index)).expect("gateway")
    });
    domain.attach(0).expect("in range");
    domain.mn.start_dhcp().expect("dhclient");
    let v6 = domain.mn.wait_ipv6(SOON).expect("IPv6");
    let v4 = domain.mn.wait_ipv4(SOON).expect("IPv4");
    let node = domain.mn.host();
    let from = &domain.core.cn;
    let mut down = Transfer::start(from, CORRESPONDENT.1.into(), node, 2_000_000).expect("down");
    down.wait_progress(SOON, 1_000_000).expect("before the move");
    domain.roam(0, 1).expect("roam");
    down.wait_progress(SOON, 1_000_000).expect("after the move");
    let carried = down.finish(SOON).expect("intact").octets;
    let shown: serde_json::Value =
        serde_json::from_str(&lma.kedge("show radius accounting | json").expect("show"))
            .expect("json");
    assert_eq!((&shown["node_sessions"], &shown["tunnel_sessions"]), (&1.into(), &1.into()));
    drop(mags);
    lma.kedge(&format!("clear ipv6 mobile pmipv6 lma bindings nai {NAI}")).expect("clear");
    let of_node = |record: &&Record| record.get("User-Name") == NAI;
    let records = server
        .wait_records("the node's Stop and those of both tunnels", |records| {
            let of_tunnel = |r: &&Record| ["mag1", "mag2"].contains(&r.get("User-Name"));
            let stops = records.iter().filter(|record| record.status() == "Stop");
            stops.clone().any(|record| of_node(&record)) && stops.filter(of_tunnel).count() == 2
        })
        .expect("records");
    let node: Vec<&Record> = records.iter().filter(of_node).collect();
    assert_eq!(node.iter().map(|r| r.status()).collect::<Vec<_>>(), ["Start", "Stop"], "no third");
    let [start, stop] = node[..] else { panic!("{node:?}") };
    for record in [start, stop] {
        assert_eq!(record.get("Framed-IP-Address"), v4.to_string());
        let prefix = record.get("Framed-IPv6-Prefix");
        assert!(v6.to_string().starts_with(prefix.trim_end_matches("::/64")), "{v6} {prefix}");
        assert_eq!(record.get("PMIP6-Home-HN-Prefix"), prefix);
        assert_eq!(record.get("Mobile-Node-Identifier"), start.get("Mobile-Node-Identifier"));
        assert_eq!(record.get("NAS-Identifier"), "lma1");
        assert_eq!(record.get("NAS-IP-Address"), ANCHOR.0.to_string());
        assert_eq!(record.get("PMIP6-Home-LMA-IPv6-Address"), ANCHOR.1.to_string());
        assert_eq!(record.get("Acct-Session-Id"), start.get("Acct-Session-Id"));
        assert!(record.get("Event-Timestamp").len() > 10, "{record:?}");
    }
    assert_eq!(stop.get("Acct-Terminate-Cause"), "Admin-Reset");
    // Output is towards the user (RFC 2866 §5.4); headers and acknowledgements come on top.
    let (input, output) = (stop.octets("Input"), stop.octets("Output"));
    assert!((carried..carried + carried / 8).contains(&output), "{output} of {carried}");
    assert!(input > 0 && input < carried / 4, "{input} of {carried}");
    let tunnels: Vec<&Record> =
        records.iter().filter(|r| ["mag1", "mag2"].contains(&r.get("User-Name"))).collect();
    let stops = tunnels.iter().filter(|record| record.status() == "Stop");
    let sum: u64 = stops.clone().map(|record| record.octets("Output")).sum();
    assert_eq!(stops.count(), 2, "{tunnels:?}");
    assert_eq!(sum, output, "each octet counts for one tunnel");
    lma.stop().expect("a clean stop");
    let around = |place: Option<&Record>| place.map(|r| r.status().to_owned());
    let off = Some("Accounting-Off".to_owned());
    let records = server.wait_records("the end", |records| around(records.last()) == off);
    let records = records.expect("it is the last");
    assert_eq!(around(records.first()), Some("Accounting-On".to_owned()));
}

#[test]
fn no_record_is_lost_when_the_server_and_the_anchor_are_killed_under_load() {
    let _turn = turn();
    let stage = Stage::set();
    let mut server = stage.server("first", FIRST);
    let mut lma = stage.anchor(&udp(FIRST));
    let mut updates = stage.updates(2_000);
    // What the generator gives up waiting for, a slow machine still does.
    let run = |updates: &mut Updates, step, nodes: std::ops::Range<usize>, bindings: u64| {
        updates.run(step, nodes).expect("updates");
        wait::until(SOON, &format!("{bindings} bindings"), || {
            let shown = lma.kedge("show ipv6 mobile pmipv6 lma globals | json").expect("show");
            let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
            match shown["bindings"].as_u64() {
                Some(there) if there == bindings => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .expect("bindings");
    };
    run(&mut updates, Step::Register, 0..500, 500);
    server.kill().expect("kill");
    run(&mut updates, Step::Register, 500..1_000, 1_000);
    run(&mut updates, Step::Deregister, 0..300, 700);
    let waiting = |lma: &Daemon| {
        let shown = lma.kedge("show radius accounting | json").expect("show");
        serde_json::from_str::<serde_json::Value>(&shown).expect("json")
    };
    let kept = wait::until(SOON, "300 Stops on the disk", || {
        let shown = waiting(&lma);
        let made = &shown["counters"]["accounting"]["stops"];
        match (made.as_u64(), shown["stalled"].as_bool()) {
            (Some(300..), Some(true)) => Ok(shown["waiting"].as_u64()),
            _ => Err(shown.to_string()),
        }
    });
    assert!(kept.expect("kept") >= Some(700));
    lma.kill().expect("kill");
    lma.restart().expect("restart");
    assert!(waiting(&lma)["waiting"].as_u64() >= Some(700), "{}", waiting(&lma));
    server.restart().expect("restart");
    let nodes = |records: &[Record], status: &str| -> BTreeSet<String> {
        let of_nodes = records.iter().filter(|r| r.get("User-Name").ends_with(REALM));
        let those = of_nodes.filter(|record| record.status() == status);
        those.map(|record| record.get("User-Name").to_owned()).collect()
    };
    let records = server
        .wait_records("1000 Starts and 300 Stops", |records| {
            nodes(records, "Start").len() == 1_000 && nodes(records, "Stop").len() == 300
        })
        .expect("records");
    let late = |record: &&Record| record.number("Acct-Delay-Time") > 0;
    assert!(records.iter().filter(late).count() > 500, "what waited says for how long");
    for stop in records.iter().filter(|record| record.status() == "Stop") {
        let session = stop.get("Acct-Session-Id");
        let of_session = |r: &&Record| r.get("Acct-Session-Id") == session;
        let first = records.iter().find(of_session).expect("itself at least");
        assert_eq!(first.status(), "Start", "{session} begins before it ends");
    }
    let sessions = |status: &str| -> BTreeSet<&str> {
        let those = records.iter().filter(|record| record.status() == status);
        those.map(|record| record.get("Acct-Session-Id")).collect()
    };
    assert_eq!(sessions("Accounting-On").len(), 2, "one for each run");
    wait::until(SOON, "nothing to wait any more", || match waiting(&lma)["waiting"].as_u64() {
        Some(0) => Ok(()),
        more => Err(format!("{more:?}")),
    })
    .expect("all acknowledged");
}

#[test]
fn a_second_server_takes_what_the_first_does_not_answer() {
    let _turn = turn();
    let stage = Stage::set();
    let (mut first, second) = (stage.server("first", FIRST), stage.server("second", SECOND));
    let lma = stage.anchor(&format!("{}{}", udp(FIRST), udp(SECOND)));
    let mut updates = stage.updates(200);
    let register =
        |updates: &mut Updates, nodes| updates.run(Step::Register, nodes).expect("updates");
    register(&mut updates, 0..50);
    let starts = |records: &[Record]| records.iter().filter(|r| r.status() == "Start").count();
    first.wait_records("the first 50", |records| starts(records) >= 51).expect("the first");
    assert_eq!(second.records(), [], "the second is not asked while the first answers");
    first.hold().expect("hold");
    register(&mut updates, 50..100);
    second.wait_records("the next 50", |records| starts(records) == 50).expect("the second");
    let dead = wait::until(SOON, "the first to be shown as dead", || {
        let shown = lma.kedge("show radius").expect("show");
        if shown.contains("DEAD") { Ok(()) } else { Err(shown) }
    });
    dead.expect("dead");
    // Its late answers find nothing that waits for them.
    first.go_on().expect("go on");
    let late = wait::until(SOON, "late answers to be counted", || {
        let shown = lma.kedge("show radius | json").expect("show");
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
        let counters = &shown["servers"][0]["counters"]["radius_server"];
        match counters["unmatched"].as_u64() {
            Some(1..) => Ok(()),
            _ => Err(counters.to_string()),
        }
    });
    late.expect("late answers");
}

#[test]
fn records_reach_a_server_over_tls() {
    let _turn = turn();
    let stage = Stage::set();
    let papers = freeradius::certificates(&stage.core.cn, FIRST).expect("certificates");
    let (tls, client) = (Some(papers.clone()), Some(CLIENT));
    let setup = Setup { name: "first", at: FIRST, client, tls, ..Setup::default() };
    let server = FreeRadius::start(&stage.core.cn, &setup).expect("server");
    let papers = papers.display();
    let lma = stage.anchor(&format!(
        "radius-server host {FIRST}\n tls\n  ca-file {papers}/ca.pem\n  \
         certificate {papers}/client.pem\n  private-key {papers}/client.key\n !\n!\n"
    ));
    let mut updates = stage.updates(100);
    let steps = [(Step::Register, 0..100), (Step::Deregister, 0..100)];
    for (step, nodes) in steps {
        updates.run(step, nodes).expect("updates");
    }
    let stops = |records: &[Record]| {
        let of_nodes = records.iter().filter(|r| r.get("User-Name").ends_with(REALM));
        of_nodes.filter(|record| record.status() == "Stop").count()
    };
    let arrived = server.wait_records("100 Stops over TLS", |records| stops(records) == 100);
    if let Err(error) = arrived {
        panic!("{error}\n{}\n{}", lma.log(), server.log());
    }
}

/// A server that invents, repeats and shortens answers gets none of them believed, and none of
/// the records is lost by it.
#[test]
fn forged_answers_are_counted_and_acknowledge_nothing() {
    let _turn = turn();
    let stage = Stage::set();
    let forger = stage.core.cn.inside(|| UdpSocket::bind((FIRST, 1813)));
    let forger = forger.expect("the forger's port");
    forger.set_read_timeout(Some(SOON)).expect("patience");
    let lma = stage.anchor(&udp(FIRST));
    let mut request = [0; 4096];
    let (_, anchor) = forger.recv_from(&mut request).expect("Accounting-On");
    let forged = |code, identifier| {
        let mut answer = [0; 20];
        answer[..4].copy_from_slice(&[code, identifier, 0, 20]);
        answer
    };
    let response = forged(5, request[1]);
    for answer in [&response[..], &response, &response[..12], &forged(5, request[1] ^ 0x80)] {
        forger.send_to(answer, anchor).expect("send");
    }
    let shown = |command: &str| -> serde_json::Value {
        serde_json::from_str(&lma.kedge(command).expect("show")).expect("json")
    };
    wait::until(SOON, "forged answers to be counted", || {
        let shown = shown("show radius | json");
        let counters = &shown["servers"][0]["counters"]["radius_server"];
        let count = |key: &str| counters[key].as_u64().unwrap_or(0);
        match (count("bad_authenticators"), count("malformed"), count("unmatched")) {
            (2, 1, 1) => Ok(()),
            _ => Err(counters.to_string()),
        }
    })
    .expect("each under its cause");
    assert_eq!(shown("show radius accounting | json")["counters"]["accounting"]["acknowledged"], 0);
    drop(forger);
    let server = stage.server("first", FIRST);
    let on = |records: &[Record]| records.iter().any(|r| r.status() == "Accounting-On");
    server.wait_records("what was kept", on).expect("Accounting-On");
}
