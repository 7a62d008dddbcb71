//! What tunnels do to packets, on the real kernel: paths that carry less than their ends think,
//! networks that lose ICMP, access lists between gateways, code points.
//!
//! ```text
//!    cn ── lma ── transport ── west ══ 1400 octets ══ east ── mag1 ── air ── mn
//!          .1   192.0.2.0/24    .2    10.8.0.0/24     10.9.0.254  .11
//!          ::1  2001:db8:7::/64 ::2  2001:db8:8::/64  2001:db8:9::254 ::11
//! ```
//!
//! The devices of both ends carry 1500 octets; only the cable in the middle carries less.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kedge_lab::{
    Capture, Daemon, Domain, Host, Lab, LabError, Link, MobileNode, Switch, Transfer,
    domain::{ANCHOR, CORRESPONDENT, Core, Encapsulation, GATEWAYS, MAC, Plan, Transport},
    ping,
    wait::{self, SOON},
};
use serde_json::Value;

/// As long as a transfer is watched that does not go on.
const STALL: Duration = Duration::from_secs(8);
const NARROW: u32 = 1400;
const LMA: &str = "ipv6 mobile pmipv6-lma lma1 domain example.net\n";
const MAG: &str = "ipv6 mobile pmipv6-mag mag1 domain example.net\n";

/// The gateway's addresses behind the narrow cable.
const OWN: (&str, &str) = ("10.9.0.11", "2001:db8:9::11");

#[test]
fn where_icmp_is_lost_tcp_passes_by_its_segment_size_and_stalls_without() {
    let _turn = turn();
    let net = Net::set(Transport::Ipv6, Encapsulation::IpInIp, " tunnel mtu 1300\n");
    for host in [&net.core.cn, &net.west, &net.east, net.mn.host()] {
        host.exec("nft", &[NO_ICMP]).expect("nft");
    }
    for down in [true, false] {
        net.transfer(down, SOON).expect("segments that fit need no ICMP");
    }
    for (daemon, role, mode) in [(&net.lma, "lma", LMA), (&net.mag, "mag", MAG)] {
        let tunnels = tunnels(daemon, role);
        let lowered = &tunnels["mss_clamping"];
        assert!(lowered["into_tunnels"].as_u64() > Some(0), "{role}: {tunnels}");
        assert_eq!(lowered["out_of_tunnels"], 0, "the far end has done it: {tunnels}");
        let tunnel = &tunnels["tunnels"][0];
        assert_eq!((&tunnel["mtu"], &tunnel["mtu_from"]), (&1300.into(), &"configured".into()));
        commit(daemon, &format!("{mode} no tunnel mss-clamping\n"));
    }
    for down in [true, false] {
        let stalled = net.transfer(down, STALL);
        assert!(stalled.is_err(), "nobody told the sender: {stalled:?}");
    }
}

#[test]
fn a_narrow_path_is_found_from_both_ends_by_ip_in_ipv6() {
    finds_narrow_path(Transport::Ipv6, Encapsulation::IpInIp, 40);
}

#[test]
fn a_narrow_path_is_found_from_both_ends_by_udp_over_ipv4() {
    finds_narrow_path(Transport::Ipv4, Encapsulation::Udp, 28);
}

#[test]
fn a_narrow_path_is_found_from_both_ends_by_gre_over_ipv4() {
    finds_narrow_path(Transport::Ipv4, Encapsulation::Gre, 28);
}

/// Nobody lowers segment sizes: full segments meet the narrow cable, whose router tells the
/// tunnel's end, which tells the sender.
fn finds_narrow_path(transport: Transport, encapsulation: Encapsulation, overhead: u64) {
    let _turn = turn();
    let net = Net::set(transport, encapsulation, " no tunnel mss-clamping\n");
    for down in [true, false] {
        net.transfer(down, SOON).unwrap_or_else(|e| panic!("{e}\n{}", net.logs()));
    }
    let mtu = u64::from(NARROW) - overhead;
    for (daemon, role) in [(&net.lma, "lma"), (&net.mag, "mag")] {
        let said = tunnels(daemon, role);
        let tunnel = &said["tunnels"][0];
        assert_eq!((&tunnel["mtu"], &tunnel["mtu_from"]), (&mtu.into(), &"path".into()), "{role}");
        assert_eq!(said["mss_clamping"]["into_tunnels"], 0, "{role}");
        let statistics = json(daemon, &format!("show {role}-service statistics | json"));
        let icmp = |key: &str| statistics["tunnel_icmpv6"][key].as_u64().expect("a counter");
        let [received, relayed, dropped] =
            ["received", "relayed", "dropped"].map(|what| icmp(&format!("packet_too_big_{what}")));
        assert!(received > 0 && relayed > 0, "{role}: {statistics}");
        assert!(relayed + dropped <= received, "{role}: {statistics}");
        // A sender that sent more before it heard is told by the tunnel's end itself.
        let sent = statistics["tunnel_data_sent"]["total_packets"].as_u64();
        assert!(sent > Some(100), "{role}: {statistics}");
    }
}

