//! A daemon in several network namespaces: what it makes there, leaves there, and finds there.

mod lab;

use std::collections::BTreeSet;

use kedge_model::World;
use kedge_net::NetError;
use kedge_net::hosts::{Hosts, Wanted};
use kedge_net::namespace::Namespace;
use kedge_net::netlink::{NextHop, Route, Table};
use kedge_net::owned::Thing;
use kedge_net::sysctl::Sysctl;
use lab::Lab;

fn world(lab: &Lab) -> World {
    World::Namespace(lab.name.clone())
}

/// The ledgers of a daemon that was started in the calling thread's namespace.
fn open(dir: &tempfile::TempDir) -> Hosts {
    Hosts::open(dir.path().join("before")).unwrap().expect("no other daemon is here").0
}

/// A route and a sysctl in a namespace with a pair of devices.
fn things(lab: &Lab, hosts: &mut Hosts) -> [Wanted; 2] {
    let device = hosts.of(&world(lab)).unwrap().netlink().link("near").unwrap().index;
    let route = Route {
        destination: "10.0.0.0/8".parse().unwrap(),
        next_hop: NextHop::Device(device),
        table: Table::MAIN,
        metric: 0,
    };
    let sysctl = Thing::Sysctl { entry: Sysctl::ipv4("near", "forwarding"), value: "1".to_owned() };
    [Thing::Route(route), sysctl].map(|thing| Wanted::new(&world(lab), thing))
}

/// Leaves all worlds but these; what could not be unmade.
fn retain(hosts: &mut Hosts, worlds: &BTreeSet<World>) -> Vec<NetError> {
    hosts.others(worlds).iter().flat_map(|world| hosts.leave(world)).collect()
}

fn routes(lab: &Lab) -> String {
    lab.ip("route show")
}

fn forwarding(lab: &Lab) -> String {
    Sysctl::ipv4("near", "forwarding").read(&lab.namespace).unwrap()
}

#[test]
fn things_are_made_in_their_namespace_and_go_when_it_is_left() {
    let (home, red, blue) = (Lab::new(), Lab::with_pair(), Lab::with_pair());
    let dir = tempfile::tempdir().unwrap();
    home.within(|| {
        let mut hosts = open(&dir);
        for lab in [&red, &blue] {
            assert_eq!(hosts.enter(&world(lab)).unwrap(), Vec::<String>::new());
            for wanted in things(lab, &mut hosts) {
                hosts.make(&wanted).unwrap();
            }
        }
        assert!(routes(&home).is_empty());
        assert!(routes(&red).contains("10.0.0.0/8") && routes(&blue).contains("10.0.0.0/8"));
        assert!(retain(&mut hosts, &BTreeSet::from([world(&blue)])).is_empty());
        assert!(routes(&red).is_empty() && routes(&blue).contains("10.0.0.0/8"));
        assert_eq!((forwarding(&red), forwarding(&blue)), ("0".into(), "1".into()));
        assert!(hosts.of(&world(&red)).is_err(), "it was left");
        assert!(hosts.unmake_all().is_empty());
        assert!(routes(&blue).is_empty());
    });
}

#[test]
fn what_a_crash_left_in_a_namespace_is_found_when_it_is_entered_again() {
    let (home, red) = (Lab::new(), Lab::with_pair());
    let dir = tempfile::tempdir().unwrap();
    home.within(|| {
        let mut hosts = open(&dir);
        hosts.enter(&world(&red)).unwrap();
        for wanted in things(&red, &mut hosts) {
            hosts.make(&wanted).unwrap();
        }
        // Nothing is unmade.
        drop(hosts);
        assert!(routes(&red).contains("10.0.0.0/8"));
        let mut hosts = open(&dir);
        assert_eq!(hosts.enter(&world(&red)).unwrap().len(), 1);
        assert!(routes(&red).is_empty());
        assert_eq!(hosts.put_back().len(), 1);
        assert_eq!(forwarding(&red), "0");
    });
}

