//! The vendor document's example of an anchor with two customers, word for word, with what it leaves
//! out in front: where its VRFs are in Linux. Both customers have the same addresses throughout.
//!
//! ```text
//!   cn1 ── core0 VRF1 ┐                       ┌ tp0 ── br1 ── lan0 ── h1   branch@CUST1
//!                     ├ kedged (lma) CUSTSP ══╡
//!   cn2 ── core0 VRF2 ┘    │                  └ tp0 ── br2 ── lan0 ── h2   branch@CUST2
//!                         aaa  10.10.10.2, FreeRADIUS
//!
//!   CUST1 takes what is sent (15.15.15.2, UDP over IPv4, with a key), CUST2 has pools (2002:16::2,
//!   IPv6, without). Each router is 10.10.10.2, each branch 20.20.20.16/28 and 2002:20:0:1::/64, each
//!   correspondent 198.51.100.10
//! ```

use std::{net::Ipv4Addr, time::Duration};

use kedge_lab::{
    Capture, Daemon, FreeRadius, Host, Lab, Link, Ping, Recording, Switch,
    detail::Record,
    freeradius::Setup,
    wait::{self, SOON},
};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../crates/config/tests/examples/xr-vrf-aware-lma.txt");
const PACE: Duration = Duration::from_millis(100);
const CORRESPONDENT: [&str; 2] = ["198.51.100.10", "2001:db8:c::10"];
const BRANCH: [&str; 2] = ["20.20.20.18", "2002:20:0:1::18"];
/// Octets of a ping's data tell whose it is.
const SIZES: [&str; 2] = ["101", "202"];

struct Stage {
    anchor: Daemon,
    bookkeeper: FreeRadius,
    routers: Vec<Daemon>,
    hosts: Vec<Host>,
    correspondents: Vec<Host>,
    custsp: Host,
    // Last: it removes the rest.
    lab: Lab,
}

/// A link on which each packet is seen as long as it is.
fn link(a: (&Host, &str), b: (&Host, &str)) {
    Link::between(a.0, a.1, b.0, b.1).expect("link");
    for (host, device) in [a, b] {
        host.offload(device, "tso off gso off tx-udp-segmentation off gro off").expect("offloads");
    }
}

fn addressed(host: &Host, device: &str, addresses: &[&str]) {
    addresses.iter().for_each(|address| host.address(device, address).expect("address"));
}

impl Stage {
    fn set() -> Self {
        let lab = Lab::new("kgdoc").expect("lab");
        let host = |name: &str| lab.host(name).expect("host");
        let net = Switch::new(&lab, "net", &["transport"]).expect("transport");
        let (lma, custsp, aaa) = (host("lma"), host("custsp"), host("aaa"));
        net.plug(&custsp, "tp0", "transport").expect("transport");
        let anchors = ["15.15.15.2/24", "2002:15::2/64", "16.16.16.2/24", "2002:16::2/64"];
        addressed(&custsp, "tp0", &anchors);
        link((&lma, "mgmt0"), (&aaa, "eth0"));
        addressed(&lma, "mgmt0", &["10.10.10.9/24"]);
        addressed(&aaa, "eth0", &["10.10.10.2/24"]);
        // What 094F471A1A0A hides.
        let (ports, secret) = ((1645, 1646), "cisco");
        let at = Ipv4Addr::new(10, 10, 10, 2).into();
        let setup = Setup { at, ports, secret, ..Setup::default() };
        let bookkeeper = FreeRadius::start(&aaa, &setup).expect("FreeRADIUS");

        let mut worlds = format!("vrf CUSTSP\n netns {}\n!\n", custsp.namespace());
        let (mut correspondents, mut hosts) = (Vec::new(), Vec::new());
        for number in 1..=2 {
            let (inner, cn) = (host(&format!("vrf{number}")), host(&format!("cn{number}")));
            link((&cn, "eth0"), (&inner, "core0"));
            inner.router().expect("router");
            addressed(&inner, "core0", &["198.51.100.1/24", "2001:db8:c::1/64"]);
            addressed(&cn, "eth0", &["198.51.100.10/24", "2001:db8:c::10/64"]);
            cn.route("default via 198.51.100.1").expect("route");
            cn.route("default via 2001:db8:c::1").expect("route");
            worlds += &format!("vrf VRF{number}\n netns {}\n!\n", inner.namespace());
            correspondents.push(cn);
        }
        let anchor = Daemon::start(&lma, &format!("{worlds}{DOCUMENT}")).expect("anchor");

        let ways = [
            ("15.15.15.11/24", "ipv4 15.15.15.11", "ipv4-address 15.15.15.2", XYZ123),
            ("2002:16::11/64", "ipv6 2002:16::11", "ipv6-address 2002:16::2", ""),
        ];
        let mut routers = Vec::new();
        for (number, (own, address, anchor, key)) in (1..).zip(ways) {
            let (router, branch) = (host(&format!("br{number}")), host(&format!("h{number}")));
            router.router().expect("router");
            net.plug(&router, "tp0", "transport").expect("transport");
            addressed(&router, "tp0", &[own]);
            link((&branch, "eth0"), (&router, "lan0"));
            addressed(&router, "lan0", &["20.20.20.17/28", "2002:20:0:1::17/64"]);
            addressed(&branch, "eth0", &["20.20.20.18/28", "2002:20:0:1::18/64"]);
            branch.route("default via 20.20.20.17").expect("route");
            branch.route("default via 2002:20:0:1::17").expect("route");
            router.ip("link add home0 type bridge").expect("home interface");
            router.ip("link set home0 up").expect("home interface");
            addressed(&router, "home0", &["10.10.10.2/32", "2002:10:10:1::2/64"]);
            let config = format!(
                "ipv6 mobile pmipv6-domain D1\n{key} nai @CUST{number}\n  service dual\n !\n!\n\
                 ipv6 mobile pmipv6-mag br{number} domain D1\n address {address}\n \
                 logical-mn branch@CUST{number}\n  home interface home0\n  \
                 mobile network lan0\n  service dual\n !\n \
                 mobility-service mobile-local-loop\n  reverse-tunnel default-route\n !\n \
                 lma LMA D1\n  {anchor}\n !\n!\n"
            );
            routers.push(Daemon::start(&router, &config).expect("router"));
            hosts.push(branch);
        }
        Self { anchor, bookkeeper, routers, hosts, correspondents, custsp, lab }
    }

