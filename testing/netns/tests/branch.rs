//! A branch router on the real kernel: `kedged` as a gateway that is the mobile node itself, with
//! two networks behind it, whose hosts get their addresses from it and are reached through the
//! anchor.
//!
//! ```text
//!   cn ── lma ══ transport ══ br ┬ lan0 ── h0    what the anchor delegates, in both families
//!                                └ lan1 ── h1    10.96.9.0/24 and 2001:db8:d0:9::/64, its own
//! ```

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use kedge_lab::{
    Capture, Daemon, Host, Lab, MobileNode, Ping, Switch, Transfer,
    domain::{ANCHOR, CORRESPONDENT, Core, Domain, GATEWAYS, Plan},
    wait::{self, SOON},
};
use serde_json::Value;

const PROBE: Duration = Duration::from_millis(20);
const MACS: [&str; 2] = ["02:00:5e:20:00:01", "02:00:5e:20:00:02"];

struct Stage {
    core: Core,
    br: Host,
    hosts: [MobileNode; 2],
    anchor: Daemon,
    router: Daemon,
    // Last: it removes the rest.
    _lab: Lab,
}

fn anchor_config() -> String {
    let plan = Plan { authenticated: false, delete_wait: 1000, ..Plan::default() };
    Domain::lma_config(&plan).replace(
        " network home\n  pool",
        " network home\n  \
         pool mobile-network ipv4 start-address 10.96.0.0 pool-prefix 16 network-prefix 24\n  \
         pool mobile-network ipv6 start-address 2001:db8:d0:: pool-prefix 56 network-prefix 64\n  \
         pool",
    )
}

fn router_config() -> String {
    let (name, _, own) = GATEWAYS[0];
    format!(
        "ipv6 mobile pmipv6-domain example.net\n nai @example.net\n  network home\n !\n!\n\
         ipv6 mobile pmipv6-mag {name} domain example.net\n address ipv6 {own}\n \
         binding lifetime 60\n \
         logical-mn branch1@example.net\n  home interface lo\n  \
         mobile network lan0 serve-hosts\n  mobile network lan1 learn-prefix serve-hosts\n  \
         service dual\n !\n \
         mobility-service mobile-local-loop\n  reverse-tunnel default-route\n !\n \
         lma lma1 example.net\n  ipv6-address {}\n !\n!\n",
        ANCHOR.1,
    )
}

impl Stage {
    fn set() -> Self {
        Self::with(&router_config())
    }

    /// With this configuration of the router.
    fn with(router_config: &str) -> Self {
        let lab = Lab::new("branch").expect("lab");
        let core = Core::draw(&lab).expect("core");
        let br = lab.host("br").expect("router");
        let (_, ipv4, ipv6) = GATEWAYS[0];
        core.connect(&br, &[(ipv4, ipv6)]).expect("transport");
        let lans = ["lan0", "lan1"].map(|name| {
            let lan = Switch::new(&lab, name, &["lan"]).expect("network");
            lan.plug(&br, name, "lan").expect("the router's port");
            lan
        });
        br.address("lan1", "10.96.9.1/24").expect("address");
        br.address("lan1", "2001:db8:d0:9::1/64").expect("address");
        let hosts = [0, 1].map(|n| {
            let mut host =
                MobileNode::new(&lab, &lans[n], &format!("h{n}"), MACS[n]).expect("host");
            host.start_dhcp().expect("dhclient");
            host.port().plug_into("lan").expect("in range");
            host
        });
        let anchor = Daemon::start(&core.lma, &anchor_config()).expect("anchor");
        let router = Daemon::start(&br, router_config).expect("router");
        Self { core, br, hosts, anchor, router, _lab: lab }
    }

    /// The hosts' addresses, once they have them.
    fn addresses(&self) -> [(Ipv4Addr, Ipv6Addr); 2] {
        self.hosts.each_ref().map(|host| {
            let ipv4 = host.wait_ipv4(SOON);
            let ipv6 = host.wait_ipv6(SOON);
            (
                ipv4.unwrap_or_else(|e| panic!("{e}\n{}", self.logs())),
                ipv6.unwrap_or_else(|e| panic!("{e}\n{}", self.logs())),
            )
        })
    }

    /// Pings of an address from a host, all of which are answered for a while.
    fn reaches(&self, from: &Host, to: &str) {
        let ping = Ping::start(from, &format!("ping-{to}"), to, PROBE).expect("ping");
        ping.wait_steady(SOON, 0, 10)
            .unwrap_or_else(|e| panic!("{} to {to}: {e}\n{}", from.name(), self.logs()));
        ping.stop().expect("stop");
    }

    fn show(&self, command: &str) -> Value {
        let text = self.router.kedge(&format!("{command} | json")).expect("show");
        serde_json::from_str(&text).expect("JSON")
    }

    fn logs(&self) -> String {
        let rules = self.br.ip("rule").unwrap_or_default();
        let routes = self.br.ip("route show table 5215").unwrap_or_default();
        let (anchor, router) = (self.anchor.log(), self.router.log());
        format!("anchor: {anchor}\nrouter: {router}\n{rules}\n{routes}")
    }
}

