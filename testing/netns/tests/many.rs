//! Hundreds of customers that come and go by one commit, each with a namespace, a device, pools and
//! an address of its own, and one that is served meanwhile.
//!
//! ```text
//!   gateways of CUST1 ════ tp1 anchor, kedged: CUST1, and CUST2 to CUST300 or none of them
//! ```

use std::{fmt::Write as _, fs, net::SocketAddr};

use kedge_lab::{
    Daemon, Host, Lab, Link,
    load::{Load, Step, Updates},
    wait::{self, SOON},
};
use kedge_wire::auth::Key;
use serde_json::Value;

const CUSTOMERS: usize = 300;
const NODES: usize = 32;
const PORT: u16 = 5436;
/// Opens the service, where customers are.
const SERVICE: &str = "ipv6 mobile pmipv6-lma LMA domain D1\n mobility-service mobile-local-loop\n";

struct Stage {
    anchor: Daemon,
    host: Host,
    worlds: Vec<Host>,
    gateway: Updates,
    // Last: it removes the rest.
    lab: Lab,
}

/// What a customer's world has of the anchor's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Held {
    has_device: bool,
    routes: usize,
    forwards: bool,
}

const WHOLE: Held = Held { has_device: true, routes: 2, forwards: true };
const NOTHING: Held = Held { has_device: false, routes: 0, forwards: false };

fn address(number: usize) -> String {
    format!("172.16.{}.{}", number / 250, number % 250 + 1)
}

impl Stage {
    /// An anchor with the first customer, and that customer's nodes.
    fn set() -> Self {
        let lab = Lab::new("kgmany").expect("lab");
        let (host, site) = (lab.host("anchor").expect("anchor"), lab.host("site").expect("site"));
        Link::between(&site, "tp0", &host, "tp1").expect("link");
        for nth in [1, 2] {
            site.address("tp0", &format!("172.31.1.{nth}/24")).expect("address");
        }
        host.address("tp1", "172.31.1.254/24").expect("address");
        site.route("172.16.0.0/16 via 172.31.1.254").expect("route");
        let mut lines = String::new();
        for number in 1..=CUSTOMERS {
            writeln!(lines, "addr add {}/32 dev tp1", address(number)).expect("text");
        }
        host.ip_batch(&lines).expect("addresses");
        let worlds = lab.worlds("v", CUSTOMERS).expect("inner worlds");
        let config = configuration(&worlds, 1..=1);
        let anchor = Daemon::start_quietly(&host, &config).expect("anchor");
        let load = Load {
            gateways: [1, 2].map(|nth| SocketAddr::from(([172, 31, 1, nth], PORT))),
            anchor: format!("{}:{PORT}", address(1)).parse().expect("an address"),
            bindings: NODES,
            realm: "cust1".to_owned(),
            key: Key::new(0x100, b"secret-of-cust1"),
        };
        let sockets = site.inside(|| load.open()).expect("gateways");
        let mut gateway = Updates::new(load, sockets).patient(SOON);
        let count = gateway.run(Step::Register, 0..NODES).expect("updates");
        assert_eq!(count.accepted, NODES as u64, "{}", anchor.log());
        Self { anchor, host, worlds, gateway, lab }
    }

    fn commit(&self, lines: &str) -> Result<String, String> {
        let said = self.anchor.script(&format!("configure\n{lines}commit\n"));
        said.map_err(|error| error.to_string())
    }

    /// What each world but the first has.
    fn held(&self) -> Vec<Held> {
        self.worlds[1..].iter().map(held).collect()
    }

    /// Waits until all worlds but the first have nothing of the anchor's; devices go a moment after
    /// the commit is answered.
    fn wait_nothing(&self) {
        wait::until(SOON, "all worlds to be left", || {
            let rest = self.held().into_iter().filter(|held| *held != NOTHING).count();
            if rest == 0 { Ok(()) } else { Err(format!("{rest} are not")) }
        })
        .unwrap_or_else(|e| panic!("{e}\n{}", self.anchor.log()));
    }

    /// The first customer's bindings, without what time alone changes.
    fn bindings(&self) -> Vec<[Value; 3]> {
        let shown = self.anchor.kedge("show ipv6 mobile pmipv6 lma bindings customer CUST1 | json");
        let shown: Value = serde_json::from_str(&shown.expect("an answer")).expect("JSON");
        let list = shown["bindings"].as_array().expect("a list").iter();
        list.map(|binding| ["id", "mn_id", "state"].map(|key| binding[key].clone())).collect()
    }

    /// How many rules the anchor's own world has.
    fn rules(&self) -> usize {
        self.host.ip("rule show").expect("rules").lines().count()
    }
}