    fn json(&self, command: &str) -> Value {
        let shown = self.anchor.kedge(&format!("{command} | json")).expect("an answer");
        serde_json::from_str(&shown).expect("JSON")
    }

    fn logs(&self) -> String {
        let routers: String = self.routers.iter().map(Daemon::log).collect();
        format!("anchor: {}\nrouters: {routers}", self.anchor.log())
    }
}

/// The domain's key of the customer that has one.
const XYZ123: &str = " auth-option spi 100 key ascii xyz123\n";

/// The octets of the IP packets of a recording that match.
fn octets(recording: &Recording, filter: &str) -> u64 {
    let filter =
        format!("({filter}) && !icmpv6.nd.ns.target_address && !icmpv6.nd.na.target_address");
    let rows = recording.decode(&filter, &["ip.len", "ipv6.plen"]).expect("decoded");
    let number = |field: &str| field.parse::<u64>().ok();
    let length = |row: &Vec<String>| {
        number(&row[0]).or(number(&row[1]).map(|payload| payload + 40)).expect("an IP packet")
    };
    rows.iter().map(length).sum()
}

#[test]
fn the_documents_customers_have_the_same_addresses_and_are_served_and_billed_apart() {
    let stage = Stage::set();
    for host in &stage.hosts {
        for address in CORRESPONDENT {
            let ping = Ping::start(host, &format!("ping-{address}"), address, PACE).expect("ping");
            ping.wait_steady(SOON, 0, 3).unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
            ping.stop().expect("stop");
        }
    }
    let bindings = stage.json("show ipv6 mobile pmipv6 lma bindings detail");
    let bindings = bindings["bindings"].as_array().expect("a list");
    for (number, binding) in (1..).zip(bindings) {
        assert_eq!(binding["customer"], format!("CUST{number}"));
        assert_eq!(binding["ipv4_home_address"]["address"], "10.10.10.2", "{binding}");
        let networks = serde_json::json!(["20.20.20.16/28", "2002:20:0:1::/64"]);
        assert_eq!(binding["mobile_network_prefixes"], networks, "{binding}");
        assert_eq!(binding["lifetime_seconds"], [300, 3600][number - 1], "{binding}");
    }
    assert_eq!(bindings.len(), 2);

    // From here on every packet is on a recording. Sessions begin anew, and their accounts with them.
    stage.anchor.kedge("clear ipv6 mobile pmipv6 lma bindings all").expect("clear");
    let capture = |host: &Host, device: &str, filter: &str| {
        Capture::start(host, device, filter).expect("capture")
    };
    let outer = capture(&stage.custsp, "tp0", "");
    let inner: Vec<Capture> =
        stage.correspondents.iter().map(|cn| capture(cn, "eth0", "")).collect();
    let branches: Vec<Capture> = stage.hosts.iter().map(|h| capture(h, "eth0", "")).collect();
    let began = |customer: usize| {
        let shown = stage.json(&format!("show radius accounting customer CUST{customer}"));
        shown["node_sessions"] == 1
    };
    wait::until(SOON, "both sessions", || match [1, 2].map(began) {
        [true, true] => Ok(()),
        other => Err(format!("{other:?}\n{}", stage.logs())),
    })
    .unwrap_or_else(|e| panic!("{e}"));
    for router in &stage.routers {
        wait::until(SOON, "the router to know of it", || {
            let shown = router.kedge("show ipv6 mobile pmipv6 mag bindings | json").expect("shown");
            let shown: Value = serde_json::from_str(&shown).expect("JSON");
            if shown["bindings"][0]["state"] == "active" { Ok(()) } else { Err(shown.to_string()) }
        })
        .unwrap_or_else(|e| panic!("{e}"));
    }
    for (place, host) in stage.hosts.iter().enumerate() {
        for address in CORRESPONDENT {
            let words = ["-c", "5", "-i", "0.2", "-W", "30", "-s", SIZES[place], address];
            let said = host.exec("ping", &words);
            assert!(said.as_ref().is_ok_and(|s| s.contains(" 0% packet loss")), "{said:?}");
        }
        // Both directions of both families, one after the other: what is carried is what arrives.
        let mut server = stage.correspondents[place]
            .spawn("iperf3", "iperf3", &["-s", "--forceflush"])
            .expect("server");
        server
            .wait_output(SOON, "the server", |said| said.contains("listening").then_some(()))
            .expect("server");
        for address in CORRESPONDENT {
            for back in [&[][..], &["-R"]] {
                let words = [&["-c", address, "-n", "200K", "-b", "4M"], back].concat();
                host.exec("iperf3", &words).unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
            }
        }
        drop(server);
    }
    for number in 1..=2 {
        let clear = format!("clear ipv6 mobile pmipv6 lma bindings customer CUST{number}");
        stage.anchor.kedge(&clear).expect("clear");
    }
    let ends = |records: &[Record], customer: &str| -> Vec<Record> {
        let is_end =
            |r: &&Record| r.status() == "Stop" && r.get("Tunnel-Private-Group-Id") == customer;
        records.iter().filter(is_end).cloned().collect()
    };
    let records = stage
        .bookkeeper
        .wait_records("two Stops of each node and each tunnel", |records| {
            ["CUST1", "CUST2"].iter().all(|customer| ends(records, customer).len() >= 4)
        })
        .unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
    let wires: Vec<Recording> = inner.into_iter().map(|c| c.stop().expect("recording")).collect();
    for (place, wire) in wires.iter().enumerate() {
        let branch = "(ip.addr == 20.20.20.18 || ipv6.addr == 2002:20:0:1::18)";
        let sent = octets(wire, "ip.src == 20.20.20.18 || ipv6.src == 2002:20:0:1::18");
        let received = octets(wire, "ip.dst == 20.20.20.18 || ipv6.dst == 2002:20:0:1::18");
        assert!(sent > 400_000 && received > 400_000, "{sent} {received}");
        // The sessions that the second clear ended: of the node and of its tunnel.
        let stops = ends(&records, &format!("CUST{}", place + 1));
        for stop in &stops[2..4] {
            assert_eq!((stop.octets("Input"), stop.octets("Output")), (sent, received), "{stop:?}");
        }
        let others = SIZES[1 - place].parse::<u32>().expect("a number");
        let foreign =
            format!("{branch} && (ip.len == {} || ipv6.plen == {})", others + 28, others + 8);
        assert_eq!(wire.count(&format!("{foreign} && (icmp || icmpv6)")).expect("count"), 0);
    }
    for (place, branch) in branches.into_iter().enumerate() {
        let branch = branch.stop().expect("recording");
        let own = SIZES[place].parse::<u32>().expect("a number");
        let lengths =
            format!("(icmp && ip.len == {}) || (icmpv6 && ipv6.plen == {})", own + 28, own + 8);
        let echoes = "icmp.type == 0 || icmp.type == 8 || icmpv6.type == 128 || icmpv6.type == 129";
        assert_eq!(branch.count(&format!("({echoes}) && ({lengths})")).expect("count"), 20);
        assert_eq!(branch.count(&format!("({echoes}) && !({lengths})")).expect("count"), 0);
    }
    let outer = outer.stop().expect("recording");
    let count = |filter: &str| outer.count(filter).expect("count");
    // No tunnel crosses, and everything that the anchor says is marked as the document has it.
    assert_eq!(count("ip.addr == 16.16.16.2 || ipv6.addr == 2002:15::2"), 0);
    let data = count("ip.addr == 15.15.15.11 && ip.addr == 20.20.20.18");
    assert!(data > 0 && count("ipv6.addr == 2002:16::11 && ip.addr == 20.20.20.18") > 0, "{data}");
    for (signalling, mark) in [
        ("udp.srcport == 5436 && ip.src == 15.15.15.2", "ip.dsfield.dscp == 45"),
        ("mip6.mhtype && ipv6.src == 2002:16::2", "ipv6.tclass.dscp == 45"),
    ] {
        let all = count(signalling);
        assert_eq!((all > 0, count(&format!("{signalling} && {mark}"))), (true, all));
    }
    for address in BRANCH {
        let family = if address.contains(':') { "ipv6" } else { "ip" };
        assert!(count(&format!("{family}.addr == {address}")) > 0);
    }
    stage.lab.close().expect("nothing is left behind");
}
