//! Requests and notifications against the real kernel; what they did is asked of `ip`.

mod lab;

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use kedge_model::{IpNet, MacAddr};
use kedge_net::netlink::{
    Address, DeviceIndex, Event, Neighbour, NeighbourState, Netlink, NextHop, Notifications, Route,
    Rule, Table,
};
use lab::{Lab, wait_for};

fn connect(lab: &Lab) -> Netlink {
    lab.within(Netlink::open).unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn route(destination: &str, next_hop: NextHop, table: Table, metric: u32) -> Route {
    Route { destination: net(destination), next_hop, table, metric }
}

/// The words of a line of `ip`'s output without the white space.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn links_are_found_listed_and_changed() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let near = netlink.link("near").unwrap();
    assert_eq!((near.name.as_str(), near.mtu, near.up, near.running), ("near", 1500, true, true));
    let names: Vec<String> = netlink.links().unwrap().into_iter().map(|l| l.name).collect();
    assert_eq!(names, ["lo", "far", "near"]);

    netlink.set_mtu(near.index, 1400).unwrap();
    netlink.set_mac(near.index, MacAddr::PMIPV6_GATEWAY).unwrap();
    netlink.set_up(near.index, false).unwrap();
    let changed = netlink.link("near").unwrap();
    assert_eq!((changed.mtu, changed.mac), (1400, Some(MacAddr::PMIPV6_GATEWAY)));
    assert!(!changed.up && !changed.running && !changed.tun);
    let far = netlink.link("far").unwrap();
    assert!(far.up && !far.running, "without a peer there is no carrier");
    netlink.delete_link(near.index).unwrap();
    assert_eq!(netlink.links().unwrap().len(), 1);
}

#[test]
fn a_device_that_does_not_exist_is_named() {
    let lab = Lab::new();
    let mut netlink = connect(&lab);
    for name in ["eth7", "", "a-name-of-more-than-fifteen-octets"] {
        let error = netlink.link(name).unwrap_err();
        assert!(error.is_absent(), "{error}");
        assert!(error.to_string().starts_with("cannot find device"), "{error}");
    }
    assert_eq!(
        netlink.link("eth7").unwrap_err().to_string(),
        "cannot find device eth7: No such device; there is no such device in this namespace"
    );
}

#[test]
fn addresses_are_usable_at_once_marked_and_removed() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let device = netlink.link("near").unwrap().index;
    lab.set("ipv6/conf/near/accept_dad", "1");
    let before = netlink.addresses().unwrap();
    let ours = ["fe80::200:5eff:fe00:5213/64", "192.0.2.1/32", "2001:db8::1/64"]
        .map(|a| Address { device, net: net(a) });
    for address in &ours {
        netlink.add_address(address).unwrap();
        assert!(netlink.add_address(address).unwrap_err().is_present());
    }
    assert!(!lab.ip("address show dev near").contains("tentative"));
    assert!(
        words(&lab.ip("address show dev near"))
            .contains("inet6 fe80::200:5eff:fe00:5213/64 scope link")
    );
    let mut marked = netlink.own_addresses().unwrap();
    marked.sort_by_key(|a| ours.iter().position(|o| o == a));
    assert_eq!(marked, ours);
    for address in &ours {
        netlink.remove_address(address).unwrap();
        assert!(netlink.remove_address(address).unwrap_err().is_absent());
    }
    assert_eq!(netlink.addresses().unwrap(), before);
}

