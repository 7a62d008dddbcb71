//! What a commit does to what runs: all that it says, nothing else, or nothing at all.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use kedge_lab::{
    Daemon, Host, Ping,
    domain::{ANCHOR, CORRESPONDENT, Plan},
    wait::{self, pause},
};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::stage::{
    self, SOON, Single, Site, bindings, complaint, counter, json, look, turn, until,
};

const LMA: &str = "ipv6 mobile pmipv6-lma lma1 domain example.net\n";
const MAG: &str = "ipv6 mobile pmipv6-mag mag1 domain example.net\n";
const UPDATES: (&str, &str) = ("show lma-service statistics", "/binding_updates_received/total");

/// Types lines into a session and commits them; what the commit said.
fn commit(daemon: &Daemon, lines: &str) -> String {
    let said = daemon.script(&format!("configure\n{lines}commit\n"));
    said.unwrap_or_else(|e| panic!("{lines}{e}\n{}", daemon.log()))
}

fn refused(daemon: &Daemon, lines: &str) -> String {
    complaint(daemon.script(&format!("configure\n{lines}commit\n")))
}

fn running(daemon: &Daemon) -> String {
    daemon.kedge("show running-config").expect("the configuration")
}

/// All that a commit may change: what runs, FILE, the history and the host.
fn everything(daemon: &Daemon, host: &Host) -> (String, String, Vec<(String, Vec<u8>)>, String) {
    let file = fs::read_to_string(daemon.config()).expect("FILE");
    (running(daemon), file, files(&daemon.state().join("commits")), settled(host))
}

/// A host but for its link-local addresses, whose duplicate checks may end meanwhile.
pub fn settled(host: &Host) -> String {
    let all = look(host);
    let settled: Vec<&str> = all.lines().filter(|line| !line.contains("fe80::")).collect();
    settled.join("\n").replace(" tentative", "")
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).expect("the history");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// Two pings that lose nothing while `work` is done.
fn undisturbed(site: &Site, work: impl FnOnce()) {
    let every = Duration::from_millis(10);
    let node = site.domain.mn.host();
    let [v4, v6] = [CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string()];
    let pings = [("calm4", v4), ("calm6", v6)].map(|(name, to)| {
        let ping = Ping::start(node, name, &to, every).expect("ping");
        let from = ping.wait_steady(SOON, 0, 5).unwrap_or_else(|e| panic!("{e}\n{}", site.logs()));
        (ping, from)
    });
    work();
    for (ping, from) in pings {
        let to = ping.wait_steady(SOON, ping.newest(), 20).expect("answers go on");
        let span = ping.span(from, to);
        assert!(span.sent > 20 && span.lost == 0, "{span:?}\n{}", site.logs());
        ping.stop().expect("stop");
    }
}

#[test]
fn a_change_leaves_other_bindings_and_their_packets_alone() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    site.answered();
    // The gateway tells the anchor once more of a node that shows signs of having come, two
    // seconds later; the node shows some for each family.
    let mut quiet = (0, Instant::now());
    until("the gateway to be quiet", || match counter(&site.lma, UPDATES.0, UPDATES.1) {
        count if count == quiet.0 && quiet.1.elapsed() > Duration::from_secs(8) => Ok(()),
        count if count == quiet.0 => Err(format!("{count} updates")),
        count => {
            quiet = (count, Instant::now());
            Err(format!("{count} updates"))
        }
    });
    let gateway = &site.domain.mags[0];
    gateway.ip_batch("link add aaa0 type veth peer name far0\nlink set aaa0 up\n").expect("veth");
    let held = || {
        let binding = &bindings(&site.mag, "mag")[0];
        (binding["id"].clone(), binding["state"].clone(), binding["tunnel"].clone())
    };
    let (before, updates) = (held(), counter(&site.lma, UPDATES.0, UPDATES.1));
    undisturbed(&site, || {
        for lines in [
            " bce lifetime 200\n bce delete-wait-time 5000\n",
            " network other\n  pool mobile-node ipv4 start-address 198.18.0.0 pool-prefix 24\n",
            " mag mag9 example.net\n  ipv6 address 2001:db8:7::99\n",
            " heartbeat interval 10 retries 3 timeout 3\n",
            " no heartbeat\n no mag mag9 example.net\n no network other\n",
        ] {
            assert!(!commit(&site.lma, &format!("{LMA}{lines}")).contains("end"), "{lines}");
        }
        let profile = "ipv6 mobile pmipv6-domain example.net\n nai x@example.net\n  service ipv4\n";
        commit(&site.lma, profile);
        for lines in [
            " binding refresh-time 100\n",
            " interface aaa0\n",
            " mobile-node mac 0200.5e10.0077 nai x@example.net\n",
            " no interface aaa0\n",
        ] {
            let said = commit(&site.mag, &format!("{MAG}{lines}"));
            assert!(!said.contains("binding"), "{lines}: {said}");
        }
    });
    assert_eq!(held(), before);
    let after = counter(&site.lma, UPDATES.0, UPDATES.1);
    assert_eq!(after, updates, "nothing was registered again\n{}", site.logs());
}

