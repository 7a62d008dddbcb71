//! Mobile local loop on the real kernel: the configuration of the vendor's document, with customers
//! whose routing worlds are namespaces and whose subscribers, correspondents and addresses are the
//! same.
//!
//! ```text
//!   cn1 ── core0 VRF1 ┐                 ┌ tp0 ── mag1 ── air ── mn1   node@CUST1
//!                     ├ kedged CUSTSP ══╡
//!   cn2 ── core0 VRF2 ┘ (on lma)        └ tp0 ── mag2 ── air ── mn2   node@CUST2
//!
//!   15.15.15.2, 2002:15::2 are the anchor's addresses for CUST1; 16.16.16.2, 2002:16::2 for CUST2
//!   198.51.100.10 is both correspondents' address; 10.10.10.2 is both nodes', and so is their MAC
//! ```

use std::{net::Ipv4Addr, time::Duration};

use kedge_lab::{
    Capture, Daemon, FreeRadius, Host, Lab, Link, MobileNode, Ping, Switch,
    detail::Record,
    freeradius::Setup,
    ping,
    wait::{self, SOON},
};
use serde_json::Value;

/// The vendor document's example.
const DOCUMENT: &str = include_str!("../../../crates/config/tests/examples/xr-vrf-aware-lma.txt");
const MAC: &str = "02:00:5e:10:00:01";
const CORRESPONDENT: &str = "198.51.100.10";
/// Octets of a ping's data tell whose it is.
const SIZES: [&str; 2] = ["101", "202"];
const PACE: Duration = Duration::from_millis(100);

/// A stage with two customers, each with a gateway, a node and a correspondent.
struct Stage {
    anchor: Daemon,
    mags: Vec<Daemon>,
    nodes: Vec<MobileNode>,
    inner: Vec<Host>,
    custsp: Host,
    lma: Host,
    // Last: it removes the rest.
    lab: Lab,
}

/// The customer's part of the document's example. `key` is what only its gateways have.
fn customer(number: usize, key: &str) -> String {
    let net = number + 14;
    format!(
        "  customer CUST{number} vrf VRF{number}\n   bce lifetime 300\n   \
         heartbeat interval 30 retries 10 timeout 10\n   auth-option spi 100 key ascii {key}\n   \
         network authorized CUST{number}\n    \
         pool mobile-node ipv4 start-address 10.10.10.1 pool-prefix 24\n    \
         pool mobile-node ipv6 start-address 2002:10:10:1::1 pool-prefix 48\n   !\n   \
         transport vrf CUSTSP\n    address ipv4 {net}.{net}.{net}.2\n    \
         address ipv6 2002:{net}::2\n   !\n  !\n"
    )
}

fn profile(number: usize) -> String {
    format!(
        " nai @CUST{number}\n  lma LMA\n  network CUST{number}\n  service dual\n  \
         customer CUST{number}\n !\n"
    )
}

fn vrf(name: &str, host: &Host) -> String {
    format!("vrf {name}\n netns {}\n!\n", host.namespace())
}

const SERVICE: &str = "ipv6 mobile pmipv6-lma LMA domain D1\n mobility-service mobile-local-loop\n";

fn key(number: usize) -> String {
    format!("secret-of-cust{number}")
}