/// The vendor document's way to keep gateways' nodes apart: the pools' prefixes as sources of what
/// enters a tunnel.
#[test]
fn nodes_of_two_gateways_reach_each_other_until_a_list_of_the_pools_is_committed() {
    const OTHER: (&str, &str) = ("02:00:5e:10:00:02", "0200.5e10.0002");
    let _turn = turn();
    let lab = Lab::new("kgtun").expect("lab");
    let mut domain = Domain::draw(&lab).expect("domain");
    let mut other = MobileNode::new(&lab, &domain.air, "mn2", OTHER.0).expect("node");
    let plan = Plan::default();
    let lma = Daemon::start(&domain.core.lma, &Domain::lma_config(&plan)).expect("anchor");
    let _mags = [0, 1].map(|index| {
        let text = Domain::mag_config(&plan, index);
        let second = format!(" mobile-node mac {} nai node2@example.net\n", OTHER.1);
        let text = text.replace(" mobile-node mac", &format!("{second} mobile-node mac"));
        Daemon::start(&domain.mags[index], &text).expect("gateway")
    });
    domain.attach(0).expect("in range");
    domain.air.host().ip("link set pmag2 up").expect("carrier");
    other.port().plug_into(GATEWAYS[1].0).expect("in range");
    domain.mn.start_dhcp().expect("dhclient");
    other.start_dhcp().expect("dhclient");
    domain.mn.wait_ipv4(SOON).expect("an address");
    let there = other.wait_ipv4(SOON).expect("an address").to_string();
    let correspondent = CORRESPONDENT.0.to_string();
    let reaches = |to: &str| domain.mn.host().exec("ping", &["-nqc1", "-W1", to]).is_ok();
    let eventually = |to: &str| {
        let reached = || if reaches(to) { Ok(()) } else { Err(format!("{to} is not reached")) };
        wait::until(SOON, "a ping to be answered", reached).expect("answered");
    };
    eventually(&there);

    let list = "ip access-list extended apart\n deny ip 203.0.113.0 0.0.0.255 any\n \
                permit ip any any\nexit\n";
    commit(&lma, &format!("{list}{LMA} tunnel acl apart\n"));
    assert!(!reaches(&there), "the list blocks it");
    eventually(&correspondent);
    let said = tunnels(&lma, "lma");
    let entries = &said["access_list_into"]["entries"];
    assert_eq!(entries[0]["entry"], "deny ip 203.0.113.0 0.0.0.255 any", "{said}");
    let [denied, permitted] = [0, 1].map(|at| entries[at]["packets"].as_u64().expect("counted"));
    assert!(denied > 0 && permitted > 0, "{said}");
    assert_eq!(said["dropped"]["access_list"], denied, "{said}");
    let text = lma.kedge("show ipv6 mobile pmipv6 lma tunnels").expect("an answer");
    assert!(text.contains("Denied by an Access List"), "{text}");

    commit(&lma, &format!("{LMA} no tunnel acl\n"));
    eventually(&there);
    let missing = lma.script(&format!("configure\n{LMA} tunnel acl nobody\ncommit\n"));
    let missing = missing.expect_err("there is no such list").to_string();
    assert!(missing.contains("there is no access list 'nobody'"), "{missing}");
}