#[test]
fn a_rollback_leaves_bindings_alone_that_it_does_not_touch_and_ends_those_it_does() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    site.answered();
    let before = running(&site.lma);
    commit(&site.lma, &format!("{LMA} bce lifetime 200\n"));
    commit(&site.lma, &format!("{LMA} mag mag9 example.net\n  ipv6 address 2001:db8:7::99\n"));
    assert_ne!(running(&site.lma), before);
    let held = |site: &Site| bindings(&site.lma, "lma")[0]["mn_id"].clone();
    let node = held(&site);
    undisturbed(&site, || {
        let said = site.lma.kedge("rollback configuration last 2").expect("rolled back");
        assert!(!said.contains("end"), "{said}");
    });
    assert_eq!((running(&site.lma), held(&site)), (before, node));
    let list = site.lma.kedge("show configuration commit list").expect("the commits");
    assert!(list.contains("rollback to commit 1"), "{list}");
    // Where there is no commit to go back to, nothing changes.
    let far = complaint(site.lma.kedge("rollback configuration last 99"));
    assert!(far.contains("there are not so many commits to go back"), "{far}");
    let unknown = complaint(site.lma.kedge("rollback configuration to 99"));
    assert!(unknown.contains("99"), "{unknown}");
    // A pool that a commit took away comes back with the rollback, and what a rollback takes away
    // ends what came of it.
    let ends = "\n1 binding of the anchor ends\n";
    let said = commit(&site.lma, &format!("{LMA} no network home\n"));
    assert!(said.contains(ends), "{said}");
    until("the binding to end", || match bindings(&site.lma, "lma").len() {
        0 => Ok(()),
        _ => Err("it is there".to_owned()),
    });
    site.lma.kedge("rollback configuration last 1").expect("rolled back");
    site.held();
    site.answered();
    let said = site.lma.kedge("rollback configuration last 1").expect("rolled back");
    assert!(said.contains(ends), "{said}");
    until("the binding to end", || match bindings(&site.lma, "lma").len() {
        0 => Ok(()),
        _ => Err("it is there".to_owned()),
    });
}

#[test]
fn a_pool_has_its_route_from_its_commit_to_its_removal() {
    let _turn = turn();
    let site = Site::set(Plan::default());
    let routes = || site.domain.core.lma.ip("route").expect("routes");
    let pool = "network other\n  pool mobile-node ipv4 start-address 198.18.0.0 pool-prefix 24\n";
    commit(&site.lma, &format!("{LMA} {pool}"));
    assert!(routes().contains("198.18.0.0/24 dev kedge-lma"), "{}", routes());
    commit(&site.lma, &format!("{LMA} no network other\n"));
    assert!(!routes().contains("198.18.0.0/24"), "{}", routes());
}

