//! One data plane in several routing worlds whose addresses are the same.
//!
//! ```text
//!   A(red)  ── L(red) ═══ M(red)  ── B(red)      one anchor in both L,
//!   A(blue) ── L(blue) ══ M(blue) ── B(blue)     one gateway in both M
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use crate::lab::{self, DEVICE, NODE_V4, NODE_V6, Row, UDP_PORT, eventually};
use kedge_dataplane::{Change, Dataplane, DataplaneError, DropReason, Local, Side};
use kedge_dp_user::DpUser;
use kedge_model::{BindingId, Encapsulation, VrfId, World};

const UDP: Encapsulation = Encapsulation::Udp { local_port: UDP_PORT, peer_port: UDP_PORT };
const GRE: Encapsulation = Encapsulation::Gre { send_key: Some(7), receive_key: Some(7) };

/// The worlds of a row, by its number.
fn inner(number: u32) -> VrfId {
    VrfId(10 + number)
}

fn transport(number: u32) -> VrfId {
    VrfId(20 + number)
}

fn node(number: u32) -> BindingId {
    BindingId(number.into())
}

/// What makes the namespace `which` of a row an inner and a transport world.
fn enter(row: &Row, which: &str, number: u32) -> Vec<Change> {
    let host = if which == "l" { 1 } else { 2 };
    let mut changes = vec![Change::AddDevice {
        vrf: inner(number),
        world: row.world(which),
        name: DEVICE.to_owned(),
        mtu: 1440,
    }];
    for address in [format!("192.0.2.{host}"), format!("2001:db8:f::{host}")] {
        let (vrf, address) = (transport(number), address.parse().unwrap());
        let local = Local { vrf, address, udp_port: UDP_PORT, signalling_port: None };
        changes.push(Change::AddLocal { local, world: row.world(which) });
    }
    changes
}

/// What leaves these worlds again.
fn leave(which: &str, number: u32) -> Vec<Change> {
    let host = if which == "l" { 1 } else { 2 };
    let vrf = transport(number);
    vec![
        Change::RemoveDevice(inner(number)),
        Change::RemoveLocal { vrf, address: format!("192.0.2.{host}").parse().unwrap() },
        Change::RemoveLocal { vrf, address: format!("2001:db8:f::{host}").parse().unwrap() },
    ]
}

/// The row's node, bound in its worlds.
fn bind(which: &str, number: u32, encapsulation: Encapsulation, over_ipv4: bool) -> Change {
    let Change::Bind { mut want, .. } = lab::bind(which, encapsulation, over_ipv4, 1440) else {
        panic!("it binds")
    };
    want.vrf = inner(number);
    for path in &mut want.paths {
        path.tunnel.transport = transport(number);
    }
    Change::Bind { binding: node(number), want }
}

/// An anchor and a gateway, in no world yet.
struct Ends {
    anchor: DpUser,
    gateway: DpUser,
}

impl Ends {
    fn start() -> Self {
        let start = |side| DpUser::start(side).unwrap();
        Self { anchor: start(Side::Anchor), gateway: start(Side::Gateway) }
    }

    fn enter(&mut self, row: &Row, number: u32) {
        self.anchor.apply(&enter(row, "l", number)).unwrap();
        self.gateway.apply(&enter(row, "m", number)).unwrap();
        row.route_through_devices();
    }

    fn bind(&mut self, number: u32, encapsulation: Encapsulation, over_ipv4: bool) {
        self.anchor.apply(&[bind("l", number, encapsulation, over_ipv4)]).unwrap();
        self.gateway.apply(&[bind("m", number, encapsulation, over_ipv4)]).unwrap();
    }

    /// Packets that each end has sent and received for a row's node.
    fn carried(&self, number: u32) -> [u64; 4] {
        let [a, g] = [&self.anchor, &self.gateway].map(|end| end.counters(node(number)).unwrap());
        [a.sent_packets, a.received_packets, g.sent_packets, g.received_packets]
    }
}

fn answers(row: &Row) {
    for address in [NODE_V4, NODE_V6] {
        eventually(address, || row.succeeds("a", &format!("ping -c 1 -W 1 {address}")));
    }
}

/// A capture on the transport link of a row, of packets between the tunnels' ends.
struct Capture(Child);

