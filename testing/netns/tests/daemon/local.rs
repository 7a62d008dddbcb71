//! Packets between two nodes of one gateway (RFC 5213 §6.10.3, §6.10.5), on links of their own.
//!
//! ```text
//!   lma ══ transport ══ mag1 ─ acc0 ─ cell mag1 ─ mn
//!                          └── acc1 ──── cable ── mn2
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_lab::{Domain, Host, Lab, Link, Ping, Process, Transfer, domain::Plan, node, wait};

use crate::stage::{SOON, Site, counter, turn};

const STATISTICS: &str = "show mag-service statistics";

/// Two nodes at one gateway, and what each was given.
struct Neighbours {
    second: Host,
    given: [(Ipv4Addr, Ipv6Addr); 2],
    _dhcp: Process,
    // Last: it removes the rest.
    site: Site,
}

impl Neighbours {
    fn set(words: &str) -> Self {
        let lab = Lab::new("kgloc").expect("lab");
        let domain = Domain::draw(&lab).expect("domain");
        let second = lab.host("mn2").expect("the second node");
        Link::between(&domain.mags[0], "acc1", &second, "eth0").expect("cable");
        second.ip("link set eth0 address 02:00:5e:10:00:02").expect("its MAC address");
        let plan = Plan::default();
        let mag = Domain::mag_config(&plan, 0).replace(
            " interface acc0\n !\n",
            &format!(
                "{words} mobile-node mac 0200.5e10.0002 nai node2@example.net\n \
                 interface acc0\n !\n interface acc1\n !\n"
            ),
        );
        let lma = Domain::lma_config(&plan);
        let mut site = Site::on(lab, domain, [&lma, &mag]);
        let first = site.attach();
        let dhcp = node::dhclient(&second).expect("dhclient");
        let v6 = address(&second, 6).parse().expect("an address");
        let v4 = address(&second, 4).parse().expect("an address");
        Self { second, given: [first, (v4, v6)], _dhcp: dhcp, site }
    }

    /// Both families get through from the first node to the second.
    fn answered(&self) {
        let (v4, v6) = self.given[1];
        for (name, to) in [("near4", v4.to_string()), ("near6", v6.to_string())] {
            let every = Duration::from_millis(20);
            let ping = Ping::start(self.site.domain.mn.host(), name, &to, every).expect("ping");
            let steady = ping.wait_steady(SOON, 0, 5);
            steady.unwrap_or_else(|e| panic!("{e}\n{}", self.site.logs()));
            ping.stop().expect("stop");
        }
    }

    /// Packets put into tunnels, and packets routed by the gateway itself.
    fn counted(&self) -> [u64; 2] {
        let count = |path| counter(&self.site.mag, STATISTICS, path);
        [count("/tunnel_data_sent/total_packets"), count("/local_routing/packets")]
    }
}

/// The first address of a family that a host has, or gets.
fn address(host: &Host, family: u8) -> String {
    let found = wait::until(SOON, "an address of the second node", || {
        let all = host.addresses("eth0", family).map_err(|e| e.to_string())?;
        let first = all.first().and_then(|address| address.split('/').next());
        first.map(str::to_owned).ok_or_else(|| "none".to_owned())
    });
    found.unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn packets_between_nodes_of_one_gateway_go_through_the_anchor_unless_it_may_route_them_itself() {
    let _turn = turn();
    let far = Neighbours::set("");
    let [tunnelled, _] = far.counted();
    far.answered();
    let [after, local] = far.counted();
    assert!(after >= tunnelled + 20, "{tunnelled} to {after}");
    assert_eq!(local, 0);
}

/// A host behind another interface of the gateway's machine is no node: what it sends to one goes
/// where the home network is, as from anywhere else.
#[test]
fn a_correspondent_at_the_gateways_own_host_reaches_a_node_through_the_anchor() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let (_, v6) = site.attach();
    let near = site.lab.host("near").expect("host");
    let (gateway, anchor) = (&site.domain.mags[0], &site.domain.core.lma);
    Link::between(gateway, "lan0", &near, "eth0").expect("cable");
    gateway.address("lan0", "2001:db8:e::1/64").expect("address");
    near.address("eth0", "2001:db8:e::2/64").expect("address");
    near.route("default via 2001:db8:e::1").expect("route");
    gateway.route("2001:db8:100::/56 via 2001:db8:7::1").expect("the way to the home network");
    anchor.route("2001:db8:e::/64 via 2001:db8:7::11").expect("the way back");
    let received = || counter(&site.mag, STATISTICS, "/tunnel_data_received/total_packets");
    let before = received();
    let ping =
        Ping::start(&near, "near", &v6.to_string(), Duration::from_millis(20)).expect("ping");
    let steady = ping.wait_steady(SOON, 0, 10);
    steady.unwrap_or_else(|e| panic!("{e}\n{}", site.logs()));
    ping.stop().expect("stop");
    assert!(received() >= before + 10, "{before} to {}", received());
}

#[test]
fn a_gateway_that_may_routes_between_its_nodes_itself_and_takes_no_foreign_source_for_one() {
    let _turn = turn();
    let near = Neighbours::set(" local-routing-mag\n");
    let [_, before] = near.counted();
    near.answered();
    let [tunnelled, local] = near.counted();
    assert!(local >= before + 20, "{before} to {local}");
    // Trains of segments, both ways of the checksum, in both families.
    let (from, to) = (&near.second, near.site.domain.mn.host());
    let (v4, v6) = near.given[1];
    for address in [IpAddr::V4(v4), IpAddr::V6(v6)] {
        let rate = 4_000_000;
        let mut transfer = Transfer::start(from, address, to, rate).expect("transfer");
        transfer.wait_progress(SOON, rate / 2).expect("progress");
        transfer.finish(SOON).expect("intact");
    }
    let [after, moved] = near.counted();
    assert!(moved > local + 500, "{local} to {moved}");
    // The anchor has seen none of it; what nodes say to everybody is no traffic between them.
    assert!(after < tunnelled + 20, "{tunnelled} to {after}");
    // Still the nodes reach everybody else, by the anchor.
    near.site.answered();

    let node = near.site.domain.mn.host();
    node.address("eth0", "2001:db8:bad::5/64").expect("a foreign address");
    let drops = || counter(&near.site.mag, STATISTICS, "/mag_access/foreign_sources");
    let dropped = drops();
    let words = ["-c", "2", "-i", "0.2", "-W", "1", "-I", "2001:db8:bad::5", &v6.to_string()];
    assert!(node.exec("ping", &words).is_err(), "a foreign source is answered");
    let counted = || if drops() > dropped { Ok(()) } else { Err("not counted".to_owned()) };
    wait::until(SOON, "the drop to be counted", counted).unwrap_or_else(|e| panic!("{e}"));
}
