//! What a daemon made in the kernel goes away again: at a clean stop, and after a crash.

mod lab;

use kedge_model::{IpNet, MacAddr};
use kedge_net::namespace::Namespace;
use kedge_net::netlink::{Address, DeviceIndex, Neighbour, NextHop, Route, Rule, Table};
use kedge_net::owned::{Owned, Thing};
use kedge_net::sysctl::Sysctl;
use lab::Lab;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// Everything in the namespace that a daemon could change.
fn state(lab: &Lab) -> String {
    let mut state = String::new();
    for what in ["-4 route show table all", "-6 route show table all", "rule show", "-6 rule show"]
    {
        state += &lab.ip(what);
    }
    for what in ["address show dev near", "neighbour show nud permanent", "-o link show near"] {
        state += &lab.ip(what);
    }
    for entry in ["ipv4/conf/near/forwarding", "ipv6/conf/near/accept_ra"] {
        let path = format!("/proc/sys/net/{entry}");
        state += &lab.within(|| std::fs::read_to_string(path)).unwrap();
    }
    state
}

/// What a gateway makes, in an order in which the later needs the earlier.
fn things(device: DeviceIndex) -> Vec<Thing> {
    let prefix = net("2001:db8:1::/64");
    let route = |destination, next_hop, table| {
        Thing::Route(Route { destination, next_hop, table, metric: 0 })
    };
    vec![
        Thing::Mac { device: "near".to_owned(), mac: MacAddr::PMIPV6_GATEWAY },
        Thing::Sysctl { entry: Sysctl::ipv4("near", "forwarding"), value: "1".to_owned() },
        Thing::Sysctl { entry: Sysctl::ipv6("near", "accept_ra"), value: "0".to_owned() },
        Thing::Address(Address { device, net: net("192.0.2.1/24") }),
        route(net("10.0.0.0/8"), NextHop::Via("192.0.2.9".parse().unwrap(), None), Table::MAIN),
        route(prefix, NextHop::Device(device), Table::MAIN),
        route(net("::/0"), NextHop::Device(device), Table(1_000)),
        Thing::Rule(Rule::Input {
            ipv6: true,
            input: "near".to_owned(),
            table: Table(1_000),
            priority: 500,
        }),
        Thing::Neighbour(Neighbour {
            device,
            address: "192.0.2.9".parse().unwrap(),
            mac: MacAddr([2, 0, 0, 0, 0, 9]),
        }),
    ]
}

fn open(lab: &Lab) -> (Owned, DeviceIndex) {
    let mut owned = Owned::open(lab.namespace.clone()).unwrap();
    let device = owned.netlink().link("near").unwrap().index;
    (owned, device)
}

#[test]
fn a_clean_stop_leaves_the_host_as_it_was() {
    let lab = Lab::with_pair();
    let before = state(&lab);
    let (mut owned, device) = open(&lab);
    let things = things(device);
    for thing in &things {
        owned.make(thing.clone()).unwrap();
        owned.make(thing.clone()).unwrap();
    }
    assert_eq!(owned.things().collect::<Vec<_>>(), things.iter().collect::<Vec<_>>());
    assert_ne!(state(&lab), before);
    let failures = owned.unmake_all();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!((state(&lab), owned.things().count()), (before, 0));
}

#[test]
fn one_thing_is_unmade_alone_and_once() {
    let lab = Lab::with_pair();
    let (mut owned, device) = open(&lab);
    let things = things(device);
    things.iter().for_each(|thing| owned.make(thing.clone()).unwrap());
    owned.unmake(&things[5]).unwrap();
    assert!(!lab.ip("-6 route show").contains("2001:db8:1::/64"));
    lab.ip("route add 2001:db8:1::/64 dev near");
    owned.unmake(&things[5]).unwrap();
    assert!(lab.ip("-6 route show").contains("2001:db8:1::/64"), "it is somebody else's");
    assert_eq!(owned.things().count(), things.len() - 1);
}

#[test]
fn what_somebody_else_removed_or_put_there_is_no_obstacle() {
    let lab = Lab::with_pair();
    lab.ip("address add 192.0.2.1/24 dev near");
    let (mut owned, device) = open(&lab);
    things(device).into_iter().for_each(|thing| owned.make(thing).unwrap());
    lab.ip("-6 rule delete priority 500");
    lab.ip("-6 route delete 2001:db8:1::/64");
    let failures = owned.unmake_all();
    assert!(failures.is_empty(), "{failures:?}");
    assert!(lab.ip("address show dev near").contains("192.0.2.1/24"), "it was there before");
}