fn held(world: &Host) -> Held {
    // A process has files of its first thread under /proc/self.
    let read = |file: &str| fs::read_to_string(format!("/proc/thread-self/net/{file}"));
    let lines = |text: String| text.lines().filter(|line| line.contains("kedge-lma")).count();
    let look = || {
        // The kernel adds routes of its own to an IPv6 device: one of multicast, one of its name.
        let of_pool =
            |line: &&str| line.starts_with("2002001000100000") || line.starts_with("2002");
        let ipv6 = read("ipv6_route")?;
        let ipv6 = ipv6.lines().filter(of_pool).filter(|line| line.contains("kedge-lma")).count();
        let forwarding = fs::read_to_string("/proc/sys/net/ipv4/conf/all/forwarding")?;
        Ok(Held {
            has_device: lines(read("dev")?) == 1,
            routes: lines(read("route")?) + ipv6,
            forwards: forwarding.trim() == "1",
        })
    };
    world.inside(look).expect("a world")
}

fn customers(numbers: impl Iterator<Item = usize>) -> String {
    numbers
        .map(|number| {
            format!(
                "  customer CUST{number} vrf V{number}\n   bce lifetime 3000\n   \
                 auth-option spi 100 key ascii secret-of-cust{number}\n   \
                 network authorized CUST{number}\n    \
                 pool mobile-node ipv4 start-address 10.10.10.1 pool-prefix 24\n    \
                 pool mobile-node ipv6 start-address 2002:10:10:1::1 pool-prefix 48\n   !\n   \
                 transport\n    address ipv4 {}\n   !\n  !\n",
                address(number)
            )
        })
        .collect()
}

fn configuration(worlds: &[Host], numbers: std::ops::RangeInclusive<usize>) -> String {
    let mut text = String::new();
    for number in numbers.clone() {
        let namespace = worlds[number - 1].namespace();
        writeln!(text, "vrf V{number}\n netns {namespace}\n!").expect("text");
    }
    text += "ipv6 mobile pmipv6-domain D1\n lma LMA\n !\n";
    for number in numbers.clone() {
        writeln!(
            text,
            " nai @cust{number}\n  lma LMA\n  network CUST{number}\n  service dual\n  \
             customer CUST{number}\n !"
        )
        .expect("text");
    }
    text += "!\nipv6 mobile pmipv6-lma LMA domain D1\n bce maximum 128000\n dynamic mag learning\n \
             mobility-service mobile-local-loop\n";
    text + &customers(numbers) + " !\n!\n"
}

fn without(numbers: std::ops::RangeInclusive<usize>) -> String {
    let each = |line: &dyn Fn(usize) -> String| numbers.clone().map(line).collect::<String>();
    format!(
        "{SERVICE}{}!\nipv6 mobile pmipv6-domain D1\n{}!\n{}",
        each(&|number| format!("  no customer CUST{number}\n")),
        each(&|number| format!(" no nai @cust{number}\n")),
        each(&|number| format!("no vrf V{number}\n")),
    )
}

#[test]
fn hundreds_of_customers_come_and_go_by_one_commit_and_the_first_does_not_notice() {
    let mut stage = Stage::set();
    let (bindings, rules) = (stage.bindings(), stage.rules());
    assert_eq!(bindings.len(), NODES);
    let all = configuration(&stage.worlds, 2..=CUSTOMERS);

    // One of them cannot be: nobody comes.
    stage.host.ip(&format!("addr del {}/32 dev tp1", address(CUSTOMERS))).expect("address");
    let refused = stage.commit(&all).expect_err("an address is missing");
    assert!(refused.contains(&address(CUSTOMERS)), "{refused}");
    stage.wait_nothing();
    assert_eq!(stage.rules(), rules);
    stage.host.ip(&format!("addr add {}/32 dev tp1", address(CUSTOMERS))).expect("address");

    stage.commit(&all).unwrap_or_else(|e| panic!("{e}\n{}", stage.anchor.log()));
    assert!(stage.held().iter().all(|held| *held == WHOLE), "{:?}", stage.held());
    assert_eq!(stage.rules(), rules + CUSTOMERS - 1);
    let shown = stage.anchor.kedge("show running-config").expect("an answer");
    assert_eq!(shown.matches("  customer CUST").count(), 2 * CUSTOMERS, "in profiles, too");
    let count = stage.gateway.run(Step::Refresh, 0..NODES).expect("updates");
    assert_eq!((count.accepted, stage.bindings()), (NODES as u64, bindings.clone()));

    stage.commit(&without(2..=CUSTOMERS)).unwrap_or_else(|e| panic!("{e}"));
    stage.wait_nothing();
    assert_eq!(stage.rules(), rules);
    // They come again while their devices may still be going.
    stage.anchor.kedge("rollback configuration last 1").unwrap_or_else(|e| panic!("{e}"));
    assert!(stage.held().iter().all(|held| *held == WHOLE), "{:?}", stage.held());
    let count = stage.gateway.run(Step::Refresh, 0..NODES).expect("updates");
    assert_eq!((count.accepted, stage.bindings()), (NODES as u64, bindings));

    stage.anchor.stop().unwrap_or_else(|e| panic!("{e}"));
    stage.wait_nothing();
    assert_eq!(held(&stage.worlds[0]), NOTHING);
    stage.lab.close().expect("nothing is left behind");
}