#[test]
fn what_has_a_binding_and_is_removed_ends_it_at_both_sides_and_says_so() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    let check =
        site.lma.script(&format!("configure\n{LMA} no network home\ncommit check\nabort\n"));
    let check = check.expect("a check");
    assert!(check.contains("it can be committed\n1 binding of the anchor ends\n"), "{check}");
    assert_eq!(bindings(&site.lma, "lma").len(), 1, "a check does nothing");
    let said = commit(&site.lma, &format!("{LMA} no network home\n"));
    assert!(said.contains("\n1 binding of the anchor ends\n"), "{said}");
    until("the binding to end at both sides", || {
        let (lma, mag) = (bindings(&site.lma, "lma"), bindings(&site.mag, "mag"));
        let active = mag.iter().filter(|binding| binding["state"] == "active").count();
        if lma.is_empty() && active == 0 { Ok(()) } else { Err(format!("{lma:?} {mag:?}")) }
    });
    until("the gateway to have answered", || {
        match counter(&site.lma, UPDATES.0, "/revocation_ack_status/success") {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    });
}

#[test]
fn an_anchor_takes_another_address_in_service_and_leaves_the_old_one() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let host = &site.domain.core.lma;
    host.address("tp0", "2001:db8:7::2/64").expect("address");
    site.attach();
    site.answered();
    let rules = || site.domain.core.lma.ip("-6 rule").expect("rules");
    undisturbed(&site, || {
        // Its duplicate check takes a moment.
        until("the address to be usable", || {
            let lines = format!("configure\n{LMA} address ipv6 2001:db8:7::2\ncommit\n");
            site.lma.script(&lines).map(drop).map_err(|e| e.to_string())
        });
    });
    assert!(rules().contains("2001:db8:7::2"), "{}", rules());
    let lma = "lma lma1 example.net\n";
    let said = commit(
        &site.mag,
        &format!("{MAG} {lma}  no ipv6-address {}\n  ipv6-address 2001:db8:7::2\n", ANCHOR.1),
    );
    assert!(said.contains("1 binding of the gateway begins again"), "{said}");
    site.answered();
    let said = commit(&site.lma, &format!("{LMA} no address ipv6 {}\n", ANCHOR.1));
    assert!(!said.contains("binding"), "nobody is at the old address: {said}");
    site.answered();
    assert!(!rules().contains("2001:db8:7::1 "), "{}", rules());
    // And without the address that the binding is at, the binding goes, and its gateway is told.
    let said = commit(&site.lma, &format!("{LMA} no address ipv6 2001:db8:7::2\n"));
    assert!(said.contains("1 binding of the anchor ends"), "{said}");
    until("the gateway to have answered", || {
        match counter(&site.lma, UPDATES.0, "/revocation_ack_status/success") {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    });
}

#[test]
fn a_device_has_the_tunnels_mtu_from_the_commit_on() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    let before = bindings(&site.mag, "mag")[0]["id"].clone();
    undisturbed(&site, || {
        for (daemon, block) in [(&site.lma, LMA), (&site.mag, MAG)] {
            commit(daemon, &format!("{block} tunnel mtu 1400\n"));
        }
    });
    let mtu = |host: &Host, name: &str| host.ip(&format!("link show {name}")).expect("link");
    let lma = mtu(&site.domain.core.lma, "kedge-lma");
    assert!(lma.contains("mtu 1400"), "{lma}");
    let mag = mtu(&site.domain.mags[0], "kedge-mag");
    assert!(mag.contains("mtu 1400"), "{mag}");
    assert_eq!(bindings(&site.mag, "mag")[0]["id"], before);
}

#[test]
fn a_gateway_is_removed_from_a_daemon_and_added_again() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    let host = &site.domain.mags[0];
    host.address("lo", "2001:db8:99::1/128").expect("address");
    let gateway = fs::read_to_string(site.mag.config()).expect("FILE");
    let anchor = "ipv6 mobile pmipv6-lma lma9 domain example.net\n address ipv6 2001:db8:99::1\n";
    until("the address to be usable", || {
        let lines = format!("configure\n{anchor}commit\n");
        site.mag.script(&lines).map(drop).map_err(|e| e.to_string())
    });
    assert!(host.ip("link").expect("links").contains("kedge-lma"));
    site.answered();
    let said = commit(&site.mag, "no ipv6 mobile pmipv6-mag mag1 domain example.net\n");
    assert!(said.contains("1 binding of the gateway ends"), "{said}");
    until("the anchor to be told, and the host to be rid of it", || {
        let lma = counter(&site.lma, UPDATES.0, "/binding_updates_deregistration/accepted");
        let links = host.ip("link").expect("links");
        let rules = host.ip("rule").expect("rules");
        match lma >= 1 && !links.contains("kedge-mag") && !rules.contains("5213") {
            true => Ok(()),
            false => Err(format!("{lma} {links} {rules}")),
        }
    });
    commit(&site.mag, &gateway);
    site.answered();
}