#[test]
fn a_device_that_went_away_takes_what_was_on_it_along() {
    let lab = Lab::with_pair();
    let (mut owned, device) = open(&lab);
    things(device).into_iter().for_each(|thing| owned.make(thing).unwrap());
    lab.ip("link delete near");
    let failures = owned.unmake_all();
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn a_sweep_removes_what_a_crashed_daemon_left_and_nothing_else() {
    let lab = Lab::with_pair();
    lab.ip("route add 198.51.100.0/24 dev far proto static");
    lab.ip("rule add iif far lookup 1000 priority 501");
    lab.ip("address add 192.0.2.77/32 dev near");
    lab.ip("neighbour add 192.0.2.78 lladdr 02:00:00:00:00:77 dev far nud permanent");
    lab.ip("link add kedge-but-veth type veth peer name other");
    lab.ip("tuntap add mine mode tun");
    let without_mac_and_sysctls = |lab: &Lab| {
        let lines =
            ["route show table all", "-6 route show table all", "rule show", "-6 rule show"];
        let state: String = lines.map(|what| lab.ip(what)).concat();
        state
            + &lab.ip("address show dev near scope global")
            + &lab.ip("neighbour show nud permanent")
    };
    let (mut owned, device) = open(&lab);
    // Changing the MAC address drops what the kernel derived from it, so it comes first.
    owned.make(things(device).remove(0)).unwrap();
    let before = without_mac_and_sysctls(&lab);
    things(device).into_iter().for_each(|thing| owned.make(thing).unwrap());
    drop(owned);
    lab.ip("tuntap add kedge0 mode tun");

    let (mut owned, _) = open(&lab);
    let swept = owned.sweep().unwrap();
    assert_eq!(swept.len(), 7, "{swept:?}");
    assert!(swept.contains(&"device kedge0".to_owned()), "{swept:?}");
    assert_eq!(without_mac_and_sysctls(&lab), before);
    let links = lab.ip("-o link show");
    assert!(links.contains("kedge-but-veth") && links.contains("mine:"), "{links}");
    assert!(owned.sweep().unwrap().is_empty());
}

#[test]
fn a_sysctl_is_written_in_its_namespace_and_gives_its_old_value() {
    let lab = Lab::with_pair();
    let entry = Sysctl::ipv4("near", "proxy_arp");
    assert_eq!(entry.read(&lab.namespace).unwrap(), "0");
    entry.write(&lab.namespace, "1").unwrap();
    assert_eq!(entry.read(&lab.namespace).unwrap(), "1");
    assert!(entry.read(&Namespace::current().unwrap()).is_err(), "there is no such device here");
}

#[test]
fn work_in_another_namespace_leaves_the_callers_thread_where_it_is() {
    let lab = Lab::new();
    let here = Namespace::current().unwrap();
    let there = lab.within(|| Namespace::current().unwrap());
    assert!(there == lab.namespace && there != here);
    assert_eq!(Namespace::current().unwrap(), here);
    assert_eq!(lab.namespace.name(), Some(lab.name.as_str()));
}

#[test]
fn what_a_crashed_daemon_has_noted_is_put_back_if_nobody_else_has_changed_it() {
    let lab = Lab::with_pair();
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("before");
    let (mut owned, _) = open(&lab);
    owned.note_in(note.clone());
    let own_mac = lab.ip("-br link show near").split_whitespace().nth(2).unwrap().to_owned();
    let mac = Thing::Mac { device: "near".into(), mac: MacAddr::PMIPV6_GATEWAY };
    let [arp, redirects] = ["proxy_arp", "send_redirects"].map(|key| Sysctl::ipv4("near", key));
    let set =
        |entry: &Sysctl, value: &str| Thing::Sysctl { entry: entry.clone(), value: value.into() };
    for thing in [mac, set(&arp, "1"), set(&redirects, "0")] {
        owned.make(thing).unwrap();
    }
    drop(owned);
    // An operator decides otherwise meanwhile.
    redirects.write(&lab.namespace, "2").unwrap();

    let (mut owned, _) = open(&lab);
    owned.note_in(note.clone());
    assert_eq!(owned.put_back().into_iter().map(Result::unwrap).count(), 2);
    assert!(lab.ip("-br link show near").contains(&own_mac));
    assert_eq!(arp.read(&lab.namespace).unwrap(), "0");
    assert_eq!(redirects.read(&lab.namespace).unwrap(), "2");
    assert!(owned.put_back().is_empty(), "everything is as it was");

    // What was noted elsewhere says nothing about this namespace.
    std::fs::write(&note, "place elsewhere 0:0\nsysctl ipv4/conf/near/proxy_arp 0 1\n").unwrap();
    owned.note_in(note);
    assert!(owned.put_back().is_empty());
}

#[test]
fn what_cannot_be_put_back_keeps_nothing_else_from_it_and_stays_noted() {
    let lab = Lab::with_pair();
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("before");
    let (mut owned, _) = open(&lab);
    owned.note_in(note.clone());
    let [arp, redirects] = ["proxy_arp", "send_redirects"].map(|key| Sysctl::ipv4("near", key));
    owned.make(Thing::Sysctl { entry: arp.clone(), value: "1".into() }).unwrap();
    drop(owned);
    // No kernel takes that.
    let noted = std::fs::read_to_string(&note).unwrap();
    let last = "sysctl ipv4/conf/near/send_redirects 1 nonsense\n";
    std::fs::write(&note, noted + last).unwrap();
    redirects.write(&lab.namespace, "1").unwrap();

    let (mut owned, _) = open(&lab);
    owned.note_in(note.clone());
    let results = owned.put_back();
    assert!(matches!(results[..], [Err(_), Ok(_)]), "{results:?}");
    assert_eq!(arp.read(&lab.namespace).unwrap(), "0");
    assert_eq!(owned.unmake_all().len(), 1);

    let (mut owned, _) = open(&lab);
    owned.note_in(note);
    let results = owned.put_back();
    assert!(matches!(results[..], [Err(_)]), "{results:?}");
}

#[test]
fn what_a_crashed_daemon_has_changed_and_is_wanted_again_stays_until_the_end() {
    let lab = Lab::with_pair();
    let dir = tempfile::tempdir().unwrap();
    let mac = Thing::Mac { device: "near".into(), mac: MacAddr::PMIPV6_GATEWAY };
    let before = lab.ip("-br link show near");
    for clean in [false, true] {
        let (mut owned, _) = open(&lab);
        owned.note_in(dir.path().join("wanted"));
        owned.make(mac.clone()).unwrap();
        assert!(owned.put_back().is_empty());
        assert!(lab.ip("-br link show near").contains("00:00:5e:00:52:13"));
        if clean {
            assert!(owned.unmake_all().is_empty());
        }
    }
    assert_eq!(lab.ip("-br link show near"), before);
    assert!(!dir.path().join("wanted").exists());
}
