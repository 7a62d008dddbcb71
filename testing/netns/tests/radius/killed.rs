//! What a gateway was told is in the books, however often the anchor is killed.

use std::collections::BTreeSet;

use kedge_lab::{
    Daemon,
    detail::Record,
    domain::REALM,
    load::{Step, nai},
    wait::{self, SOON},
};

use crate::stage::{FIRST, Stage, turn, udp};

const ROUNDS: usize = 12;
/// Registered in a round and de-registered again, and registered when the anchor is killed.
const NODES: usize = 200;

/// In each round some nodes come and go, and the anchor is killed while others come: after ever more
/// of their acknowledgements, with updates before and behind it.
#[test]
fn whoever_was_acknowledged_is_in_the_books_of_the_server_however_often_the_anchor_is_killed() {
    let _turn = turn();
    let stage = Stage::set();
    let server = stage.server("first", FIRST);
    let mut lma = stage.anchor(&udp(FIRST));
    let mut updates = stage.updates(ROUNDS * 2 * NODES);
    let (mut gone, mut there) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        let first = round * 2 * NODES;
        let nodes = first..first + NODES;
        let come = updates.answered(Step::Register, nodes.clone(), |_| true).expect("updates");
        let left = updates.answered(Step::Deregister, nodes, |_| true).expect("updates");
        wait_bindings(&lma, come.len() - left.len());
        gone.extend(left);
        there.extend(come);
        let last = 1 + round * NODES / ROUNDS;
        let nodes = first + NODES..first + 2 * NODES;
        let come = updates.answered(Step::Register, nodes, |answered| {
            if answered == last {
                lma.kill().expect("kill");
            }
            answered < last
        });
        let come = come.expect("updates");
        assert!(come.len() >= last, "{} of {last}", come.len());
        there.extend(come);
        lma.restart().expect("restart");
    }
    assert!(gone.len() > ROUNDS * NODES * 9 / 10, "{} were de-registered", gone.len());
    let named = |nodes: &BTreeSet<usize>| -> BTreeSet<String> {
        nodes.iter().map(|node| nai(*node, REALM)).collect()
    };
    let (gone, there) = (named(&gone), named(&there));
    let lacks = |records: &[Record]| {
        let of = |status: &str| -> BTreeSet<&str> {
            let those = records.iter().filter(|record| record.status() == status);
            those.map(|record| record.get("User-Name")).collect()
        };
        let (starts, stops) = (of("Start"), of("Stop"));
        let starts = there.iter().filter(|name| !starts.contains(&***name)).count();
        let stops = gone.iter().filter(|name| !stops.contains(&***name)).count();
        (starts, stops)
    };
    let records = server.wait_records("every node that was acknowledged", |r| lacks(r) == (0, 0));
    let records = records.unwrap_or_else(|error| {
        panic!("{:?} Starts and Stops are missing: {error}", lacks(&server.records()))
    });
    // What was open when the anchor was killed ended with it: the next run says so first.
    let on = records.iter().filter(|record| record.status() == "Accounting-On");
    let on: BTreeSet<&str> = on.map(|record| record.get("Acct-Session-Id")).collect();
    assert_eq!(on.len(), ROUNDS + 1, "one for each run");
    for stop in
        records.iter().filter(|r| r.status() == "Stop" && r.get("User-Name").ends_with(REALM))
    {
        assert_eq!(stop.get("Acct-Terminate-Cause"), "User-Request", "{stop:?}");
    }
}

fn wait_bindings(lma: &Daemon, count: usize) {
    wait::until(SOON, &format!("{count} bindings"), || {
        let shown = lma.kedge("show ipv6 mobile pmipv6 lma globals | json").expect("show");
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
        match shown["bindings"].as_u64() {
            Some(there) if there == count as u64 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .expect("bindings");
}
