//! The main job through address translators (RFC 5555 §4.2, docs/decisions): `kedged` on both sides,
//! the kernel's own translator between them. It lets nothing but UDP through, and of UDP only
//! what it translates.
//!
//! ```text
//!    cn ── lma ── transport 192.0.2.0/24 ── nat ── inside 10.9.0.0/24 ── mag1, mag2 ── air ── mn
//!           .1                           .50  .254                       .11   .12
//! ```

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kedge_lab::{
    Capture, Daemon, Domain, Host, Lab, MobileNode, Ping, Recording, Switch,
    domain::{ANCHOR, CORRESPONDENT, Core, Encapsulation, GATEWAYS, MAC, Plan, Transport},
    ping,
    wait::{self, SOON},
};

/// Longer than a translator's mapping is kept, and than the refreshes that keep it are apart.
const LONG: Duration = Duration::from_secs(180);
const PROBE: Duration = Duration::from_millis(10);
/// Octets of a ping over IPv4.
const PING: u64 = 84;

/// The translator's address before the anchor, and before the gateways.
const OUTSIDE: &str = "192.0.2.50";
const INSIDE: &str = "10.9.0.254";
const OWN: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 9, 0, 11), Ipv4Addr::new(10, 9, 0, 12)];

/// What the translator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Translation {
    /// The gateways' address and port become others.
    Source,
    /// What is sent to the translator's signalling port goes to the anchor.
    Destination,
    /// Both.
    Both,
}

#[test]
fn gateways_behind_a_translator_serve_their_node_by_udp_without_being_told_to() {
    serves(Translation::Source, Encapsulation::IpInIp);
}

#[test]
fn gateways_behind_a_translator_serve_their_node_by_udp() {
    serves(Translation::Source, Encapsulation::Udp);
}

#[test]
fn gateways_behind_a_translator_serve_their_node_by_gre_in_udp() {
    serves(Translation::Source, Encapsulation::Gre);
}

#[test]
fn an_anchor_behind_a_translator_that_forwards_the_signalling_port_alone_serves_by_udp() {
    serves(Translation::Destination, Encapsulation::Udp);
}

#[test]
fn an_anchor_and_gateways_behind_translators_serve_by_gre_in_udp() {
    serves(Translation::Both, Encapsulation::Gre);
}

/// The translator forgets the mapping and makes another one, as one that starts again does.
#[test]
fn a_mapping_that_changes_moves_the_path_with_the_next_update_and_not_before() {
    let _turn = turn();
    let net = Net::set(Translation::Source, Encapsulation::Udp);
    let before = net.peer_port();
    let [ping, _] = net.probes();
    ping.wait_steady(SOON, 0, 20).expect("answers");
    let newest = ping.newest();
    // A masquerading kernel forgets the mappings of a link that goes down.
    net.nat.ip("link set out0 down").expect("down");
    net.nat.ip("link set out0 up").expect("up");
    let unknown = || {
        let statistics =
            net.lma.kedge("show lma-service statistics | json").map_err(|e| e.to_string())?;
        match counter(&statistics, "unknown_key") {
            0 => Err("nothing was dropped".to_owned()),
            dropped => Ok(dropped),
        }
    };
    wait::until(SOON, "data from an unknown port to be dropped", unknown).expect("not believed");
    ping.wait_steady(LONG, newest, 20).expect("answers again");
    assert_ne!(net.peer_port(), before);
}

/// Nothing is sent for longer than the translator keeps a mapping, but what keeps it.
#[test]
fn an_idle_node_is_reached_through_the_translator() {
    let _turn = turn();
    let net = Net::set(Translation::Source, Encapsulation::Udp);
    net.nat.sysctl("net.netfilter.nf_conntrack_udp_timeout", "40").expect("sysctl");
    net.nat.sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", "40").expect("sysctl");
    // What keeps it comes every 25 seconds, and may be late.
    wait::pause(Duration::from_secs(55));
    let node = net.mn.ipv4().expect("addresses")[0].to_string();
    let capture = Capture::start(&net.core.lma, "tp0", "udp").expect("capture");
    ping::one_by_one(&net.core.cn, &node, 3, &[]).expect("the node answers");
    let recording = capture.stop().expect("capture");
    assert!(recording.count("udp.srcport == 5436").expect("tshark") >= 3);
}

fn serves(translation: Translation, encapsulation: Encapsulation) {
    let _turn = turn();
    let mut net = Net::prepare(translation, encapsulation);
    let capture = Capture::start(&net.core.lma, "tp0", "").expect("capture");
    net.attach();
    let given = net.held();
    let pings = net.probes();
    for (from, to) in [(0, 1), (1, 0)] {
        let newest = pings.each_ref().map(|ping| {
            ping.wait_steady(SOON, 0, 20).unwrap_or_else(|e| panic!("{e}\n{}", net.logs()));
            ping.newest()
        });
        net.roam(from, to);
        for (ping, newest) in pings.iter().zip(newest) {
            if let Err(error) = ping.wait_steady(SOON, newest, 20) {
                panic!("after the move: {error}\n{}", net.logs());
            }
        }
        assert_eq!(net.held(), given);
    }
    let node = given.0.to_string();
    ping::one_by_one(&net.core.cn, &node, 3, &[]).expect("the node answers");
    for daemon in net.mags.iter_mut().chain([&mut net.lma]) {
        daemon.stop().expect("a clean stop");
    }
    judge(&capture.stop().expect("capture"), translation, encapsulation);
}