/// Keys are generated, and yet neither end speaks of them: the tunnel is configured.
#[test]
fn a_static_gre_tunnel_carries_a_node_and_no_message_has_a_gre_key_option() {
    const STATIC: &str = "  tunnel interface tunnel-ip 097\n";
    let _turn = turn();
    let lab = Lab::new("kgtun").expect("lab");
    let mut domain = Domain::draw(&lab).expect("domain");
    let plan = Plan { encapsulation: Encapsulation::Gre, ..Plan::default() };
    let with =
        |text: String| text.replace("  encap gre-ipv6\n", &format!("  encap gre-ipv6\n{STATIC}"));
    let capture = Capture::start(&domain.core.lma, "tp0", "ip6").expect("capture");
    let lma = Daemon::start(&domain.core.lma, &with(Domain::lma_config(&plan))).expect("anchor");
    let mag = with(Domain::mag_config(&plan, 0));
    let _mag = Daemon::start(&domain.mags[0], &mag).expect("gateway");
    domain.attach(0).expect("in range");
    domain.mn.start_dhcp().expect("dhclient");
    domain.mn.wait_ipv6(SOON).expect("an address");
    domain.mn.wait_ipv4(SOON).expect("an address");
    for to in [CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string()] {
        let ping =
            || domain.mn.host().exec("ping", &["-nqc1", "-W1", &to]).map_err(|e| e.to_string());
        wait::until(SOON, "a ping to be answered", ping).expect("answered");
    }
    let tunnel = &tunnels(&lma, "lma")["tunnels"][0];
    assert_eq!(tunnel["encapsulation"], "GRE over IPv6", "{tunnel}");
    let recording = capture.stop().expect("capture");
    let count = |filter: &str| recording.count(filter).expect("tshark");
    assert!(count("mip6.mhtype == 5") > 0 && count("mip6.mhtype == 6") > 0);
    assert_eq!(count("mip6.options.grek || mip6.gre_key"), 0);
    assert!(count("gre && icmp") >= 2 && count("gre && icmpv6") >= 2);
    assert_eq!(count("gre.flags.key == 1"), 0);
}

/// RFC 2983 §3.1: a code point of the tunnels' own on the wire, and the inner one at the far end.
#[test]
fn a_code_point_of_the_tunnels_own_is_on_the_wire_and_the_inner_one_arrives() {
    let _turn = turn();
    let net = Net::set(Transport::Ipv6, Encapsulation::IpInIp, " tunnel dscp pipe 10\n");
    let wire = Capture::start(&net.west, "east0", "ip6").expect("capture");
    let arrived = Capture::start(&net.core.cn, "eth0", "icmp").expect("capture");
    let to = CORRESPONDENT.0.to_string();
    // Expedited Forwarding, 46.
    ping::one_by_one(net.mn.host(), &to, 3, &["-Q184"]).expect("answers");
    let wire = wire.stop().expect("capture");
    let pinged = "icmp && ipv6.tclass.dscp == 10 && ip.dsfield.dscp == 46";
    assert_eq!(wire.count(pinged).expect("tshark"), 6, "three each way");
    assert_eq!(wire.count("icmp && ipv6.tclass.dscp != 10").expect("tshark"), 0);
    let arrived = arrived.stop().expect("capture");
    assert_eq!(arrived.count("icmp && ip.dsfield.dscp == 46").expect("tshark"), 6);
}

/// The drawing above with its daemons; the node has its addresses.
struct Net {
    core: Core,
    west: Host,
    east: Host,
    mn: MobileNode,
    lma: Daemon,
    mag: Daemon,
    // Last: it removes the rest.
    _lab: Lab,
}

impl Net {
    /// `tunnels` is in the anchor's and the gateway's configuration.
    fn set(transport: Transport, encapsulation: Encapsulation, tunnels: &str) -> Self {
        let lab = Lab::new("kgtun").expect("lab");
        let core = Core::draw(&lab).expect("core");
        let [west, east] = ["west", "east"].map(|name| {
            let host = lab.host(name).expect("router");
            host.router().expect("router");
            host
        });
        let near = ("192.0.2.2".parse().expect("IPv4"), "2001:db8:7::2".parse().expect("IPv6"));
        core.connect(&west, &[near]).expect("transport");
        Link::between(&west, "east0", &east, "west0").expect("narrow cable");
        let mag = lab.host(GATEWAYS[0].0).expect("mag");
        mag.router().expect("router");
        Link::between(&east, "mag0", &mag, "tp0").expect("cable");
        for (host, interface, addresses) in [
            (&west, "east0", ["10.8.0.1/24", "2001:db8:8::1/64"]),
            (&east, "west0", ["10.8.0.2/24", "2001:db8:8::2/64"]),
            (&east, "mag0", ["10.9.0.254/24", "2001:db8:9::254/64"]),
            (&mag, "tp0", ["10.9.0.11/24", "2001:db8:9::11/64"]),
        ] {
            addresses.iter().for_each(|a| host.address(interface, a).expect("address"));
        }
        west.mtu("east0", NARROW).expect("mtu");
        east.mtu("west0", NARROW).expect("mtu");
        for (host, routes) in [
            (&core.lma, ["10.0.0.0/8 via 192.0.2.2", "2001:db8:9::/64 via 2001:db8:7::2"]),
            (&core.lma, ["10.8.0.0/24 via 192.0.2.2", "2001:db8:8::/64 via 2001:db8:7::2"]),
            (&west, ["10.9.0.0/24 via 10.8.0.2", "2001:db8:9::/64 via 2001:db8:8::2"]),
            (&east, ["192.0.2.0/24 via 10.8.0.1", "2001:db8:7::/64 via 2001:db8:8::1"]),
            (&mag, ["default via 10.9.0.254", "default via 2001:db8:9::254"]),
        ] {
            routes.iter().for_each(|route| host.route(route).expect("route"));
        }
        let air = Switch::new(&lab, "air", &[GATEWAYS[0].0]).expect("air");
        air.plug(&mag, "acc0", GATEWAYS[0].0).expect("access link");
        let mn = MobileNode::new(&lab, &air, "mn", MAC).expect("node");

        let plan = Plan { transport, encapsulation, ..Plan::default() };
        let with = |text: String, mode: &str| {
            let (_, v4, v6) = GATEWAYS[0];
            let text = text.replace(mode, &format!("{mode}{tunnels}"));
            text.replace(&v4.to_string(), OWN.0).replace(&v6.to_string(), OWN.1)
        };
        let lma = with(Domain::lma_config(&plan), LMA);
        let lma = Daemon::start(&core.lma, &lma).expect("anchor");
        let mag = Daemon::start(&mag, &with(Domain::mag_config(&plan, 0), MAG)).expect("gateway");
        let mut net = Self { core, west, east, mn, lma, mag, _lab: lab };
        net.attach();
        net
    }