#[test]
fn a_daemon_begins_with_nothing_and_gets_its_first_configuration_and_loses_its_last() {
    let _turn = turn();
    let single = Single::set();
    let mut daemon = Daemon::start(&single.host, "").expect("a daemon without a role");
    assert!(daemon.log().contains("nothing runs until a commit brings one"), "{}", daemon.log());
    let before = settled(&single.host);
    let why = complaint(daemon.kedge("show ipv6 mobile pmipv6 lma bindings"));
    assert!(why.contains("this daemon is no anchor"), "{why}");
    commit(&daemon, stage::ANCHOR);
    assert!(bindings(&daemon, "lma").is_empty());
    assert_ne!(settled(&single.host), before, "it has a device and a pool's route");
    assert_eq!(fs::read_to_string(daemon.config()).expect("FILE"), running(&daemon));
    commit(&daemon, &format!("no {LMA}"));
    let why = complaint(daemon.kedge("show ipv6 mobile pmipv6 lma bindings"));
    assert!(why.contains("this daemon is no anchor"), "{why}");
    until("the host to be as before", || match settled(&single.host) {
        after if after == before => Ok(()),
        after => Err(format!("{before}\n--- now\n{after}")),
    });
    daemon.stop().expect("a clean stop");
}

#[test]
fn what_the_host_refuses_changes_nothing_and_is_named() {
    let _turn = turn();
    let site = Site::set(Plan::default());
    let (anchor, gateway) = (&site.domain.core.lma, &site.domain.mags[0]);
    anchor.address("lo", "198.51.100.77/32").expect("address");
    anchor.ip("route add 198.18.0.0/24 dev lo metric 0").expect("route");
    let taken = "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); \
        s.bind(('198.51.100.77',5436)); print(flush=True); time.sleep(600)";
    let mut holder = anchor.spawn("holder", "python3", &["-c", taken]).expect("holder");
    until("the port to be taken", || match holder.output().is_empty() {
        true => Err(holder.errors()),
        false => Ok(()),
    });
    let pool = "network other\n  pool mobile-node ipv4 start-address 198.18.0.0 pool-prefix 24\n";
    let timer = " bce lifetime 200\n";
    for (lines, words) in [
        (" address ipv6 2001:db8:dead::1\n", "2001:db8:dead::1"),
        (" address ipv4 198.51.100.77\n", "198.51.100.77"),
        (&*format!(" address ipv6 2001:db8:dead::1\n {pool}"), "2001:db8:dead::1"),
        (&*format!(" {pool}"), "198.18.0.0/24"),
    ] {
        let before = everything(&site.lma, anchor);
        let why = refused(&site.lma, &format!("{LMA}{timer}{lines}"));
        assert!(why.contains("nothing is committed") && why.contains(words), "{lines}: {why}");
        assert_eq!(everything(&site.lma, anchor), before, "{lines}");
    }
    gateway.ip_batch("link add tunl9 type veth peer name far9\nlink set tunl9 up\n").expect("veth");
    for (lines, words) in [
        (" interface missing0\n", "missing0: this host has no such device"),
        (" interface lo\n", "lo: it is no Ethernet device"),
        (" interface tp0\n", "tp0 cannot be an access interface"),
        (" interface tunl9\n interface missing0\n", "missing0: this host has no such device"),
    ] {
        let before = everything(&site.mag, gateway);
        let why = refused(&site.mag, &format!("{MAG} binding refresh-time 99\n{lines}"));
        assert!(why.contains(words), "{lines}: {why}");
        assert_eq!(everything(&site.mag, gateway), before, "{lines}");
        let check = format!("configure\n{MAG}{lines}commit check\n");
        if !lines.contains("lo\n") {
            assert!(complaint(site.mag.script(&check)).contains(words), "{lines}");
        }
    }
    // What was wrong was never begun: the next commit goes through.
    commit(&site.lma, &format!("{LMA}{timer}"));
    assert!(running(&site.lma).contains("bce lifetime 200"));
    holder.signal(Signal::SIGTERM).expect("stop");
    holder.wait(SOON).expect("gone");
}

