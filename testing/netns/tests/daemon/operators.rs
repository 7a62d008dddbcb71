//! What an operator asks of an anchor and a gateway at work, and what clearing does.

use kedge_lab::{
    Daemon,
    domain::{NAI, Plan},
};
use serde_json::Value;

use crate::stage::{Site, bindings, complaint, counter, json, turn, until};

const KINDS: [&str; 5] = ["bindings", "globals", "heartbeats", "statistics", "tunnels"];

/// The domain with heartbeats every second, its node registered and both families in use. A peer
/// that merely is slow is not down.
fn site() -> Site {
    let beat = |config: String, block: &str| {
        config.replace(block, &format!("{block}\n heartbeat interval 1 retries 3 timeout 2"))
    };
    let mut site = Site::with(
        Plan::default(),
        |lma| beat(lma, "pmipv6-lma lma1 domain example.net"),
        |mag| beat(mag, "pmipv6-mag mag1 domain example.net"),
    );
    site.attach();
    site.answered();
    site
}

fn show(role: &str, kind: &str) -> String {
    format!("show ipv6 mobile pmipv6 {role} {kind}")
}

fn state(daemon: &Daemon, role: &str) -> Value {
    json(daemon, &show(role, "heartbeats"))["heartbeats"][0]["state"].clone()
}

fn wait_state(daemon: &Daemon, role: &str, wanted: &str) {
    until(&format!("{role} to find its peer {wanted}"), || match state(daemon, role) {
        state if state == wanted => Ok(()),
        state => Err(state.to_string()),
    });
}

#[test]
fn every_show_answers_in_both_roles_for_people_and_for_programs() {
    let _turn = turn();
    let site = site();
    for (role, daemon, peer) in [("lma", &site.lma, "mag1"), ("mag", &site.mag, "lma1")] {
        wait_state(daemon, role, "up");
        for kind in KINDS {
            let text = daemon.kedge(&show(role, kind)).expect("an answer");
            assert!(text.lines().count() > 1 && !text.contains('\t'), "{text}");
            assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
            assert!(json(daemon, &show(role, kind)).is_object());
        }
        let tunnels = json(daemon, &show(role, "tunnels"));
        let tunnel = &tunnels["tunnels"][0];
        assert_eq!((&tunnel["peer"], &tunnel["bindings"]), (&peer.into(), &1.into()), "{tunnels}");
        for way in ["from_node", "to_node"] {
            assert!(tunnel["traffic"][way]["packets"].as_u64() > Some(5), "{tunnels}");
        }
        let globals = json(daemon, &show(role, "globals"));
        assert_eq!(globals["bindings"], 1, "{globals}");
        assert_eq!(globals["heartbeat"]["interval_seconds"], 1, "{globals}");
        let heart = || json(daemon, &show(role, "heartbeats"))["heartbeats"][0].clone();
        until("none to be missed", || match heart() {
            heart if heart["missed"] == 0 => Ok(()),
            heart => Err(heart.to_string()),
        });
        let heart = heart();
        assert_eq!(heart["peer"], peer, "{heart}");
        assert!(heart["restart_counter"].as_u64() >= Some(1), "{heart}");
        // Both spellings, and no line longer than a terminal is wide.
        let statistics = daemon.kedge(&show(role, "statistics")).expect("an answer");
        assert!(statistics.lines().all(|line| line.len() <= 80), "{statistics}");
        let groups = |command: &str| -> Vec<String> {
            json(daemon, command).as_object().expect("groups").keys().cloned().collect()
        };
        let own = if role == "lma" { "lma1" } else { "mag1" };
        let service = format!("show {role}-service statistics name");
        assert_eq!(groups(&format!("{service} {own}")), groups(&show(role, "statistics")));
        let other = complaint(daemon.kedge(&format!("{service} other")));
        assert!(other.contains("no service has the name other"), "{other}");
    }
    let lma = &site.lma;
    for (filter, count) in [("mag mag1", 1), ("mag mag2", 0), ("nai @example.net", 1)] {
        let answer = json(lma, &show("lma", &format!("bindings {filter}")));
        assert_eq!(answer["bindings"].as_array().map(Vec::len), Some(count), "{filter}");
    }
    let unknown = complaint(lma.kedge(&show("lma", "bindings mag nobody")));
    assert!(unknown.contains("no gateway has the name or the address nobody"), "{unknown}");
    let peer = json(lma, &show("lma", "statistics mag mag1"));
    assert_eq!(peer["peer"]["received"], peer["peer"]["accepted"], "{peer}");
    assert!(peer["peer"]["heartbeats_sent"].as_u64() > Some(0), "{peer}");
}