#[test]
fn routes_are_added_replaced_listed_and_removed_in_any_table() {
    let lab = Lab::with_pair();
    lab.ip("address add 192.0.2.1/24 dev near");
    lab.ip("address add 2001:db8::1/64 dev near");
    lab.ip("route add 198.51.100.0/24 dev far proto static");
    let mut netlink = connect(&lab);
    let near = netlink.link("near").unwrap().index;
    let far = netlink.link("far").unwrap().index;
    let routes = [
        route("10.0.0.0/8", NextHop::Device(far), Table::MAIN, 0),
        route("10.1.2.3/32", NextHop::Via(ip("192.0.2.9"), None), Table::MAIN, 50),
        route("0.0.0.0/0", NextHop::Device(near), Table(1_000), 0),
        route("2001:db8:1::/64", NextHop::Device(far), Table::MAIN, 0),
        route("::/0", NextHop::Via(ip("fe80::9"), Some(near)), Table(1_000), 7),
        route("10.2.0.0/16", NextHop::Unreachable, Table::MAIN, 9),
        route("2001:db8:2::/48", NextHop::Unreachable, Table::MAIN, 9),
    ];
    for route in &routes {
        netlink.add_route(route).unwrap();
        assert!(netlink.add_route(route).unwrap_err().is_present());
    }
    assert_eq!(words(&lab.ip("route show table 1000")), "default dev near proto 213 scope link");
    assert_eq!(
        words(&lab.ip("route show 10.1.2.3")),
        "10.1.2.3 via 192.0.2.9 dev near proto 213 metric 50"
    );
    assert_eq!(
        words(&lab.ip("route show 10.2.0.0/16")),
        "unreachable 10.2.0.0/16 proto 213 metric 9"
    );
    let listed = netlink.own_routes().unwrap();
    assert_eq!(listed.len(), routes.len());

    netlink.replace_route(&Route { next_hop: NextHop::Device(near), ..routes[0] }).unwrap();
    netlink.replace_route(&Route { next_hop: NextHop::Device(near), ..routes[3] }).unwrap();
    assert_eq!(words(&lab.ip("route show 10.0.0.0/8")), "10.0.0.0/8 dev near proto 213 scope link");
    assert!(lab.ip("-6 route show 2001:db8:1::/64").contains("dev near"));
    assert_eq!(netlink.own_routes().unwrap().len(), routes.len());

    // What was listed can be removed by that.
    for route in netlink.own_routes().unwrap() {
        netlink.remove_route(&route).unwrap();
        assert!(netlink.remove_route(&route).unwrap_err().is_absent());
    }
    assert_eq!(netlink.own_routes().unwrap(), []);
    assert!(lab.ip("route show").contains("198.51.100.0/24"));
}

#[test]
fn removing_a_route_leaves_the_same_route_of_somebody_else() {
    let lab = Lab::with_pair();
    lab.ip("route add 10.0.0.0/8 dev near proto static");
    let mut netlink = connect(&lab);
    let device = netlink.link("near").unwrap().index;
    let theirs = route("10.0.0.0/8", NextHop::Device(device), Table::MAIN, 0);
    assert!(netlink.remove_route(&theirs).unwrap_err().is_absent());
    assert!(lab.ip("route show").contains("10.0.0.0/8"));
}

#[test]
fn a_refusal_carries_the_kernels_own_words() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let nowhere = route("10.0.0.0/8", NextHop::Via(ip("192.0.2.9"), None), Table(9), 0);
    assert_eq!(
        netlink.add_route(&nowhere).unwrap_err().to_string(),
        "cannot add route 10.0.0.0/8 via 192.0.2.9 in table 9: Network is unreachable \
         (Nexthop has invalid gateway); there is no route to it"
    );
}