#[test]
fn an_acknowledged_commit_survives_a_kill_at_any_instant() {
    let _turn = turn();
    const ROUNDS: u64 = 30;
    let single = Single::set();
    let mut daemon = Daemon::start_quietly(&single.host, stage::ANCHOR).expect("kedged");
    let mut next = 1000_u64;
    let mut seen = 0;
    for round in 0..ROUNDS {
        let first = next;
        let mut lines = format!("configure\n{LMA}");
        for value in first..first + 400 {
            lines += &format!("bce maximum {value}\ncommit comment v{value}\n");
        }
        let path = single.write("many", &lines);
        let kedge = kedge_lab::programs::find("kedge").expect("kedge");
        let kedge = kedge.to_string_lossy().into_owned();
        let socket = daemon.socket().to_string_lossy().into_owned();
        let words = ["--socket", &socket, "-f", &path];
        let mut client = single.host.spawn("client", &kedge, &words).expect("client");
        let acknowledgements =
            |said: &str| said.lines().filter(|line| line.starts_with("commit ")).count() as u64;
        client
            .wait_output(SOON, "a commit", |said| {
                (acknowledgements(said) > round % 3).then_some(())
            })
            .expect("a commit");
        // Spread over the life of the next commits, by something that differs each time.
        let spread = u64::from(daemon.id()).wrapping_mul(0x9e37_79b9) % 200;
        pause(Duration::from_millis(spread));
        daemon.kill().expect("killed");
        client.wait(SOON).expect("the client hears of it");
        let acknowledged = acknowledgements(&client.output());
        daemon.restart().unwrap_or_else(|e| panic!("round {round}: {e}\n{}", daemon.log()));
        let text = running(&daemon);
        let value = text.lines().find_map(|line| line.trim().strip_prefix("bce maximum "));
        let value: u64 = value.map_or(first - 1, |value| value.parse().expect("a number"));
        let made = value + 1 - first;
        // One may have been in force when its acknowledgement was cut off.
        assert!(made == acknowledged || made == acknowledged + 1, "{made} of {acknowledged}");
        let file = fs::read_to_string(daemon.config()).expect("FILE");
        assert!(kedge_config::parse(&file, "FILE").is_ok(), "torn: {file}");
        let commits = json(&daemon, "show configuration commit list");
        let commits = commits["commits"].as_array().expect("a list").clone();
        let numbers: Vec<u64> = commits.iter().filter_map(|c| c["number"].as_u64()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] == pair[1] + 1), "{numbers:?}");
        for number in numbers.iter().take(3) {
            let shown = format!("show configuration commit changes {number}");
            daemon.kedge(&shown).unwrap_or_else(|e| panic!("commit {number}: {e}"));
        }
        seen += acknowledged;
        next = value + 1;
    }
    assert!(seen >= ROUNDS, "{seen} commits in {ROUNDS} rounds");
}