    /// The node's link, as that of a network behind it, does not tell what the tunnel carries.
    fn attach(&mut self) {
        let node = self.mn.host().clone();
        node.sysctl("net.ipv6.conf.eth0.accept_ra_mtu", "0").expect("sysctl");
        self.mn.port().plug_into(GATEWAYS[0].0).expect("in range");
        self.mn.start_dhcp().expect("dhclient");
        let served = self.mn.wait_ipv6(SOON).map(drop);
        if let Err(error) = served.and_then(|()| self.mn.wait_ipv4(SOON).map(drop)) {
            panic!("{error}\n{}", self.logs());
        }
        node.mtu("eth0", 1500).expect("mtu");
        let ping = || {
            let to = [CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string()];
            to.iter().try_for_each(|to| {
                node.exec("ping", &["-nqc1", "-W1", to]).map(drop).map_err(|e| e.to_string())
            })
        };
        if let Err(error) = wait::until(SOON, "both families to pass", ping) {
            panic!("{error}\n{}", self.logs());
        }
    }

    /// Transfers with both families to the node (`down`) or from it. Neither end remembers what it
    /// found about the path: it would announce segments that fit.
    fn transfer(&self, down: bool, patience: Duration) -> Result<(), LabError> {
        let (v4, v6) = (self.mn.ipv4()?[0], self.mn.ipv6()?[0]);
        let ours = [CORRESPONDENT.0.into(), CORRESPONDENT.1.into()];
        for (node, correspondent) in [v4.into(), v6.into()].into_iter().zip(ours) {
            for host in [&self.core.cn, self.mn.host()] {
                host.ip("route flush cache")?;
                host.ip("-6 route flush cache")?;
            }
            let mut transfer = match down {
                true => Transfer::start(&self.core.cn, correspondent, self.mn.host(), 4_000_000)?,
                false => Transfer::start(self.mn.host(), node, &self.core.cn, 4_000_000)?,
            };
            transfer.wait_progress(patience, 400_000)?;
            transfer.finish(SOON)?;
        }
        Ok(())
    }

    fn logs(&self) -> String {
        format!("lma ({}): {}\nmag1: {}", ANCHOR.1, self.lma.log(), self.mag.log())
    }
}

/// What filters of many networks do to errors.
const NO_ICMP: &str = "table inet silent {
    chain from { type filter hook output priority 0;
        icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }
    chain to { type filter hook input priority 0;
        icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }
}";

fn commit(daemon: &Daemon, lines: &str) {
    let said = daemon.script(&format!("configure\n{lines}commit\n")).expect("a commit");
    assert!(said.contains("commit "), "{said}");
}

fn tunnels(daemon: &Daemon, role: &str) -> Value {
    json(daemon, &format!("show ipv6 mobile pmipv6 {role} tunnels | json"))
}

fn json(daemon: &Daemon, command: &str) -> Value {
    serde_json::from_str(&daemon.kedge(command).expect("an answer")).expect("JSON")
}

/// One domain at a time: two cores are few.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