/// What crossed the transport network, as tshark sees it.
fn judge(recording: &Recording, translation: Translation, encapsulation: Encapsulation) {
    let count = |filter: &str| recording.count(filter).expect("tshark");
    // Data has other first octets than a mobility header, whose Payload Proto is 59.
    let first = match encapsulation {
        Encapsulation::Gre => "udp.payload[0] == 00 && udp.payload[1] == 2f",
        Encapsulation::IpInIp | Encapsulation::Udp => {
            "(udp.payload[0] == 45 || udp.payload[0] == 60)"
        }
    };
    let ours = format!("ip.src == {}", ANCHOR.0);
    for way in [format!("{ours} && udp.srcport == 5436"), "udp.dstport == 5436".to_owned()] {
        // Some in one datagram's train, where they come close together.
        let crossed = recording.octets(&format!("{way} && {first}")).expect("tshark");
        assert!(crossed > 100 * PING, "{crossed} octets of data, {way}");
    }
    assert_eq!(count("udp.port == 5437"), 0, "{translation:?}");
    assert_eq!(count("udp.checksum.status == 0 || udp.checksum == 0"), 0);
    // Wireshark takes everything at this port for a mobility header; judge those that are some.
    let signalling = "udp.payload[0] == 3b";
    let told = recording.decode(
        &format!("{signalling} && mip6.mhtype == 6 && mip6.natd.refresh_t"),
        &["mip6.natd.refresh_t"],
    );
    let told = told.expect("tshark");
    assert!(told.len() >= 3 && told.iter().all(|row| row[0] == "25"), "{told:?}");
    let said = recording
        .decode(
            &format!("{signalling} && mip6.mhtype == 5"),
            &["mip6.ipv4coa.addr", "mip6.lmaa.ipv4", "ip.src", "_ws.malformed"],
        )
        .expect("tshark");
    assert!(said.len() >= 3, "{said:?}");
    for update in said {
        let [own, anchor, source, malformed] = &update[..] else { panic!("{update:?}") };
        assert!(OWN.iter().any(|address| address.to_string() == *own), "{update:?}");
        assert_eq!(own == source, translation == Translation::Destination, "{update:?}");
        let direct = anchor == &ANCHOR.0.to_string();
        assert_eq!(direct, translation == Translation::Source, "{update:?}");
        assert!(malformed.is_empty(), "{update:?}");
    }
}

/// The drawing above with its daemons.
struct Net {
    core: Core,
    nat: Host,
    air: Switch,
    mn: MobileNode,
    lma: Daemon,
    mags: [Daemon; 2],
    // Last: it removes the rest.
    _lab: Lab,
}

impl Net {
    /// Draws it and starts the daemons; the node is out of range.
    fn prepare(translation: Translation, encapsulation: Encapsulation) -> Self {
        let lab = Lab::new("kglab").expect("lab");
        let core = Core::draw(&lab).expect("core");
        let nat = lab.host("nat").expect("nat");
        let inside = Switch::new(&lab, "in", &["inside"]).expect("inside");
        core.net.plug(&nat, "out0", "transport").expect("outside");
        inside.plug(&nat, "in0", "inside").expect("inside");
        nat.router().expect("router");
        nat.address("out0", &format!("{OUTSIDE}/24")).expect("address");
        nat.address("in0", &format!("{INSIDE}/24")).expect("address");
        nat.exec("nft", &[&rules(translation)]).expect("nft");
        if translation == Translation::Destination {
            core.lma.route(&format!("10.9.0.0/24 via {OUTSIDE}")).expect("route");
        }
        let air = Switch::new(&lab, "air", &["mag1", "mag2"]).expect("air");
        let hosts = [0, 1].map(|index| {
            let (name, ..) = GATEWAYS[index];
            let mag = lab.host(name).expect("mag");
            mag.router().expect("router");
            inside.plug(&mag, "tp0", "inside").expect("inside");
            mag.address("tp0", &format!("{}/24", OWN[index])).expect("address");
            mag.route(&format!("default via {INSIDE}")).expect("route");
            air.plug(&mag, "acc0", name).expect("air").unplug().expect("no carrier");
            mag
        });
        let mn = MobileNode::new(&lab, &air, "mn", MAC).expect("node");

        let plan = Plan { transport: Transport::Ipv4, encapsulation, ..Plan::default() };
        let lma = Daemon::start(&core.lma, &lma_config(&plan, translation)).expect("anchor");
        let mags = [0, 1].map(|index| {
            let config = mag_config(&plan, translation, index);
            Daemon::start(&hosts[index], &config).expect("gateway")
        });
        Self { core, nat, air, mn, lma, mags, _lab: lab }
    }