#[test]
fn a_commit_that_the_disk_has_no_room_for_is_refused_and_changes_nothing() {
    let _turn = turn();
    let single = Single::set();
    let dir = single.file("disk");
    fs::create_dir(&dir).expect("a directory");
    single.write("start.conf", stage::ANCHOR);
    let (disk, conf) = (dir.display(), single.file("start.conf"));
    let socket = single.file("sock").display().to_string();
    let kedged = kedge_lab::programs::find("kedged").expect("kedged");
    // A disk of its own, which nobody else sees.
    let script = format!(
        "mount -t tmpfs -o size=32k tmpfs {disk} && cp {} {disk}/conf && exec {} \
         --config {disk}/conf --socket {socket} --state-dir {disk}/state",
        conf.display(),
        kedged.display(),
    );
    let mut daemon = single
        .host
        .spawn("kedged", "unshare", &["-m", "--propagation", "private", "sh", "-c", &script])
        .expect("kedged");
    until("the daemon", || {
        let answers = kedge_lab::answers(Path::new(&socket));
        answers.map_err(|error| format!("{error}: {}", daemon.errors()))
    });
    let kedge = kedge_lab::programs::find("kedge").expect("kedge");
    let ask = |words: &[&str]| {
        let words = [&["--socket", &*socket], words].concat();
        single.host.exec(&kedge.to_string_lossy(), &words)
    };
    let seen = format!("/proc/{}/root{disk}", daemon.id());
    fs::write(format!("{seen}/filler"), vec![0; 1 << 20]).expect_err("more than there is room for");
    let before = (files(Path::new(&format!("{seen}/state/commits"))), look(&single.host));
    let file = fs::read(format!("{seen}/conf")).expect("FILE");
    let change = ["-c", "configure", "-c", LMA.trim_end(), "-c", "bce lifetime 200"];
    let why = complaint(ask(&[&change[..], &["-c", "commit"]].concat()));
    assert!(why.contains("nothing is committed") && why.contains("No space left"), "{why}");
    let after = (files(Path::new(&format!("{seen}/state/commits"))), look(&single.host));
    assert_eq!(after, before);
    assert_eq!(fs::read(format!("{seen}/conf")).expect("FILE"), file);
    let text = ask(&["-c", "show running-config"]).expect("it runs");
    assert!(!text.contains("bce lifetime 200"), "{text}");
    fs::remove_file(format!("{seen}/filler")).expect("room again");
    ask(&[&change[..], &["-c", "commit"]].concat()).expect("a commit");
    daemon.signal(Signal::SIGTERM).expect("stop");
    assert!(daemon.wait(SOON).expect("gone").success());
}

#[test]
fn a_commit_that_nobody_confirms_is_undone_and_one_that_a_restart_meets_is_too() {
    let _turn = turn();
    let single = Single::set();
    let mut daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let before = running(&daemon);
    let confirmed = |daemon: &Daemon| {
        let lines = format!("configure\n{LMA} bce lifetime 200\ncommit confirmed 1\n");
        daemon.script(&lines).expect("a commit");
        assert!(running(daemon).contains("bce lifetime 200"));
    };
    confirmed(&daemon);
    daemon.kill().expect("killed");
    daemon.restart().expect("started again");
    assert_eq!(running(&daemon), before);
    let begun = Instant::now();
    confirmed(&daemon);
    let minute = Duration::from_secs(60);
    let undone =
        wait::until(minute + SOON, "the end of what nobody confirms", || match running(&daemon) {
            now if now == before => Ok(()),
            now => Err(now),
        });
    undone.unwrap_or_else(|e| panic!("{e}"));
    assert!(begun.elapsed() > minute, "{:?}", begun.elapsed());
    assert_eq!(fs::read_to_string(daemon.config()).expect("FILE"), stage::ANCHOR);
    // And one that is confirmed stays. Whoever comes is told that it waits.
    confirmed(&daemon);
    let list = json(&daemon, "show configuration commit list");
    assert_eq!(list["unconfirmed"]["commit"], list["commits"][0]["number"], "{list}");
    let said = daemon.script("configure\ncommit\n").expect("confirmed");
    assert!(said.contains("unless 'commit' confirms it"), "{said}");
    assert!(json(&daemon, "show configuration commit list")["unconfirmed"].is_null());
    daemon.kill().expect("killed");
    daemon.restart().expect("started again");
    assert!(running(&daemon).contains("bce lifetime 200"));
}

#[test]
fn sighup_commits_what_the_file_says_and_nothing_of_one_with_a_mistake() {
    let _turn = turn();
    let single = Single::set();
    let mut daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let text = stage::ANCHOR.replace(" dynamic mag", " ! ours\n bce lifetime 200\n dynamic mag");
    fs::write(daemon.config(), &text).expect("FILE");
    daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    until("the change", || match running(&daemon) {
        text if text.contains("bce lifetime 200") => Ok(()),
        text => Err(text),
    });
    assert_eq!(fs::read_to_string(daemon.config()).expect("FILE"), text, "its comments stay");
    let newest =
        |daemon: &Daemon| json(daemon, "show configuration commit list")["commits"][0].clone();
    let commit = newest(&daemon);
    assert_eq!(commit["by"], "kedged", "{commit}");
    let wrong = text.replace("bce lifetime 200", "bce lifetime long");
    fs::write(daemon.config(), wrong).expect("FILE");
    daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    until("the complaint", || match daemon.log() {
        log if log.contains("nothing has changed") => Ok(()),
        log => Err(log),
    });
    assert_eq!(newest(&daemon), commit);
    assert!(running(&daemon).contains("bce lifetime 200"));
}