#[test]
fn many_routes_are_made_in_one_go_and_each_failure_is_placed() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let device = netlink.link("near").unwrap().index;
    let mut routes: Vec<Route> = (0..1_000u32)
        .map(|i| {
            let next_hop = NextHop::Device(device);
            let v4 = format!("10.{}.{}.0/24", i >> 8, i & 255);
            let v6 = format!("2001:db8:{i:x}::/64");
            route(if i % 2 == 0 { &v4 } else { &v6 }, next_hop, Table(77), 0)
        })
        .collect();
    for place in [0, 63, 64, 500, 999] {
        routes[place].next_hop = NextHop::Device(DeviceIndex(9_999));
    }
    let places = |failures: Vec<(usize, _)>| failures.into_iter().map(|f| f.0).collect::<Vec<_>>();
    let failures = netlink.add_routes(&routes).unwrap();
    assert!(failures[0].1.to_string().starts_with("cannot add route 10.0.0.0/24 to device 9999"));
    assert_eq!(places(failures), [0, 63, 64, 500, 999]);
    assert_eq!(netlink.own_routes().unwrap().len(), 995);
    let again = netlink.add_routes(&routes[1..63]).unwrap();
    assert!(again.len() == 62 && again.iter().all(|(_, error)| error.is_present()));
    assert_eq!(places(netlink.remove_routes(&routes).unwrap()), [0, 63, 64, 500, 999]);
    assert_eq!(netlink.own_routes().unwrap(), []);
    assert!(netlink.add_routes(&[]).unwrap().is_empty());
    // The connection is in step: the next request gets its own answer.
    assert_eq!(netlink.link("near").unwrap().index, device);
}

#[test]
fn rules_choose_a_table_by_the_input_device() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let rules = [false, true].map(|ipv6| Rule::Input {
        ipv6,
        input: "near".to_owned(),
        table: Table(1_000),
        priority: 500,
    });
    for rule in &rules {
        netlink.add_rule(rule).unwrap();
        assert!(netlink.add_rule(rule).unwrap_err().is_present());
    }
    lab.ip("rule add iif far lookup 1000 priority 501");
    assert!(words(&lab.ip("rule show")).contains("500: from all iif near lookup 1000 proto 213"));
    assert_eq!(netlink.own_rules().unwrap(), rules);
    for rule in &rules {
        netlink.remove_rule(rule).unwrap();
        assert!(netlink.remove_rule(rule).unwrap_err().is_absent());
    }
    assert_eq!(netlink.own_rules().unwrap(), []);
    assert!(lab.ip("rule show").contains("501:"));
}

#[test]
fn rules_choose_a_table_by_the_source() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let rules = ["10.7.0.0/24", "2001:db8:7::/64"].map(|source| Rule::Source {
        source: source.parse().unwrap(),
        table: Table(1_000),
        priority: 500,
    });
    for rule in &rules {
        netlink.add_rule(rule).unwrap();
        assert!(netlink.add_rule(rule).unwrap_err().is_present());
    }
    assert!(words(&lab.ip("rule show")).contains("500: from 10.7.0.0/24 lookup 1000 proto 213"));
    assert_eq!(netlink.own_rules().unwrap(), rules);
    for rule in &rules {
        netlink.remove_rule(rule).unwrap();
        assert!(netlink.remove_rule(rule).unwrap_err().is_absent());
    }
    assert_eq!(netlink.own_rules().unwrap(), []);
}

