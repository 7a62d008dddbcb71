//! Networks that routers bring along (RFC 7148): the anchor takes them as they are sent, and
//! makes a route to each.
//!
//! ```text
//!   cn ──── lma ══ transport ══ speaker
//!   echo   kedged               python3 networks.py: a router, its gateway, the hosts behind it
//!          routes: 192.168.0.0/16, 2001:db8:f00::/48 dev kedge-lma proto 213
//! ```

use kedge_lab::{
    Daemon, Host, Lab, Link, Process,
    domain::{ANCHOR, CORRESPONDENT, Core, Domain, GATEWAYS, Plan},
    wait::{self, SOON},
};
use serde_json::Value;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/networks.py");
const SPEAKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/speaker.py");
const NETWORKS: [&str; 2] = ["192.168.0.0/16", "2001:db8:f00::/48"];
/// Five in the upper octet.
const METRIC: &str = "metric 83886080";

struct Stage {
    core: Core,
    speaker: Host,
    daemon: Daemon,
    _echo: Process,
    // Last: it removes the rest.
    _lab: Lab,
}

impl Stage {
    /// `more` goes into the anchor's block.
    fn set(more: &str) -> Self {
        let lab = Lab::new("kgnet").expect("lab");
        let core = Core::draw(&lab).expect("core");
        let speaker = lab.host("speaker").expect("speaker");
        let addresses = GATEWAYS.map(|(_, v4, v6)| (v4, v6));
        core.connect(&speaker, &addresses).expect("speaker's cable");
        let mut echo = core.cn.spawn("echo", "python3", &[SPEAKER, "echo"]).expect("echo");
        echo.wait_output(SOON, "the echo", |log| log.contains("listening").then_some(()))
            .expect("listening");
        let plan = Plan { authenticated: false, delete_wait: 100, ..Plan::default() };
        let config = Domain::lma_config(&plan).replace(
            "\n network home\n",
            &format!("\n mobile-network unauthorized\n{more} network home\n"),
        );
        let daemon = Daemon::start(&core.lma, &config).expect("kedged");
        Self { core, speaker, daemon, _echo: echo, _lab: lab }
    }

    fn play(&self, more: &[&str]) {
        let (echo4, echo6) = (CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string());
        let (local, anchor) = (GATEWAYS[0].2.to_string(), ANCHOR.1.to_string());
        let words = [PROGRAM, "--local", &local, "--anchor", &anchor, "--echo4", &echo4];
        let words = [&words[..], &["--echo6", &echo6, "--network4", NETWORKS[0]]].concat();
        let words = [&words[..], &["--network6", NETWORKS[1]], more].concat();
        self.speaker
            .exec("python3", &words)
            .unwrap_or_else(|e| panic!("{e}\nkedged: {}", self.daemon.log()));
    }

    /// The daemon's routes in the main table.
    fn routes(&self) -> Vec<String> {
        let list = |family| {
            let all = self.core.lma.ip(&format!("{family} route show proto 213 table main"));
            all.expect("routes").lines().map(str::to_owned).collect::<Vec<_>>()
        };
        [list("-4"), list("-6")].concat()
    }

    fn route_to(&self, net: &str) -> Option<String> {
        self.routes().into_iter().find(|route| route.split(' ').next() == Some(net))
    }

    fn json(&self, command: &str) -> Value {
        let shown = self.daemon.kedge(&format!("{command} | json")).expect("an answer");
        serde_json::from_str(&shown).expect("JSON")
    }

