//! What a host lacks: each time one line that says which and what to do, status 1, and a host
//! that is as it was before.

use std::fs;

use kedge_lab::{Daemon, Link};

use crate::stage::{ANCHOR, Single, turn};

#[test]
fn without_privileges_the_missing_ones_are_named() {
    let _turn = turn();
    let stage = Single::set();
    // Nobody may not even read where the program lies.
    let nobody = "cp $KEDGED kedged && chmod 755 . kedged && mkdir -m 777 home && \
        exec setpriv --reuid 65534 --regid 65534 --clear-groups \
        timeout 60 ./kedged --config conf --socket home/sock --state-dir home/state";
    stage.refused(ANCHOR, nobody, &["CAP_NET_ADMIN", "CAP_NET_RAW", "run as root"]);
    assert_eq!(fs::read_dir(stage.file("home")).expect("home").count(), 0, "nothing is made");
    let half = "exec setpriv --bounding-set -net_admin $RUN";
    stage.refused(ANCHOR, half, &["missing privileges: CAP_NET_ADMIN;"]);
}

#[test]
fn an_occupied_port_is_named() {
    let _turn = turn();
    let stage = Single::set();
    for (port, family, address) in
        [(5436, "INET", "192.0.2.1"), (5437, "INET", "192.0.2.1"), (5437, "INET6", "2001:db8:7::1")]
    {
        let holder = format!(
            "import socket, time\ns = socket.socket(socket.AF_{family}, socket.SOCK_DGRAM)\n\
             s.bind((\"{address}\", {port}))\nprint(\"held\", flush=True)\ntime.sleep(600)\n"
        );
        let name = format!("holder{port}{family}");
        let mut held = stage.host.spawn(&name, "python3", &["-c", &holder]).expect("python3");
        let ready = |log: &str| log.contains("held").then_some(());
        held.wait_output(crate::stage::SOON, "the port to be held", ready).expect("held");
        let port = port.to_string();
        stage.refused(ANCHOR, "$RUN", &[address, &port, "another pro"]);
    }
}

#[test]
fn an_address_that_the_host_does_not_have_is_named() {
    let _turn = turn();
    let stage = Single::set();
    let elsewhere = ANCHOR.replace("192.0.2.1", "192.0.2.99");
    stage.refused(&elsewhere, "$RUN", &["192.0.2.99", "no interface of this namespace has"]);
}

#[test]
fn an_address_whose_duplicate_check_still_runs_is_waited_for() {
    let _turn = turn();
    let stage = Single::set();
    let (host, other) = (&stage.host, stage.another("neighbour"));
    Link::between(host, "late0", &other, "late0").expect("link");
    host.ip("addr add 2001:db8:1a7e::1/64 dev late0").expect("an address without nodad");
    let late = ANCHOR.replace("2001:db8:7::1", "2001:db8:1a7e::1");
    let mut daemon = Daemon::start(host, &late).expect("the daemon starts");
    let globals = daemon.kedge("show ipv6 mobile pmipv6 lma globals").expect("it answers");
    assert!(globals.contains("2001:db8:1a7e::1"), "{globals}");
    daemon.stop().expect("a clean stop");
}

#[test]
fn without_the_tun_device_the_way_to_get_it_is_named() {
    let _turn = turn();
    let stage = Single::set();
    let script = "mount -t tmpfs none /dev/net && exec $RUN";
    stage.refused(ANCHOR, script, &["/dev/net/tun is missing", "modprobe tun"]);
}

#[test]
fn a_device_that_has_the_name_of_ours_is_named() {
    let _turn = turn();
    let stage = Single::set();
    stage.host.ip("link add kedge-lma type veth peer name other").expect("device");
    stage.refused(ANCHOR, "$RUN", &["kedge-lma", "another device has that name"]);
}

#[test]
fn directories_that_cannot_be_written_are_named_with_the_option_that_chooses_others() {
    let _turn = turn();
    let stage = Single::set();
    let read_only = "mkdir -p fixed && mount -t tmpfs -o ro none fixed && exec timeout 60 $KEDGED \
        --config conf";
    let state = format!("{read_only} --socket sock --state-dir fixed/state");
    stage.refused(ANCHOR, &state, &["fixed/state", "Read-only file system", "--state-dir"]);
    let socket = format!("{read_only} --socket fixed/sock --state-dir state");
    stage.refused(ANCHOR, &socket, &["fixed/sock", "Read-only file system", "--socket"]);
    fs::write(stage.file("file"), "").expect("a file");
    let file = "exec timeout 60 $KEDGED --config conf --socket sock --state-dir file";
    stage.refused(ANCHOR, file, &["state directory file", "--state-dir"]);
}

#[test]
fn a_damaged_restart_counter_is_named_and_a_later_one_than_any_before_is_used() {
    let _turn = turn();
    let stage = Single::set();
    let state = stage.file("one.state");
    fs::create_dir(&state).expect("state");
    fs::write(state.join("restart-counter"), "seven").expect("counter");
    let mut daemon = Daemon::start(&stage.host, ANCHOR).expect("kedged");
    let version = crate::stage::json(&daemon, "show version");
    assert!(version["restart_counter"].as_u64() > Some(1_000_000_000), "{version}");
    let log = daemon.log();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    let [line] = warnings[..] else { panic!("{log}") };
    assert!(line.contains("restart-counter holds no number"), "{line}");
    daemon.stop().expect("a clean stop");
}