#[test]
fn rules_keep_the_kernel_from_saying_that_a_port_is_unreachable_and_all_else_skips_them() {
    let (lab, peer) = (Lab::new(), Lab::new());
    lab.set("ipv6/conf/default/accept_dad", "0");
    peer.set("ipv6/conf/default/accept_dad", "0");
    lab.ip(&format!("link add near type veth peer name far netns {}", peer.name));
    for address in ["192.0.2.1/24", "192.0.2.2/24", "2001:db8::1/64", "2001:db8::2/64"] {
        lab.ip(&format!("address add {address} dev near"));
    }
    peer.ip("address add 192.0.2.9/24 dev far");
    peer.ip("address add 2001:db8::9/64 dev far");
    peer.ip("link set far up");
    let mut heard = [&lab, &peer].map(|end| end.within(Notifications::open).unwrap());
    lab.ip("link set near up");
    for heard in &mut heard {
        wait_for(heard, "the carrier", |heard| {
            let events = std::iter::from_fn(|| heard.poll_event().unwrap());
            events.filter(|e| matches!(e, Event::Link(link) if link.running)).last().map(drop)
        });
    }
    // Whether who sends to a port that nobody has is told so, who waits for it as long as is said.
    let refuses = |to: &str, patience: Duration| {
        peer.within(|| {
            let any = if to.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
            let socket = UdpSocket::bind(any)?;
            socket.set_read_timeout(Some(patience))?;
            socket.connect((ip(to), 9))?;
            socket.send(b"anybody there?")?;
            socket.recv(&mut [0])
        })
        .is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
    };
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(200));
    let mut netlink = connect(&lab);
    let rules = [("192.0.2.1", false), ("2001:db8::1", true)].map(|(from, ipv6)| {
        [
            Rule::SkipPortUnreachable { ipv6, priority: 399, target: 401 },
            Rule::NoPortUnreachable { from: ip(from), priority: 400 },
            Rule::Landing { ipv6, priority: 401 },
        ]
    });
    let rules: Vec<Rule> = rules.into_iter().flatten().collect();
    assert!(["192.0.2.1", "2001:db8::1"].into_iter().all(|to| refuses(to, long)));
    for rule in &rules {
        netlink.add_rule(rule).unwrap();
        assert!(netlink.add_rule(rule).unwrap_err().is_present());
    }
    let shown = words(&lab.ip("rule show"));
    assert!(
        shown.contains(
            "399: not from all iif lo ipproto icmp dport 771 goto 401 proto 213 \
             400: from 192.0.2.1 iif lo ipproto icmp dport 771 blackhole proto 213 \
             401: from all nop proto 213"
        ),
        "{shown}"
    );
    let shown = words(&lab.ip("-6 rule show"));
    assert!(
        shown.contains(
            "400: from 2001:db8::1 iif lo ipproto ipv6-icmp dport 260 blackhole proto 213"
        ),
        "{shown}"
    );
    let all = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
    let covered = |to: &str| to.ends_with('1');
    for to in all {
        let patience = if covered(to) { short } else { long };
        assert_eq!(refuses(to, patience), !covered(to), "{to}");
    }
    let mut own = netlink.own_rules().unwrap();
    own.sort_by_key(|rule| rules.iter().position(|made| made == rule));
    assert_eq!(own, rules);
    for rule in &rules {
        netlink.remove_rule(rule).unwrap();
    }
    assert_eq!(netlink.own_rules().unwrap(), []);
    assert_eq!(all.map(|to| refuses(to, long)), [true; 4]);
}

#[test]
fn neighbours_are_entered_looked_up_and_removed() {
    let lab = Lab::with_pair();
    let mut netlink = connect(&lab);
    let device = netlink.link("near").unwrap().index;
    lab.ip("neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev near nud permanent");
    for address in ["192.0.2.9", "2001:db8::9"].map(ip) {
        assert_eq!(netlink.neighbour_state(device, address).unwrap(), None);
        let mut neighbour = Neighbour { device, address, mac: MacAddr([2, 0, 0, 0, 0, 1]) };
        netlink.add_neighbour(&neighbour).unwrap();
        neighbour.mac = MacAddr([2, 0, 0, 0, 0, 2]);
        netlink.add_neighbour(&neighbour).unwrap();
        assert_eq!(netlink.own_neighbours().unwrap(), [neighbour]);
        let state = netlink.neighbour_state(device, address).unwrap();
        assert_eq!(state, Some(NeighbourState::Permanent));
        netlink.remove_neighbour(device, address).unwrap();
        assert_ne!(netlink.neighbour_state(device, address).unwrap(), state);
    }
    assert!(lab.ip("neighbour show").contains("192.0.2.77"));
}