impl Capture {
    fn start(row: &Row) -> Self {
        let name = row.name("m");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &name, "tcpdump", "-nlU", "--immediate-mode", "-i", "to-l"]);
        command.args(["udp or ip proto 47 or ip6 proto 47"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = said.map_while(Result::ok);
        assert!(said.any(|line| line.contains("listening on")), "tcpdump has started");
        Self(child)
    }

    /// The packets until one of this many octets of UDP to the port for nothing, which ends it.
    fn until_marked(mut self, row: &Row) -> Vec<String> {
        let mark = row.within("l", || {
            let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
            socket.send_to(b"mark", "192.0.2.2:9").unwrap();
        });
        mark.join().unwrap();
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let lines = lines.map_while(Result::ok);
        lines.take_while(|line| !line.contains("192.0.2.2.9:")).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn worlds_with_the_same_addresses_are_kept_apart_in_captures_and_counters() {
    let rows = [Row::new(), Row::new()];
    let mut ends = Ends::start();
    for (row, number) in rows.iter().zip(0..) {
        ends.enter(row, number);
    }
    for (encapsulation, over_ipv4) in [(UDP, true), (UDP, false), (GRE, true), (GRE, false)] {
        for (row, number) in rows.iter().zip(0..) {
            ends.bind(number, encapsulation, over_ipv4);
            answers(row);
        }
        for (number, other) in [(0, 1), (1, 0)] {
            let what = format!("{encapsulation:?}, over IPv4: {over_ipv4}, row {number}");
            let captures = rows.each_ref().map(Capture::start);
            let carried = || [0, 1].map(|number| ends.carried(number));
            let before = carried();
            for address in [NODE_V4, NODE_V6] {
                // Each when the one before is answered.
                for _ in 0..3 {
                    let ping = format!("ping -c 1 -W 60 {address}");
                    assert!(rows[number].succeeds("a", &ping), "{what}");
                }
            }
            eventually(&format!("{what}: six more are counted at each place"), || {
                carried()[number] == before[number].map(|packets| packets + 6)
            });
            let seen: Vec<usize> = captures
                .into_iter()
                .zip(&rows)
                .map(|(capture, row)| capture.until_marked(row).len())
                .collect();
            assert_eq!((seen[number], seen[other]), (12, 0), "{what}");
            assert_eq!(carried()[other], before[other], "{what}");
        }
    }
    // Each B says which one it is.
    for (row, name) in rows.iter().zip(["red", "blue"]) {
        let listening = row.within("b", move || {
            let listener = TcpListener::bind((NODE_V4, 7)).unwrap();
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(name.as_bytes()).unwrap();
            });
        });
        listening.join().unwrap();
    }
    for (row, name) in rows.iter().zip(["red", "blue"]) {
        let reading = row.within("a", || {
            let mut said = String::new();
            TcpStream::connect((NODE_V4, 7)).unwrap().read_to_string(&mut said).unwrap();
            said
        });
        assert_eq!(reading.join().unwrap(), name);
    }
    for end in [&ends.anchor, &ends.gateway] {
        let drops = end.totals().drops;
        let dropped = DropReason::ALL.map(|reason| (reason, drops.get(reason)));
        // What a host says on its own links is no subscriber's.
        let dropped = dropped
            .into_iter()
            .filter(|(reason, packets)| *packets > 0 && *reason != DropReason::LinkScope);
        assert_eq!(dropped.collect::<Vec<_>>(), []);
    }
}

#[test]
fn worlds_come_and_go_while_others_are_served() {
    let rows = [Row::new(), Row::new()];
    let mut ends = Ends::start();
    ends.enter(&rows[0], 0);
    ends.bind(0, UDP, true);
    answers(&rows[0]);
    for _ in 0..3 {
        ends.enter(&rows[1], 1);
        ends.bind(1, GRE, false);
        answers(&rows[1]);
        let name = ends.anchor.device_name(inner(1)).map(str::to_owned);
        assert_eq!(name.as_deref(), Some(DEVICE));

        ends.anchor.apply(&leave("l", 1)).unwrap();
        ends.gateway.apply(&leave("m", 1)).unwrap();
        for which in ["l", "m"] {
            let shows = || rows[1].succeeds(which, &format!("ip link show {DEVICE}"));
            eventually("the device is gone", || !shows());
        }
        eventually("its port is free", || {
            let free = rows[1].within("l", || UdpSocket::bind(("192.0.2.1", UDP_PORT)).map(drop));
            free.join().unwrap().is_ok()
        });
        // What was held of the world is not held any more, and nothing new can be.
        let refused = ends.anchor.apply(&[bind("l", 1, GRE, false)]).unwrap_err();
        assert!(matches!(refused, DataplaneError::UnknownVrf { .. }), "{refused}");
        for family in ["-4", "-6"] {
            rows[1].run("m", &format!("ip {family} rule del iif to-b lookup 100"));
        }
        answers(&rows[0]);
    }
    // One that comes at once waits for the device that goes.
    for _ in 0..3 {
        ends.enter(&rows[1], 1);
        ends.anchor.apply(&leave("l", 1)).unwrap();
        ends.gateway.apply(&leave("m", 1)).unwrap();
        for family in ["-4", "-6"] {
            rows[1].run("m", &format!("ip {family} rule del iif to-b lookup 100"));
        }
    }
    drop(ends);
    for which in ["l", "m"] {
        assert!(!rows[1].succeeds(which, &format!("ip link show {DEVICE}")), "it is gone");
    }
}

#[test]
fn a_world_that_is_not_there_or_is_none_is_named() {
    let mut anchor = DpUser::start(Side::Anchor).unwrap();
    let mut refused = |world: World| {
        let (vrf, name) = (inner(0), "kgdp-none".to_owned());
        let change = Change::AddDevice { vrf, world, name, mtu: 1400 };
        anchor.apply(&[change]).unwrap_err().to_string()
    };
    assert_eq!(
        refused(World::Namespace("kgdp-never-made".to_owned())),
        "cannot open network namespace kgdp-never-made (/run/netns/kgdp-never-made): \
         No such file or directory; `ip netns add` makes one"
    );
    assert_eq!(
        refused(World::Device("kgdp-never".to_owned())),
        "cannot find device kgdp-never: No such device; \
         `ip link add kgdp-never type vrf table N` makes one"
    );
    assert_eq!(
        refused(World::Device("lo".to_owned())),
        "cannot use as VRF device lo: this device is none; \
         `ip link add lo type vrf table N` makes one"
    );
}