#[test]
fn the_hosts_of_a_branch_get_addresses_and_are_reached_through_the_anchor_in_both_families() {
    let mut stage = Stage::set();
    let wire = Capture::start(&stage.br, "tp0", "ip6").expect("capture");
    let lan = Capture::start(&stage.br, "lan0", "").expect("capture");
    let [given, own] = stage.addresses();
    assert!(given.0.octets().starts_with(&[10, 96, 0]), "{given:?}");
    assert_eq!(given.1.segments()[..4], [0x2001, 0xdb8, 0xd0, 0], "{given:?}");
    assert!(own.0.octets().starts_with(&[10, 96, 9]), "{own:?}");
    assert_eq!(own.1.segments()[..4], [0x2001, 0xdb8, 0xd0, 9], "{own:?}");

    let (cn4, cn6) = CORRESPONDENT;
    for (node, (ipv4, ipv6)) in stage.hosts.iter().zip([given, own]) {
        stage.reaches(node.host(), &cn4.to_string());
        stage.reaches(node.host(), &cn6.to_string());
        stage.reaches(&stage.core.cn, &ipv4.to_string());
        stage.reaches(&stage.core.cn, &ipv6.to_string());
    }
    // TCP in both directions, in both families.
    let host = stage.hosts[0].host();
    for (from, address, to) in [
        (&stage.core.cn, IpAddr::V4(cn4), host),
        (host, IpAddr::V6(given.1), &stage.core.cn),
        (&stage.core.cn, IpAddr::V6(cn6), host),
        (host, IpAddr::V4(given.0), &stage.core.cn),
    ] {
        let mut transfer = Transfer::start(from, address, to, 4_000_000).expect("transfer");
        transfer
            .wait_progress(SOON, 1_000_000)
            .unwrap_or_else(|e| panic!("{address}: {e}\n{}", stage.logs()));
        let outcome = transfer.finish(SOON).expect("intact");
        assert!(outcome.octets >= 1_000_000, "{outcome:?}");
    }

    // From network to network packets stay in the branch: the tunnel sees none of them.
    let before = tunnelled(&stage);
    stage.reaches(stage.hosts[0].host(), &own.0.to_string());
    stage.reaches(stage.hosts[0].host(), &own.1.to_string());
    let after = tunnelled(&stage);
    assert!(after < before + 10, "{before} {after}");

    // The router says what it has, and what the router itself sends goes by its own routes.
    let shown = stage.show("show ipv6 mobile pmipv6 mag logical-mn");
    let node = &shown["logical_mns"][0];
    assert_eq!(node["mn_id"], "branch1@example.net", "{shown}");
    assert_eq!(node["state"], "active", "{shown}");
    assert_eq!(node["networks"][0]["delegated"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(node["networks"][1]["delegated"].as_array().map(Vec::len), Some(0), "{shown}");
    assert_eq!(node["networks"][1]["leases"][0]["address"], own.0.to_string(), "{shown}");
    let home = node["ipv4_home_address"].as_str().expect("an address");
    let home = home.split('/').next().expect("an address");
    stage.reaches(&stage.core.cn, home);

    stage.router.stop().expect("stop");
    let left = stage.br.ip("rule").expect("rules");
    assert!(!left.contains("5215"), "{left}");
    assert_eq!(stage.br.addresses("lan0", 4).expect("addresses"), Vec::<String>::new());
    for capture in [wire, lan] {
        let recording = capture.stop().expect("recording");
        assert!(recording.count("").expect("tshark") > 0);
        let own = GATEWAYS[0].2;
        assert_eq!(recording.malformed_from(own.into()).expect("tshark"), Vec::<String>::new());
        let ours = "dhcp or icmpv6 or mipv6";
        let malformed =
            format!("({ours}) and (_ws.malformed or _ws.expert.group == \"Malformed\")");
        assert_eq!(recording.count(&malformed).expect("tshark"), 0);
    }
}

/// How many packets of the networks have gone into the tunnel.
fn tunnelled(stage: &Stage) -> u64 {
    let shown = stage.show("show ipv6 mobile pmipv6 mag bindings");
    shown["bindings"][0]["traffic"]["from_node"]["packets"].as_u64().expect("packets")
}

#[test]
fn networks_keep_their_prefixes_when_the_router_or_the_anchor_restarts() {
    let mut stage = Stage::set();
    let addresses = stage.addresses();
    let cn = CORRESPONDENT.0.to_string();
    let host = stage.hosts[0].host().clone();
    let ping = Ping::start(&host, "ping", &cn, PROBE).expect("ping");
    let steady = |stage: &Stage, after: u64, what: &str| {
        let answered = ping.wait_steady(SOON * 2, after, 20);
        answered.unwrap_or_else(|e| panic!("{what}: {e}\n{}", stage.logs()))
    };
    steady(&stage, 0, "at first");

    // Orderly, and as after a power failure.
    stage.router.stop().expect("stop");
    stage.router.restart().expect("again");
    steady(&stage, ping.newest(), "after a restart");
    assert_eq!(stage.addresses(), addresses);
    stage.router.kill().expect("kill");
    stage.router.restart().expect("again");
    steady(&stage, ping.newest(), "after a crash");
    assert_eq!(stage.addresses(), addresses);
    let rules = stage.br.ip("rule").expect("rules");
    let twice = rules.lines().filter(|line| line.contains("from 10.96.9.0/24")).count();
    assert_eq!(twice, 1, "{rules}");

    stage.anchor.kill().expect("kill");
    stage.anchor.restart().expect("again");
    steady(&stage, ping.newest(), "after the anchor's crash");
    assert_eq!(stage.addresses(), addresses);

    // A second subnet on the learning network is registered as it comes, and gone as it goes.
    let registered = |wanted: bool| {
        wait::until(SOON, "the anchor to hear of the subnet", || {
            let shown = stage.anchor.kedge("show ipv6 mobile pmipv6 lma bindings detail");
            let shown = shown.map_err(|e| e.to_string())?;
            if shown.contains("10.96.10.0/24") == wanted { Ok(()) } else { Err(shown) }
        })
        .unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
    };
    stage.br.address("lan1", "10.96.10.1/24").expect("address");
    registered(true);
    stage.br.ip("addr del 10.96.10.1/24 dev lan1").expect("address");
    registered(false);
    ping.stop().expect("stop");
}

/// Whether the router's node is registered, and its fixed link works.
fn state(stage: &Stage) -> (bool, bool) {
    let shown = stage.show("show ipv6 mobile pmipv6 mag logical-mn");
    let node = &shown["logical_mns"][0];
    (node["state"] == "active", node["fixed_link_works"].as_bool().expect("a fixed link"))
}

#[test]
fn a_branch_does_without_the_anchor_while_its_fixed_link_leads_to_what_is_watched() {
    let fixed = "  fixed interface fix0\n  watch ipv4 198.51.100.0 24\n  service dual\n";
    let mut stage = Stage::with(&router_config().replace("  service dual\n", fixed));
    let becomes = |stage: &Stage, registered: bool, works: bool, what: &str| {
        wait::until(SOON, what, || match state(stage) {
            is if is == (registered, works) => Ok(()),
            is => Err(format!("{is:?}")),
        })
        .unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
    };
    // An anchor keeps a binding that was given back for a moment.
    let gone = |stage: &Stage| {
        wait::until(SOON, "the end of the binding", || {
            let shown = stage.anchor.kedge("show ipv6 mobile pmipv6 lma bindings | json");
            let shown: Value = serde_json::from_str(&shown.map_err(|e| e.to_string())?)
                .map_err(|e| e.to_string())?;
            match shown["bindings"].as_array().map(Vec::len) {
                Some(0) => Ok(()),
                found => Err(format!("{found:?}")),
            }
        })
        .unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
    };
    let rules = |stage: &Stage| {
        let rules = stage.br.ip("rule").expect("rules");
        rules.lines().filter(|line| line.contains("from 10.96.")).count()
    };
    becomes(&stage, true, false, "a registration while there is no fixed link");
    let addresses = stage.addresses();
    stage.br.ip("link add fix0 type veth peer name far0").expect("fixed link");
    stage.br.ip("link set far0 up").expect("fixed link");
    stage.br.ip("link set fix0 up").expect("fixed link");
    stage.br.address("fix0", "203.0.113.2/30").expect("address");
    let route = "198.51.100.0/24 via 203.0.113.1 dev fix0";
    stage.reaches(stage.hosts[0].host(), &CORRESPONDENT.0.to_string());
    assert_eq!(state(&stage), (true, false), "a link alone is not watched");

    stage.br.ip(&format!("route add {route}")).expect("route");
    becomes(&stage, false, true, "the end of the registration");
    wait::until(SOON, "the rules to go", || match rules(&stage) {
        0 => Ok(()),
        count => Err(format!("{count} rules")),
    })
    .unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
    gone(&stage);
    assert_eq!(stage.addresses(), addresses, "hosts keep what they have");

    stage.br.ip(&format!("route del {route}")).expect("route");
    becomes(&stage, true, false, "a registration when the route is gone");
    stage.reaches(stage.hosts[0].host(), &CORRESPONDENT.0.to_string());
    assert_eq!(stage.addresses(), addresses);

    stage.br.ip(&format!("route add {route}")).expect("route");
    becomes(&stage, false, true, "the end of the registration");
    stage.router.stop().expect("stop");
    stage.router.restart().expect("again");
    becomes(&stage, false, true, "no registration after a restart");
    gone(&stage);
    stage.br.ip("link set fix0 down").expect("fixed link");
    becomes(&stage, true, false, "a registration when the link is down");
    stage.reaches(stage.hosts[0].host(), &CORRESPONDENT.0.to_string());
}