    /// Waits until the router's session is over.
    fn left(&self) {
        wait::until(SOON, "the routes to go", || {
            let left: Vec<_> = NETWORKS.iter().filter_map(|net| self.route_to(net)).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn hosts_in_networks_of_no_pool_are_reached_by_routes_that_go_with_the_session() {
    let mut stage = Stage::set(" mobile-route admin-distance 5\n");
    stage.play(&["--stay"]);
    for net in NETWORKS {
        let route = stage.route_to(net).expect("a route");
        assert!(route.contains("dev kedge-lma") && route.contains(METRIC), "{route}");
    }
    let bindings = stage.json("show ipv6 mobile pmipv6 lma bindings");
    let binding = &bindings["bindings"][0];
    assert_eq!(binding["mobile_network_prefixes"], serde_json::json!(NETWORKS));
    let made = |net| serde_json::json!({ "destination": net, "state": "made" });
    assert_eq!(binding["routes"], serde_json::json!(NETWORKS.map(made)));
    stage.play(&[]);
    stage.left();
    // The pools' own stay, with the same distance.
    assert!(stage.routes().len() == 2 && stage.routes().iter().all(|r| r.contains(METRIC)));
    stage.play(&["--stay"]);
    stage.daemon.stop().expect("a clean stop");
    assert_eq!(stage.routes(), Vec::<String>::new());
}

#[test]
fn a_customer_without_pools_has_what_its_routers_bring_routed_in_its_own_world() {
    let lab = Lab::new("kgnet").expect("lab");
    let core = Core::draw(&lab).expect("core");
    let (speaker, inner) = (lab.host("speaker").expect("speaker"), lab.host("inner").expect("vrf"));
    core.connect(&speaker, &GATEWAYS.map(|(_, v4, v6)| (v4, v6))).expect("speaker's cable");
    let cn = lab.host("cn1").expect("the customer's correspondent");
    Link::between(&cn, "eth0", &inner, "core1").expect("link");
    inner.router().expect("forwarding");
    for (host, device, last) in [(&cn, "eth0", 10), (&inner, "core1", 1)] {
        host.address(device, &format!("198.51.100.{last}/24")).expect("address");
        host.address(device, &format!("2001:db8:c::{last}/64")).expect("address");
    }
    cn.route("default via 198.51.100.1").expect("route");
    cn.route("default via 2001:db8:c::1").expect("route");
    let mut echo = cn.spawn("echo", "python3", &[SPEAKER, "echo"]).expect("echo");
    echo.wait_output(SOON, "the echo", |log| log.contains("listening").then_some(()))
        .expect("listening");
    let config = format!(
        "ipv6 mobile pmipv6-domain example.net\n nai @example.net\n  network any\n  \
         service dual\n  customer CUST1\n !\n!\nvrf VRF1\n netns {}\n!\n\
         ipv6 mobile pmipv6-lma lma1 domain example.net\n bce delete-wait-time 100\n \
         dynamic mag learning\n mobility-service mobile-local-loop\n  \
         customer CUST1 vrf VRF1\n   network unauthorized\n   mnp customer maximum 2\n   \
         transport\n    address ipv4 {}\n    address ipv6 {}\n   !\n  !\n !\n!\n",
        inner.namespace(),
        ANCHOR.0,
        ANCHOR.1,
    );
    let daemon = Daemon::start(&core.lma, &config).expect("kedged");
    let stage = Stage { core, speaker, daemon, _echo: echo, _lab: lab };
    let home = ["--home4", "10.77.0.5", "--home6", "2001:db8:77::"];
    stage.play(&[&home[..], &["--stay"]].concat());
    assert_eq!(stage.routes(), Vec::<String>::new(), "nothing in the daemon's own world");
    let routes = ["-4", "-6"].map(|family| {
        inner.ip(&format!("{family} route show proto 213 table main")).expect("routes")
    });
    for net in ["10.77.0.5 ", NETWORKS[0], "2001:db8:77::/64", NETWORKS[1]] {
        assert!(routes.concat().contains(net), "{net}: {routes:?}");
    }
    let globals = stage.json("show ipv6 mobile pmipv6 lma globals customer CUST1");
    let held = &globals["mobile_network_prefixes"];
    assert_eq!((&held["ipv4"], &held["ipv6"]), (&1.into(), &1.into()), "{globals}");
    assert_eq!(held["customer_maximum"]["both"], 2);
    stage.play(&home);
    wait::until(SOON, "the routes to go", || {
        let left = inner.ip("-4 route show proto 213").expect("routes");
        if left.trim().is_empty() { Ok(()) } else { Err(left) }
    })
    .unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_route_that_the_kernel_refuses_is_shown_and_harms_nobody_else() {
    let stage = Stage::set("");
    stage.core.lma.ip("route add 192.168.0.0/16 dev lo").expect("somebody's route");
    let local = GATEWAYS[0].2.to_string();
    let anchor = ANCHOR.1.to_string();
    let echo = CORRESPONDENT.1.to_string();
    // The IPv4 half does not work, which the router finds out.
    let words = [PROGRAM, "--local", &local, "--anchor", &anchor, "--echo4", "198.51.100.10"];
    let words = [&words[..], &["--echo6", &echo, "--network4", NETWORKS[0]]].concat();
    let words = [&words[..], &["--network6", NETWORKS[1], "--stay", "--patience", "3"]].concat();
    stage.speaker.exec("python3", &words).expect_err("its IPv4 network is not reached");
    assert!(stage.route_to(NETWORKS[0]).is_none() && stage.route_to(NETWORKS[1]).is_some());
    let routes = &stage.json("show ipv6 mobile pmipv6 lma globals")["routes"];
    assert_eq!((&routes["made"], &routes["refused"]), (&1.into(), &1.into()), "{routes}");
    let detail = stage.daemon.kedge("show ipv6 mobile pmipv6 lma bindings detail").expect("shown");
    let refused = "192.168.0.0/16, REFUSED: cannot add route 192.168.0.0/16";
    assert!(detail.contains(refused), "{detail}");
    assert!(detail.contains("it exists and was not made by this daemon"), "{detail}");
}

#[test]
fn routes_of_a_crash_are_gone_after_the_next_start() {
    let mut stage = Stage::set("");
    stage.play(&["--stay"]);
    stage.daemon.kill().expect("killed");
    // The device is gone with its process, and its routes with it; one that stayed is swept.
    stage.core.lma.ip("route add 192.168.0.0/16 dev core0 proto 213").expect("what a crash left");
    stage.daemon.restart().expect("a start");
    assert_eq!(stage.route_to(NETWORKS[0]), None);
    stage.play(&[]);
}

#[test]
fn each_home_address_has_a_route_when_each_is_redistributed() {
    let stage = Stage::set(" redistribute home-address host-prefix\n");
    stage.play(&["--stay"]);
    let routes = stage.routes();
    assert_eq!(routes.len(), 4, "two homes and two networks, and no pool: {routes:?}");
    let homes = ["203.0.113.", "2001:db8:100:"];
    assert!(homes.iter().all(|home| routes.iter().any(|r| r.starts_with(home))), "{routes:?}");
}

#[test]
fn home_addresses_are_reached_and_not_in_the_main_table_when_none_is_redistributed() {
    let stage = Stage::set(" redistribute home-address disable\n");
    stage.play(&["--stay"]);
    let routes = stage.routes();
    assert_eq!(routes.len(), 2, "the networks alone: {routes:?}");
    for (family, address) in [("-4", "203.0.113.77"), ("-6", "2001:db8:100:7::1")] {
        let way = stage.core.lma.ip(&format!("{family} route get {address}")).expect("a way");
        assert!(way.contains("dev kedge-lma"), "{way}");
    }
}