    /// The same, and the node has its addresses.
    fn set(translation: Translation, encapsulation: Encapsulation) -> Self {
        let mut net = Self::prepare(translation, encapsulation);
        net.attach();
        net
    }

    fn attach(&mut self) {
        let cell = "link set pmn master mag1\nlink set pmag1 up\nlink set pmn up\n";
        self.air.host().ip_batch(cell).expect("in range");
        self.mn.start_dhcp().expect("dhclient");
        let served = self.mn.wait_ipv6(SOON).map(drop);
        if let Err(error) = served.and_then(|()| self.mn.wait_ipv4(SOON).map(drop)) {
            panic!("{error}\n{}", self.logs());
        }
    }

    fn roam(&self, from: usize, to: usize) {
        let [(from, ..), (to, ..)] = [GATEWAYS[from], GATEWAYS[to]];
        let moved = format!("link set p{from} down\nlink set pmn master {to}\nlink set p{to} up\n");
        self.air.host().ip_batch(&moved).expect("roam");
    }

    /// The addresses the node has.
    fn held(&self) -> (Ipv4Addr, IpAddr) {
        let (v4, v6) = (self.mn.ipv4().expect("list"), self.mn.ipv6().expect("list"));
        match (&v4[..], &v6[..]) {
            ([v4], [v6]) => (*v4, (*v6).into()),
            _ => panic!("one address of each family, not {v4:?} and {v6:?}"),
        }
    }

    /// A steady ping of each family from the node to the correspondent.
    fn probes(&self) -> [Ping; 2] {
        let (v4, v6) = (CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string());
        [("ping4", v4), ("ping6", v6)]
            .map(|(name, to)| Ping::start(self.mn.host(), name, &to, PROBE).expect("ping"))
    }

    /// The translator's port, as the anchor's forwarding has it.
    fn peer_port(&self) -> u64 {
        let bindings = self.lma.kedge("show ipv6 mobile pmipv6 lma bindings | json");
        counter(&bindings.expect("bindings"), "peer_port")
    }

    fn logs(&self) -> String {
        let [one, two] = self.mags.each_ref().map(Daemon::log);
        format!("lma: {}\nmag1: {one}\nmag2: {two}", self.lma.log())
    }
}

/// Wherever it stands in an answer in JSON.
fn counter(json: &str, key: &str) -> u64 {
    let at = json.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("no {key} in {json}"));
    let value = json[at + key.len() + 3..].trim_start();
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    value[..end].parse().unwrap_or_else(|_| panic!("{key} in {json}"))
}

/// Nothing but UDP goes through, and nothing that is not translated. Every mapping has a port of
/// the translator's choosing.
fn rules(translation: Translation) -> String {
    let source = match translation {
        Translation::Source | Translation::Both => {
            "oifname out0 ip protocol udp masquerade to :40000-49999 random"
        }
        Translation::Destination => "",
    };
    let (destination, forwarded) = match translation {
        Translation::Source => ("", "accept"),
        Translation::Destination | Translation::Both => (
            "iifname in0 ip daddr 10.9.0.254 udp dport 5436 dnat to 192.0.2.1",
            "ct status dnat accept",
        ),
    };
    format!(
        "table ip translator {{
            chain source {{ type nat hook postrouting priority 100; {source}; }}
            chain destination {{ type nat hook prerouting priority -100; {destination}; }}
            chain through {{
                type filter hook forward priority 0; policy drop;
                ip protocol udp {forwarded};
            }}
        }}"
    )
}

fn lma_config(plan: &Plan, translation: Translation) -> String {
    let mut text = Domain::lma_config(plan);
    for (index, (_, address, _)) in GATEWAYS.iter().enumerate() {
        let seen = match translation {
            Translation::Destination => OWN[index].to_string(),
            // One row for whoever is behind the translator.
            Translation::Source | Translation::Both if index == 0 => OUTSIDE.to_owned(),
            Translation::Source | Translation::Both => continue,
        };
        text = text.replace(&format!("ipv4 address {address}"), &format!("ipv4 address {seen}"));
    }
    text
}

fn mag_config(plan: &Plan, translation: Translation, index: usize) -> String {
    let anchor = match translation {
        Translation::Source => ANCHOR.0.to_string(),
        Translation::Destination | Translation::Both => INSIDE.to_owned(),
    };
    let own = format!("address ipv4 {}", GATEWAYS[index].1);
    Domain::mag_config(plan, index)
        .replace(&own, &format!("address ipv4 {}", OWN[index]))
        .replace(&format!("ipv4-address {}", ANCHOR.0), &format!("ipv4-address {anchor}"))
}

/// One domain at a time: handovers are timed, and two cores are few.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