#[test]
fn a_namespace_has_one_ledger_whatever_it_is_called_and_one_daemon() {
    let (home, other, red) = (Lab::new(), Lab::new(), Lab::with_pair());
    let dir = tempfile::tempdir().unwrap();
    home.within(|| {
        let mut hosts = open(&dir);
        hosts.enter(&world(&red)).unwrap();
        let [route, _] = things(&red, &mut hosts);
        hosts.make(&route).unwrap();
        // The daemon's own one by its name: there is no second sweep, and no second claim.
        assert_eq!(hosts.enter(&world(&home)).unwrap(), Vec::<String>::new());
        assert_eq!(*hosts.of(&world(&home)).unwrap().namespace(), Namespace::current().unwrap());
        assert_eq!(hosts.enter(&world(&red)).unwrap(), Vec::<String>::new());
        assert!(routes(&red).contains("10.0.0.0/8"));

        let elsewhere = tempfile::tempdir().unwrap();
        other.within(|| {
            let refused = open(&elsewhere).enter(&world(&red)).unwrap_err();
            let name = &red.name;
            let expected =
                format!("cannot work in network namespace {name}: another kedged works there");
            assert_eq!(refused.to_string(), expected);
        });
        red.within(|| {
            let second = Hosts::open(elsewhere.path().join("before")).unwrap();
            assert!(second.is_none(), "a daemon in that namespace finds it taken");
        });
        assert!(routes(&red).contains("10.0.0.0/8"), "nothing was swept");
    });
}

#[test]
fn a_namespace_that_nothing_is_configured_in_any_more_is_put_in_order_after_a_crash() {
    let (home, red, gone) = (Lab::new(), Lab::with_pair(), Lab::with_pair());
    let dir = tempfile::tempdir().unwrap();
    home.within(|| {
        let mut hosts = open(&dir);
        assert_eq!(hosts.abandoned(), []);
        for lab in [&red, &gone] {
            hosts.enter(&world(lab)).unwrap();
        }
        for wanted in things(&red, &mut hosts) {
            hosts.make(&wanted).unwrap();
        }
        // Nothing is unmade.
        drop(hosts);
        let (left, absent) = (world(&red), world(&gone));
        drop(gone);
        let mut hosts = open(&dir);
        let mut both = vec![left.clone(), absent.clone()];
        both.sort();
        assert_eq!(hosts.abandoned(), both);
        assert!(hosts.enter(&absent).is_err());
        assert_eq!(hosts.enter(&left).unwrap().len(), 1);
        assert_eq!(hosts.abandoned(), []);
        assert!(retain(&mut hosts, &BTreeSet::new()).is_empty());
        assert_eq!((routes(&red), forwarding(&red)), (String::new(), "0".to_owned()));
        assert_eq!(hosts.abandoned(), []);
    });
}

#[test]
fn a_namespace_that_is_made_anew_is_told_from_the_one_that_was_entered() {
    let (home, red) = (Lab::new(), Lab::new());
    let dir = tempfile::tempdir().unwrap();
    home.within(|| {
        let mut hosts = open(&dir);
        hosts.enter(&world(&red)).unwrap();
        assert!(!hosts.is_made_anew(&world(&red)));
        let again = |verb: &str| {
            let ip = std::process::Command::new("ip").args(["netns", verb, &red.name]).status();
            assert!(ip.unwrap().success());
        };
        again("delete");
        again("add");
        assert!(hosts.is_made_anew(&world(&red)));
        // It is left, and the other one entered.
        retain(&mut hosts, &BTreeSet::new());
        hosts.enter(&world(&red)).unwrap();
        assert!(!hosts.is_made_anew(&world(&red)));
    });
}

#[test]
fn a_thread_comes_back_from_a_visit_however_that_ends() {
    let (red, blue) = (Lab::new(), Lab::new());
    let here = Namespace::current().unwrap();
    let inner = red.within(|| {
        let (there, further) = (Namespace::current().unwrap(), blue.within(Namespace::current));
        (there, further.unwrap(), Namespace::current().unwrap())
    });
    assert!(inner.0 == red.namespace && inner.1 == blue.namespace && inner.2 == red.namespace);
    let panicked = std::panic::catch_unwind(|| red.within(|| panic!("on purpose")));
    assert!(panicked.is_err() && Namespace::current().unwrap() == here);
}