impl Stage {
    fn set() -> Self {
        let lab = Lab::new("kgcust").expect("lab");
        let net = Switch::new(&lab, "net", &["transport"]).expect("transport");
        let air = Switch::new(&lab, "air", &["mag1", "mag2"]).expect("air");
        let (lma, custsp) = (lab.host("lma").expect("lma"), lab.host("custsp").expect("custsp"));
        net.plug(&custsp, "tp0", "transport").expect("transport");
        let (mut mags, mut nodes, mut inner) = (Vec::new(), Vec::new(), Vec::new());
        for number in 1..=3 {
            let world = lab.host(&format!("vrf{number}")).expect("inner world");
            let cn = lab.host(&format!("cn{number}")).expect("correspondent");
            Link::between(&cn, "eth0", &world, "core0").expect("link");
            cn.address("eth0", "198.51.100.10/24").expect("address");
            cn.route("default via 198.51.100.1").expect("route");
            world.router().expect("router");
            world.address("core0", "198.51.100.1/24").expect("address");
            inner.push(world);
            let net = number + 14;
            custsp.address("tp0", &format!("{net}.{net}.{net}.2/24")).expect("address");
            custsp.address("tp0", &format!("2002:{net}::2/64")).expect("address");
        }
        let config = format!(
            "{}{}{}{}ipv6 mobile pmipv6-domain D1\n lma LMA\n !\n{}{}!\n\
             ipv6 mobile pmipv6-lma LMA domain D1\n bce maximum 128000\n dscp control-plane 45\n \
             dynamic mag learning\n mobility-service mobile-local-loop\n{}{} !\n!\n",
            vrf("VRF1", &inner[0]),
            vrf("VRF2", &inner[1]),
            vrf("VRF3", &inner[2]),
            vrf("CUSTSP", &custsp),
            profile(1),
            profile(2),
            customer(1, &key(1)),
            customer(2, &key(2)),
        );
        let anchor = Daemon::start(&lma, &config).expect("anchor");
        for number in 1..=2 {
            let name = format!("mag{number}");
            let mag = lab.host(&name).expect("gateway");
            mag.router().expect("router");
            net.plug(&mag, "tp0", "transport").expect("transport");
            let at = number + 14;
            mag.address("tp0", &format!("2002:{at}::11/64")).expect("address");
            air.plug(&mag, "acc0", &name).expect("access");
            let config = format!(
                "ipv6 mobile pmipv6-domain D1\n auth-option spi 100 key ascii {}\n nai @CUST{number}\n  \
                 service dual\n !\n!\nipv6 mobile pmipv6-mag {name} domain D1\n \
                 address ipv6 2002:{at}::11\n lma LMA D1\n  ipv6-address 2002:{at}::2\n !\n \
                 interface acc0\n !\n mobile-node mac 0200.5e10.0001 nai node@CUST{number}\n!\n",
                key(number),
            );
            mags.push(Daemon::start(&mag, &config).expect("gateway"));
            let mut node = MobileNode::new(&lab, &air, &format!("mn{number}"), MAC).expect("node");
            node.port().plug_into(&name).expect("attach");
            node.start_dhcp().expect("dhcp");
            nodes.push(node);
        }
        Self { anchor, mags, nodes, inner, custsp, lma, lab }
    }

    /// Every node's IPv4 address, once it has one.
    fn addresses(&self) -> Vec<Ipv4Addr> {
        let address = |node: &MobileNode| {
            node.wait_ipv4(SOON).unwrap_or_else(|e| panic!("{e}\n{}", self.anchor.log()))
        };
        self.nodes.iter().map(address).collect()
    }

    fn pings(&self) -> Vec<Ping> {
        let ping = |node: &MobileNode| {
            let ping = Ping::start(node.host(), "ping", CORRESPONDENT, PACE).expect("ping");
            ping.wait_steady(SOON, 0, 3).unwrap_or_else(|e| panic!("{e}\n{}", self.anchor.log()));
            ping
        };
        self.nodes.iter().map(ping).collect()
    }

    fn commit(&self, lines: &str) -> String {
        let said = self.anchor.script(&format!("configure\n{lines}commit\n"));
        said.unwrap_or_else(|e| panic!("{lines}{e}\n{}", self.anchor.log()))
    }

    /// The anchor's bindings as (customer, subscriber, state).
    fn bindings(&self) -> Vec<(String, String, String)> {
        let shown = self.json("show ipv6 mobile pmipv6 lma bindings");
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let list = shown["bindings"].as_array().expect("a list").iter();
        list.map(|b| (text(&b["customer"]), text(&b["mn_id"]), text(&b["state"]))).collect()
    }

    fn json(&self, command: &str) -> Value {
        let shown = self.anchor.kedge(&format!("{command} | json")).expect("an answer");
        serde_json::from_str(&shown).expect("JSON")
    }
}

