//! What is left when it ends, by a signal that asks or one that does not.

use kedge_lab::{
    Domain, Lab,
    domain::{GATEWAYS, Plan},
};
use nix::sys::signal::Signal;

use crate::stage::{Site, bindings, counter, look, turn, until};

#[test]
fn a_clean_stop_takes_leave_of_the_anchor_and_leaves_the_hosts_as_they_were() {
    let _turn = turn();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (mut site, before) = begin();
        site.attach();
        assert_ne!(hosts(&site), before, "there is something to undo");
        // It reads its configuration again, finds nothing new, and goes on.
        let id = site.mag.id().to_string();
        site.domain.mags[0].exec("kill", &["-HUP", &id]).expect("SIGHUP");
        until("a word about SIGHUP", || match site.mag.log() {
            log if log.contains("says what is in force") => Ok(()),
            log => Err(log),
        });
        site.mag.stop_by(signal).expect("status 0");
        let left = || {
            let (command, row) = ("show lma-service statistics", "/binding_updates_deregistration");
            counter(&site.lma, command, &format!("{row}/accepted"))
        };
        until("the gateway to have taken leave", || match left() {
            0 => Err(format!("{signal}: {}", site.logs())),
            _ => Ok(()),
        });
        site.lma.stop_by(signal).expect("status 0");
        same(&hosts(&site), &before);
    }
}

#[test]
fn a_gateway_that_was_killed_clears_up_when_it_is_back_and_serves_its_node() {
    let _turn = turn();
    let (mut site, before) = begin();
    let given = site.attach();
    site.mag.kill().expect("kill");
    let left = site.domain.mags[0].ip("rule").expect("rules");
    assert!(left.contains("5213"), "nobody could clear up: {left}");
    site.mag.restart().expect("restart");
    until("the leftovers to be found", || match site.mag.log() {
        log if log.contains("an earlier run left behind") => Ok(()),
        log => Err(log),
    });
    site.answered();
    assert_eq!(site.held(), given);
    site.mag.stop().expect("a clean stop");
    site.lma.stop().expect("a clean stop");
    same(&hosts(&site), &before);
}

/// It would forward nothing from then on: whoever started it can start it again.
#[test]
fn a_daemon_whose_device_somebody_removes_ends_and_can_be_started_again() {
    let _turn = turn();
    let (mut site, _) = begin();
    let given = site.attach();
    site.domain.core.lma.ip("link del kedge-lma").expect("removed");
    until("its end", || match site.lma.alive() {
        true => Err(site.lma.log()),
        false => Ok(()),
    });
    let log = site.lma.log();
    assert!(log.contains("somebody has removed the device kedge-lma"), "{log}");
    site.lma.restart().expect("started again");
    site.mag.kedge("clear ipv6 mobile pmipv6 mag bindings all").expect("begun anew");
    site.answered();
    assert_eq!(site.held(), given);
}

#[test]
fn an_anchor_that_was_killed_gives_the_node_its_addresses_back_at_the_gateways_next_refresh() {
    let _turn = turn();
    let refresh = " binding refresh-time 4\n binding lifetime 60\n";
    let mut site = Site::with(
        Plan::default(),
        |lma| lma,
        |mag| mag.replace(" interface acc0\n", &format!("{refresh} interface acc0\n")),
    );
    let given = site.attach();
    site.answered();
    site.lma.kill().expect("kill");
    // Bindings are not durable yet: the anchor knows of none until it is told.
    let switch = site.domain.core.net.host().clone();
    switch.ip("link set plma down").expect("cut");
    site.lma.restart().expect("restart");
    assert_eq!(bindings(&site.lma, "lma").len(), 0);
    switch.ip("link set plma up").expect("mend");
    until("the gateway's refresh", || match bindings(&site.lma, "lma").len() {
        1 => Ok(()),
        count => Err(format!("{count} bindings; {}", site.logs())),
    });
    site.answered();
    assert_eq!(site.held(), given);
    let starts = crate::stage::json(&site.lma, "show version")["restart_counter"].clone();
    assert_eq!(starts, 2, "its peers can tell");
}

/// A domain whose node is in range of the first gateway already, and what the hosts look like
/// before any daemon runs.
fn begin() -> (Site, [String; 2]) {
    let lab = Lab::new("kgrob").expect("lab");
    let domain = Domain::draw(&lab).expect("domain");
    domain.attach(0).expect("in range");
    let before = [look(&domain.core.lma), look(&domain.mags[0])];
    let plan = Plan::default();
    let configs = [Domain::lma_config(&plan), Domain::mag_config(&plan, 0)];
    let site = Site::on(lab, domain, configs.each_ref().map(String::as_str));
    (site, before)
}

fn hosts(site: &Site) -> [String; 2] {
    [look(&site.domain.core.lma), look(&site.domain.mags[0])]
}

/// Compares line by line, so that a difference can be read.
fn same(now: &[String; 2], before: &[String; 2]) {
    for (place, name) in ["anchor", GATEWAYS[0].0].into_iter().enumerate() {
        let (now, before) = (&now[place], &before[place]);
        let extra: Vec<&str> = now.lines().filter(|line| !before.contains(line)).collect();
        let missing: Vec<&str> = before.lines().filter(|line| !now.contains(line)).collect();
        assert_eq!((extra, missing), (vec![], vec![]), "{name}");
        assert_eq!(now.lines().count(), before.lines().count(), "{name}");
    }
}