#[test]
fn clearing_by_gateway_or_realm_takes_the_bindings_back_at_both_ends() {
    let _turn = turn();
    for (which, trigger) in [
        ("mag mag1", "per_peer_policy"),
        ("nai @example.net", "revoking_node_local_policy"),
        (&format!("nai {NAI}"), "administrative"),
        ("all", "per_peer_policy"),
    ] {
        let site = site();
        let clear = format!("clear ipv6 mobile pmipv6 lma bindings {which}");
        assert_eq!(site.lma.kedge(&clear).expect(which), "1 binding cleared\n");
        until("the binding to end at both ends", || {
            let (at_lma, at_mag) = (bindings(&site.lma, "lma"), bindings(&site.mag, "mag"));
            let held = at_mag.iter().filter(|binding| binding["state"] == "active").count();
            if at_lma.is_empty() && held == 0 { Ok(()) } else { Err(format!("{at_mag:?}")) }
        });
        let statistics = show("lma", "statistics");
        for path in [
            &format!("/revocation_triggers_sent/{trigger}"),
            "/revocation_ack_status/success",
            "/disconnects/admin_drops",
        ] {
            until("each to be counted once", || match counter(&site.lma, &statistics, path) {
                1 => Ok(()),
                count => Err(format!("{which}: {path} is {count}")),
            });
        }
        if which != "all" {
            let nothing = complaint(site.lma.kedge(&clear));
            assert!(nothing.contains("no binding of"), "{nothing}");
        }
    }
}

#[test]
fn clearing_statistics_starts_them_again_in_both_roles() {
    let _turn = turn();
    let site = site();
    let counted = [
        ("lma", &site.lma, "statistics", "/binding_acks_sent/total"),
        ("lma", &site.lma, "statistics mag mag1", "/peer/received"),
        ("mag", &site.mag, "statistics", "/mag_binding_updates_sent/total"),
    ];
    for (role, daemon, kind, row) in counted {
        assert!(counter(daemon, &show(role, kind), row) > 0, "{role} {kind}");
    }
    for (role, daemon, kind, row) in counted {
        // The gateway tells the anchor once more of a node that has come up on its link, which may
        // be between the two commands.
        until("counters that start again", || {
            daemon.kedge(&format!("clear ipv6 mobile pmipv6 {role} statistics")).expect("cleared");
            match counter(daemon, &show(role, kind), row) {
                0 => Ok(()),
                count => Err(format!("{count}: {}", site.logs())),
            }
        });
    }
    assert_eq!(bindings(&site.lma, "lma").len(), 1, "what is counted goes on");
}

#[test]
fn a_gateway_that_is_cut_off_is_down_and_its_bindings_go_on_when_it_is_back() {
    let _turn = turn();
    let site = site();
    wait_state(&site.lma, "lma", "up");
    let state = || bindings(&site.lma, "lma")[0]["state"].clone();
    let gateway = &site.domain.mags[0];
    gateway.sysctl("net.ipv6.conf.tp0.keep_addr_on_down", "1").expect("sysctl");
    let cable = |state: &str| gateway.ip(&format!("link set tp0 {state}"));
    cable("down").expect("cut off");
    wait_state(&site.lma, "lma", "down");
    assert_eq!(state(), "unreachable");
    cable("up").expect("back");
    wait_state(&site.lma, "lma", "up");
    assert_eq!(state(), "active");
    site.answered();
    let statistics = show("lma", "statistics");
    for (row, count) in [("down", 1), ("up", 1), ("restarted", 0)] {
        assert_eq!(counter(&site.lma, &statistics, &format!("/gateways/{row}")), count, "{row}");
    }
}

#[test]
fn a_gateway_that_is_killed_and_starts_again_has_its_nodes_registered_anew() {
    let _turn = turn();
    let mut site = site();
    wait_state(&site.lma, "lma", "up");
    site.mag.kill().expect("killed");
    wait_state(&site.lma, "lma", "down");
    site.mag.restart().expect("started again");
    until("the gateway to be known as restarted", || {
        let restarted = counter(&site.lma, &show("lma", "statistics"), "/gateways/restarted");
        if restarted == 1 { Ok(()) } else { Err(restarted.to_string()) }
    });
    site.answered();
}