#[test]
fn a_commit_that_confirms_another_ones_says_so() {
    let _turn = turn();
    let single = Single::set();
    let daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let said = daemon.script(&format!("configure\n{LMA} bce lifetime 200\ncommit confirmed 1\n"));
    let number = said.expect("a commit").split_whitespace().nth(1).expect("its number").to_owned();
    let said = commit(&daemon, &format!("{LMA} bce maximum 77\n"));
    let expected = format!("commit {number} needs no confirmation any more");
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_session_that_begins_again_still_has_the_configuration_for_itself() {
    let _turn = turn();
    let single = Single::set();
    let daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let kedge = kedge_lab::programs::find("kedge").expect("kedge");
    let script = format!(
        "exec {} --socket {} < <(printf 'configure exclusive\\nclear\\nshow version\\n'; exec sleep 600)",
        kedge.display(),
        daemon.socket().display()
    );
    let holder = single.host.spawn("holder", "bash", &["-c", &script]).expect("it");
    until("the session to begin again", || match holder.output() {
        said if said.contains("Restart counter") => Ok(()),
        said => Err(said),
    });
    let refused = complaint(daemon.script("configure\nabort\n"));
    assert!(refused.contains("for itself: that of root, since 2"), "{refused}");
}

#[test]
fn the_configuration_is_free_again_when_the_terminal_that_had_it_dies() {
    let _turn = turn();
    let single = Single::set();
    let daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let kedge = kedge_lab::programs::find("kedge").expect("kedge");
    let script = format!(
        "exec {} --socket {} < <(echo configure exclusive; echo show running-config; exec sleep 600)",
        kedge.display(),
        daemon.socket().display()
    );
    let mut holder = single.host.spawn("holder", "bash", &["-c", &script]).expect("it");
    let enter = || daemon.script("configure\nabort\n");
    until("the configuration to be taken", || match holder.output() {
        said if said.contains("pmipv6-lma") => Ok(()),
        said => Err(said),
    });
    assert!(complaint(enter()).contains("another session has the configuration for itself"));
    holder.signal(Signal::SIGKILL).expect("killed");
    until("the configuration to be free", || enter().map(drop).map_err(|e| e.to_string()));
}

#[test]
fn two_sessions_change_what_each_touched() {
    let _turn = turn();
    let single = Single::set();
    let daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let kedge = kedge_lab::programs::find("kedge").expect("kedge").display().to_string();
    let socket = daemon.socket().display().to_string();
    let go = single.host.dir().join("go");
    // The first session commits while the second one is open.
    let other = format!(
        "(echo configure; echo '{}'; echo 'bce lifetime 200'; echo 'show configuration'; \
         until [ -e {} ]; do sleep 0.1; done; echo commit) | {kedge} --socket {socket}",
        LMA.trim_end(),
        go.display()
    );
    let mut second = single.host.spawn("second", "sh", &["-c", &other]).expect("a session");
    until("the second session's change", || match second.output() {
        said if said.contains("bce lifetime 200") => Ok(()),
        said => Err(said),
    });
    commit(&daemon, &format!("{LMA} bce maximum 77\n"));
    fs::write(&go, "").expect("a sign");
    assert!(second.wait(SOON).expect("its end").success(), "{}", second.errors());
    assert!(second.output().contains("another session has committed"), "{}", second.output());
    let text = running(&daemon);
    assert!(text.contains("bce maximum 77") && text.contains("bce lifetime 200"), "{text}");
    let value: Value = json(&daemon, "show configuration commit list");
    assert_eq!(value["commits"].as_array().map(Vec::len), Some(3), "{value}");
}