#[test]
fn a_lookup_tells_device_router_source_and_mtu() {
    let lab = Lab::with_pair();
    lab.ip("address add 192.0.2.1/24 dev near");
    lab.ip("address add 2001:db8::1/64 dev near");
    lab.ip("route add 10.0.0.0/8 via 192.0.2.9 mtu 1300");
    lab.ip("route add 2001:db8:1::/48 via 2001:db8::9 mtu 1280");
    lab.ip("route add blackhole 10.9.0.0/16");
    let mut netlink = connect(&lab);
    let near = netlink.link("near").unwrap().index;
    for (to, gateway, source, mtu) in [
        ("192.0.2.7", None, "192.0.2.1", None),
        ("10.1.1.1", Some("192.0.2.9"), "192.0.2.1", Some(1300)),
        ("2001:db8::7", None, "2001:db8::1", None),
        ("2001:db8:1::7", Some("2001:db8::9"), "2001:db8::1", Some(1280)),
    ] {
        let lookup = netlink.lookup(ip(to), None, None).unwrap();
        assert_eq!(
            (lookup.device, lookup.gateway, lookup.source, lookup.mtu),
            (near, gateway.map(ip), Some(ip(source)), mtu),
            "{to}"
        );
    }
    lab.ip("address add 192.0.2.2/24 dev near");
    assert_eq!(netlink.lookup(ip("10.1.1.1"), Some(ip("192.0.2.2")), None).unwrap().device, near);
    for to in ["203.0.113.1", "10.9.1.1", "2001:db8:ffff::1"] {
        assert!(netlink.lookup(ip(to), None, None).is_err(), "{to}");
    }
}

#[test]
fn what_others_change_arrives_as_events() {
    let lab = Lab::with_pair();
    let mut notifications = lab.within(Notifications::open).unwrap();
    let near = connect(&lab).link("near").unwrap().index;
    assert_eq!(notifications.poll_event().unwrap(), None);
    let mut wait = |what: &str, wanted: &dyn Fn(&Event) -> bool| {
        wait_for(&mut notifications, what, |n| {
            while let Some(event) = n.poll_event().unwrap() {
                if wanted(&event) {
                    return Some(());
                }
            }
            None
        });
    };
    let link = |name: &'static str, running: bool| move |e: &Event| matches!(e, Event::Link(l) if l.name == name && l.running == running);
    lab.ip("address add 192.0.2.1/24 dev near");
    let address = Address { device: near, net: net("192.0.2.1/24") };
    wait("an address's arrival", &|e| *e == Event::AddressAdded(address));
    lab.set("ipv4/neigh/near/retrans_time_ms", "10");
    lab.within(|| {
        let socket = std::net::UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.send_to(b"x", "192.0.2.9:9").unwrap();
    });
    let failed = Event::NeighbourFailed { device: near, address: ip("192.0.2.9") };
    wait("a neighbour's silence", &|e| *e == failed);
    lab.ip("address delete 192.0.2.1/24 dev near");
    wait("an address's removal", &|e| *e == Event::AddressRemoved(address));
    lab.ip("link set far down");
    wait("the loss of the carrier", &link("near", false));
    lab.ip("link set far up");
    wait("the carrier's return", &link("near", true));
    lab.ip("link add fresh type veth peer name other");
    wait("a new device", &link("fresh", false));
    lab.ip("link delete far");
    wait("a device's end", &|e| matches!(e, Event::LinkGone(l) if l.index == near));
}

#[test]
fn lost_notifications_ask_for_a_look_at_everything() {
    let lab = Lab::with_pair();
    let mut notifications = lab.within(Notifications::open).unwrap();
    let mut netlink = connect(&lab);
    let device = netlink.link("near").unwrap().index;
    for i in 0..20_000 {
        netlink.set_mtu(device, 1400 + i % 2).unwrap();
    }
    let mut events = Vec::new();
    while let Some(event) = notifications.poll_event().unwrap() {
        events.push(event);
    }
    assert_eq!(events.iter().filter(|e| **e == Event::Resync).count(), 1);
    netlink.set_mtu(device, 1450).unwrap();
    wait_for(&mut notifications, "the next event", |n| {
        matches!(n.poll_event().unwrap()?, Event::Link(l) if l.mtu == 1450).then_some(())
    });
}