fn active(customer: &str) -> (String, String, String) {
    (customer.to_owned(), format!("node@{customer}"), "active".to_owned())
}

#[test]
fn two_customers_have_the_same_subscriber_address_and_neither_sees_the_other() {
    let stage = Stage::set();
    let addresses = stage.addresses();
    assert_eq!(addresses[0], addresses[1], "both customers have the same pool");
    let address = addresses[0].to_string();
    assert_eq!(stage.bindings(), [active("CUST1"), active("CUST2")]);

    let inner: Vec<Capture> = stage.inner[..2]
        .iter()
        .map(|world| Capture::start(world, "core0", "icmp").expect("capture"))
        .collect();
    let outer = Capture::start(&stage.custsp, "tp0", "ip6").expect("capture");
    for (node, size) in stage.nodes.iter().zip(SIZES) {
        ping::one_by_one(node.host(), CORRESPONDENT, 5, &["-s", size]).expect("answers");
    }
    for (place, capture) in inner.into_iter().enumerate() {
        let recording = capture.stop().expect("recording");
        // 20 and 8 octets of headers are before the data.
        let total = |size: &str| {
            let octets = size.parse::<u32>().expect("a number") + 28;
            recording.count(&format!("ip.len == {octets} && ip.addr == {address}")).expect("count")
        };
        assert_eq!(total(SIZES[place]), 10, "five questions and five answers of its own");
        assert_eq!(total(SIZES[1 - place]), 0, "nothing of the other customer");
    }
    let outer = outer.stop().expect("recording");
    let between = |at: u32, from: u32| {
        let pair = format!("(ipv6.addr == 2002:{at}::2 && ipv6.addr == 2002:{from}::11)");
        outer.count(&format!("{pair} && icmp")).expect("count")
    };
    assert_eq!([between(15, 15), between(16, 16)], [10, 10]);
    assert_eq!([between(15, 16), between(16, 15)], [0, 0], "no tunnel crosses");

    // Each can be asked for on its own, and counts its own.
    let one = stage.json("show ipv6 mobile pmipv6 lma bindings customer CUST2");
    assert_eq!(
        (one["total"].as_u64(), &one["bindings"][0]["customer"]),
        (Some(1), &"CUST2".into())
    );
    let accepted = |of: &str| {
        let groups = stage.json(&format!("show lma-service statistics{of}"));
        groups["binding_updates_received"]["accepted"].as_u64().expect("a number")
    };
    let [first, second] = [" customer CUST1", " customer CUST2"].map(accepted);
    assert!(first > 0 && second > 0 && first + second == accepted(""));
    let license = stage.json("show ipv6 mobile pmipv6 lma statistics license");
    assert_eq!(license["peak_bindings"], 2);
    let license = stage.json("show ipv6 mobile pmipv6 lma statistics license customer CUST1");
    assert_eq!((&license["bindings"], &license["customer"]["bindings"]), (&2.into(), &1.into()));
    let missed = stage.anchor.kedge("show radius customer cust1").expect_err("no such").to_string();
    assert!(missed.contains("no customer has the name cust1"), "{missed}");
    assert!(missed.contains("allowed: CUST1, CUST2"), "{missed}");
    // What is captured of one is not of the other.
    stage.anchor.kedge("capture start customer CUST2 file two").expect("a capture");
    for gateway in &stage.mags {
        gateway.kedge("clear ipv6 mobile pmipv6 mag bindings all").expect("ended");
    }
    // Both have said so, and the one that is captured has heard the answer.
    wait::until(SOON, "the gateways to be answered", || {
        let told = [" customer CUST1", " customer CUST2"].map(|of| {
            let groups = stage.json(&format!("show lma-service statistics{of}"));
            groups["binding_updates_deregistration"]["accepted"].as_u64()
        });
        if told.iter().all(|count| *count >= Some(1)) { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .unwrap_or_else(|e| panic!("{e}"));
    let captured = stage.json("capture stop");
    assert_eq!(captured["of"], "customer CUST2");
    let file = captured["file"].as_str().expect("a path");
    let of = |filter: &str| {
        let read = stage.lma.exec("tshark", &["-r", file, "-Y", filter]).expect("tshark");
        read.lines().count()
    };
    assert!(of("ipv6.addr == 2002:16::11") >= 2, "an update and its answer");
    assert_eq!(of("ipv6.addr == 2002:15::11"), 0);
    stage.lab.close().expect("nothing is left behind");
}

#[test]
fn each_customers_traffic_is_accounted_for_in_its_name() {
    let stage = Stage::set();
    let address = stage.addresses()[0].to_string();
    stage.lma.address("lo", "10.10.10.2/32").expect("the document's server");
    // What 094F471A1A0A hides.
    let (ports, secret) = ((1645, 1646), "cisco");
    let at = Ipv4Addr::new(10, 10, 10, 2).into();
    let setup = Setup { at, ports, secret, client: Some(at), ..Setup::default() };
    let bookkeeper = FreeRadius::start(&stage.lma, &setup).expect("FreeRADIUS");
    let radius = DOCUMENT.lines().skip_while(|line| !line.starts_with("radius-server host"));
    let radius: Vec<&str> = radius.take(4).collect();
    assert_eq!(radius.last(), Some(&" aaa accounting mobile default group radius"), "{radius:?}");
    stage.commit(&format!(
        "{}\nipv6 mobile pmipv6-lma LMA domain D1\n aaa accounting interim 2\n!\n",
        radius.join("\n")
    ));
    for (node, size) in stage.nodes.iter().zip(SIZES) {
        ping::one_by_one(node.host(), CORRESPONDENT, 5, &["-s", size]).expect("answers");
    }
    let counted = stage.json("show radius accounting");
    assert_eq!((&counted["node_sessions"], &counted["tunnel_sessions"]), (&2.into(), &2.into()));
    let starts = || {
        ["", " customer CUST1", " customer CUST2"].map(|of| {
            let shown = stage.json(&format!("show radius accounting{of}"));
            let sessions = ["node_sessions", "tunnel_sessions"].map(|key| shown[key].as_u64());
            (sessions, shown["counters"]["accounting"]["starts"].as_u64())
        })
    };
    let [two, one] = [2, 1].map(|count| [Some(count), Some(count)]);
    assert_eq!(starts(), [(two, Some(4)), (one, Some(2)), (one, Some(2))]);
    stage.anchor.kedge("clear radius statistics customer CUST1").expect("clear");
    assert_eq!(starts(), [(two, Some(4)), (one, Some(0)), (one, Some(2))]);
    for number in 1..=2 {
        let clear = format!("clear ipv6 mobile pmipv6 lma bindings nai node@CUST{number}");
        stage.anchor.kedge(&clear).expect("clear");
    }
    let is_end = |record: &&Record, name: &str| {
        record.status() == "Stop" && record.get("Tunnel-Private-Group-Id") == name
    };
    let records = bookkeeper
        .wait_records("a node's and a tunnel's Stop of both", |records| {
            let ends = |name| records.iter().filter(|record| is_end(record, name)).count();
            [ends("CUST1"), ends("CUST2")] == [2, 2]
        })
        .unwrap_or_else(|e| panic!("{e}\n{:#?}\n{}", bookkeeper.records(), stage.anchor.log()));
    for (number, size) in (1..=2).zip(SIZES) {
        let name = format!("CUST{number}");
        let ends: Vec<&Record> = records.iter().filter(|r| is_end(r, &name)).collect();
        // 20 and 8 octets of headers are before the data of each of five pings.
        let octets = 5 * (size.parse::<u64>().expect("a number") + 28);
        for record in &ends {
            assert_eq!((record.octets("Input"), record.octets("Output")), (octets, octets));
        }
        let user = format!("node@{name}");
        let node = ends.iter().find(|record| record.get("User-Name") == user).expect("the node's");
        assert_eq!(node.get("Framed-IP-Address"), address);
        let net = number + 14;
        assert_eq!(node.get("PMIP6-Home-LMA-IPv6-Address"), format!("2002:{net}::2"));
    }
    stage.lab.close().expect("nothing is left behind");
}

/// RFC 5176 §3.5: what two customers have in common does not say whose session is meant.
#[test]
fn a_server_that_ends_a_session_says_which_customers_it_is_where_it_could_be_two() {
    let stage = Stage::set();
    let address = stage.addresses()[0];
    stage.commit("aaa server radius dynamic-author\n client 127.0.0.1 server-key 0 change\n!\n");
    let disconnect = |customer: &str| {
        let line = format!(
            "printf 'Framed-IP-Address = {address}\\n{customer}' \
             | radclient -x -r 1 -t 60 127.0.0.1:3799 disconnect change 2>&1"
        );
        stage.lma.exec("sh", &["-c", &line]).map_err(|error| error.to_string())
    };
    let revoked = |customer: &str| {
        let groups = stage.json(&format!("show lma-service statistics customer {customer}"));
        groups["binding_revocation"]["sent"].as_u64().expect("a number")
    };
    let said = disconnect("").expect_err("either could be meant");
    assert!(said.contains("Multiple-Session-Selection-Unsupported"), "{said}");
    let said = disconnect("Tunnel-Private-Group-Id = \"CUST3\"\\n").expect_err("has no session");
    assert!(said.contains("Session-Context-Not-Found"), "{said}");
    assert_eq!(["CUST1", "CUST2"].map(revoked), [0, 0]);
    disconnect("Tunnel-Private-Group-Id = \"CUST1\"\\n").expect("a Disconnect-ACK");
    assert_eq!(["CUST1", "CUST2"].map(revoked), [1, 0]);
    assert!(stage.bindings().contains(&active("CUST2")));
    stage.lab.close().expect("nothing is left behind");
}

#[test]
fn a_customer_comes_and_another_goes_and_the_flows_of_the_third_lose_nothing() {
    let mut stage = Stage::set();
    stage.addresses();
    let pings = stage.pings();
    let before: Vec<u64> = pings.iter().map(Ping::newest).collect();
    let said = stage.commit(&format!(
        "ipv6 mobile pmipv6-domain D1\n{}!\n{SERVICE}{}",
        profile(3),
        customer(3, &key(3)),
    ));
    assert!(!said.contains("end"), "no binding ends: {said}");
    let after: Vec<u64> = pings
        .iter()
        .zip(&before)
        .map(|(ping, newest)| ping.wait_steady(SOON, *newest, 10).expect("it goes on"))
        .collect();
    for ((ping, from), to) in pings.iter().zip(&before).zip(&after) {
        assert_eq!(ping.span(*from, *to).lost, 0, "a customer that comes disturbs nobody");
    }
    assert_eq!(stage.bindings(), [active("CUST1"), active("CUST2")]);
    let globals = stage.json("show ipv6 mobile pmipv6 lma globals customer CUST3");
    assert_eq!(globals["customer"], "CUST3");

    let newest = pings[1].newest();
    let profile = "ipv6 mobile pmipv6-domain D1\n no nai @CUST1\n!\n";
    let said = stage.commit(&format!("{profile}{SERVICE}  no customer CUST1 vrf VRF1\n"));
    assert!(said.contains("1 binding of the anchor ends"), "{said}");
    wait::until(SOON, "the removed customer's binding to end, and only that", || {
        let left = stage.bindings();
        if left == [active("CUST2")] { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .unwrap_or_else(|e| panic!("{e}\n{}", stage.anchor.log()));
    let to = pings[1].wait_steady(SOON, newest, 10).expect("it goes on");
    assert_eq!(pings[1].span(newest, to).lost, 0, "a customer that goes disturbs nobody");
    assert!(stage.anchor.log().contains("CUST1"), "{}", stage.anchor.log());
    for mag in &mut stage.mags {
        mag.stop().expect("gateway");
    }
    stage.anchor.stop().expect("anchor");
    for world in &stage.inner {
        assert!(!world.ip("link").expect("links").contains("kedge"), "no device is left");
    }
}
