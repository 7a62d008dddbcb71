//! The guard of an access device, over a pair of devices: the gateway's kernel has `near`, and
//! frames come from `far`.

mod lab;

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::Command;

use kedge_model::MacAddr;
use kedge_net::access::{AccessSocket, Attached};
use kedge_net::netlink::{Guard, Netlink, Posted};
use kedge_net::owned::{Owned, Thing};
use lab::{Lab, wait_for};

const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const ITS_ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
const ITS_PREFIX: &str = "2001:db8:1::/64";
const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// A gateway's kernel, its ledger, and whoever sends to it.
struct Gateway {
    lab: Lab,
    owned: Owned,
    guard: Guard,
    posted: Posted,
    near: MacAddr,
    nodes: AccessSocket,
    /// What the guard must not keep from the daemon.
    daemon: AccessSocket,
}

impl Gateway {
    fn new() -> Self {
        let lab = Lab::with_pair();
        lab.ip("address add 203.0.113.1/32 dev near");
        lab.ip("address add 2001:db8:f::1/64 dev near");
        let mut owned = Owned::open(lab.namespace.clone()).unwrap();
        let link = owned.netlink().link("near").unwrap();
        let open = |name: &str| {
            lab.within(|| {
                let link = Netlink::open().unwrap().link(name).unwrap();
                AccessSocket::open(&link).unwrap()
            })
        };
        let (nodes, daemon) = (open("far"), open("near"));
        let guard = Guard { device: link.index };
        let near = link.mac.unwrap();
        Self { owned, guard, posted: Posted::default(), near, nodes, daemon, lab }
    }

    fn ethernet(&self, source: MacAddr, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = self.near.0.to_vec();
        frame.extend(source.0);
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        frame
    }

    fn arp_request(&self, from: MacAddr, sender: Ipv4Addr) -> Vec<u8> {
        let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1];
        arp.extend(from.0);
        arp.extend(sender.octets());
        arp.extend([0; 6]);
        arp.extend(ROUTER.octets());
        self.ethernet(from, 0x0806, &arp)
    }

    fn ipv6(
        &self,
        from: MacAddr,
        source: Ipv6Addr,
        to: Ipv6Addr,
        next: u8,
        body: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((body.len() as u16).to_be_bytes());
        packet.extend([next, 255]);
        packet.extend(source.octets());
        packet.extend(to.octets());
        packet.extend(body);
        self.ethernet(from, 0x86dd, &packet)
    }

    /// A router solicitation, as a plain one and behind an extension header.
    fn solicitations(&self, from: MacAddr, source: Ipv6Addr) -> [Vec<u8>; 2] {
        let all_routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
        let mut message = vec![133, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        message.extend(from.0);
        let sum = checksum(source, all_routers, 58, &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut hidden = vec![58, 0, 1, 4, 0, 0, 0, 0];
        hidden.extend(&message);
        [
            self.ipv6(from, source, all_routers, 58, &message),
            self.ipv6(from, source, all_routers, 60, &hidden),
        ]
    }

    fn udp(&self, from: MacAddr, source: Ipv6Addr, mark: u8) -> Vec<u8> {
        let to = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 1);
        let mut message = vec![0x30, 0x39, 0x30, 0x39, 0, 9, 0, 0, mark];
        let sum = checksum(source, to, 17, &message);
        message[6..8].copy_from_slice(&sum.to_be_bytes());
        self.ipv6(from, source, to, 17, &message)
    }

    fn neighbours(&self) -> usize {
        // Groups have entries too, which nobody has to be asked for.
        let listed = self.lab.ip("neigh show dev near nud all");
        listed
            .lines()
            .filter(|line| !line.starts_with("ff02::") && !line.starts_with("224."))
            .count()
    }

    /// Lets these nodes' packets pass; for how many there is no room.
    fn admit(&mut self, attached: &Attached) -> usize {
        self.owned.netlink().set_guard(self.guard, &mut self.posted, attached).unwrap()
    }

    /// What the gateway's kernel gets of [`Self::udp`].
    fn listen(&self) -> UdpSocket {
        let socket = self.lab.within(|| UdpSocket::bind("[::]:12345").unwrap());
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// Sends frames, and waits until the last has been seen.
    fn send(&mut self, frames: &[Vec<u8>]) {
        for frame in frames {
            self.nodes.send(frame).unwrap();
        }
        let end = self.ethernet(MacAddr([2, 0, 0, 0, 0, 0xee]), 0x0806, &[0xee; 46]);
        self.nodes.send(&end).unwrap();
        wait_for(&mut self.daemon, "the last frame's arrival", |daemon| {
            while let Some(frame) = daemon.recv().unwrap() {
                if frame.bytes == end {
                    return Some(());
                }
            }
            None
        });
    }
}

fn checksum(source: Ipv6Addr, to: Ipv6Addr, protocol: u8, message: &[u8]) -> u16 {
    let mut octets = [source.octets(), to.octets()].concat();
    octets.extend((message.len() as u32).to_be_bytes());
    octets.extend([0, 0, 0, protocol]);
    octets.extend(message);
    let words =
        octets.chunks(2).map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn node() -> Attached {
    let nets = [format!("{ITS_ADDRESS}/32"), ITS_PREFIX.to_owned()];
    Attached::from([(NODE, nets.map(|net| net.parse().unwrap()).into())])
}

/// As many nodes of both families, whose MAC addresses are so far apart.
fn crowd(count: u16, apart: u32) -> Attached {
    let node = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let nets = [
            format!("10.0.{high}.{low}/32"),
            format!("2001:db8:77:{number:x}::/64"),
            format!("fe80::77:{number:x}/128"),
        ];
        (mac_of(number, apart), nets.map(|net| net.parse().unwrap()).into())
    };
    (0..count).map(node).collect()
}

fn mac_of(number: u16, apart: u32) -> MacAddr {
    let [a, b, c, d] = (u32::from(number) * apart).to_be_bytes();
    MacAddr([2, 0x77, a, b, c, d])
}

/// An address of a node of [`crowd`].
fn address_of(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x77, number, 0, 0, 0, 1)
}

/// The marks of what the kernel got.
fn heard(socket: &UdpSocket) -> Vec<u8> {
    let (mut heard, mut octet) = (Vec::new(), [0]);
    while let Ok((1, _)) = socket.recv_from(&mut octet) {
        heard.push(octet[0]);
    }
    heard
}

/// Frames of strangers and of the node, each of which makes an unguarded kernel remember somebody.
fn solicitous(gateway: &Gateway) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for i in 1..=50_u8 {
        let stranger = MacAddr([6, 0, 0, 0, 0, i]);
        let [plain, hidden] =
            gateway.solicitations(stranger, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, i.into()));
        let [own, own_hidden] =
            gateway.solicitations(NODE, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 2, i.into()));
        frames.extend([plain, hidden, own, own_hidden]);
        let mut tagged = gateway.arp_request(stranger, Ipv4Addr::new(203, 0, 113, 100 + i));
        frames.push(tagged.clone());
        // Behind two tags that state a priority, at VLAN 0.
        tagged.splice(12..12, [0x81, 0, 0xe0, 0, 0x81, 0, 0, 0]);
        frames.push(tagged);
    }
    frames
}

#[test]
fn nobody_on_the_link_makes_the_kernel_remember_a_neighbour() {
    let mut gateway = Gateway::new();
    let frames = solicitous(&gateway);
    let guard = Thing::Guard(gateway.guard);
    gateway.owned.make(guard.clone()).unwrap();
    gateway.send(&frames);
    assert_eq!(gateway.neighbours(), 0, "{}", gateway.lab.ip("neigh show nud all"));
    gateway.admit(&node());
    gateway.send(&frames);
    assert_eq!(gateway.neighbours(), 0, "{}", gateway.lab.ip("neigh show nud all"));
    // The same frames, and nothing in their way.
    gateway.owned.unmake(&guard).unwrap();
    gateway.lab.set("ipv6/conf/near/forwarding", "1");
    gateway.send(&frames);
    assert!(gateway.neighbours() >= 150, "{}", gateway.lab.ip("neigh show nud all"));
}

#[test]
fn the_kernel_hears_of_an_attached_node_and_from_its_own_addresses_alone() {
    let mut gateway = Gateway::new();
    gateway.lab.ip("route add default dev near");
    gateway.lab.ip("-6 route add default dev near");
    gateway.owned.make(Thing::Guard(gateway.guard)).unwrap();
    gateway.admit(&node());
    let socket = gateway.listen();
    let at = |text: &str| text.parse::<Ipv6Addr>().unwrap();
    let stranger = MacAddr([6, 0, 0, 0, 0, 1]);
    let frames = [
        gateway.udp(stranger, at("2001:db8:1::1"), 1),
        gateway.udp(NODE, at("2001:db8:2::1"), 2),
        gateway.udp(NODE, at("fe80::1"), 3),
        gateway.udp(NODE, at("2001:db8:1::1"), 4),
        gateway.udp(MacAddr::PMIPV6_GATEWAY, at("2001:db8:1::1"), 5),
        gateway.udp(NODE, at("2001:db8:1::2"), 6),
    ];
    gateway.send(&frames);
    assert_eq!(heard(&socket), [4, 6]);
    // Four of them, and no control message: those are the daemon's.
    gateway.send(&solicitous(&gateway)[..4]);
    let dropped = gateway.owned.netlink().dropped_by_guards().unwrap();
    assert_eq!(dropped.get(&gateway.guard.device), Some(&4));
}

#[test]
fn of_a_thousand_nodes_each_is_let_through_from_its_own_address_and_from_no_others() {
    let mut gateway = Gateway::new();
    gateway.lab.ip("-6 route add default dev near");
    gateway.owned.make(Thing::Guard(gateway.guard)).unwrap();
    let socket = gateway.listen();
    // Few, many, few, and many again: one program, sixteen, one, and sixteen.
    for count in [50, 1_000, 60, 1_000] {
        assert_eq!(gateway.admit(&crowd(count, 1)), 0);
        let numbers = (0..count).step_by(7).chain([count - 1]);
        for number in numbers {
            let from = |of: u16, mark| gateway.udp(mac_of(number, 1), address_of(of), mark);
            let stranger = gateway.udp(mac_of(count, 1), address_of(number), 3);
            let frames = [from(number, 1), from((number + 1) % count, 2), stranger];
            gateway.send(&frames);
            assert_eq!(heard(&socket), [1], "node {number} of {count}");
        }
    }
    // As after a crash.
    let swept = Owned::open(gateway.lab.namespace.clone()).unwrap().sweep().unwrap();
    assert_eq!(swept, [gateway.guard.to_string()]);
    assert_eq!(tc(&gateway.lab, &["filter", "show", "dev", "near", "ingress"]), "");
}

#[test]
fn a_node_that_there_is_no_room_for_is_not_let_through() {
    let mut gateway = Gateway::new();
    gateway.lab.ip("-6 route add default dev near");
    gateway.owned.make(Thing::Guard(gateway.guard)).unwrap();
    let socket = gateway.listen();
    // Their addresses all end in the same six bits.
    let left_out = gateway.admit(&crowd(1_000, 64));
    assert!((900..1_000).contains(&left_out), "{left_out}");
    let mut passed = 0;
    for number in (0..1_000).step_by(10) {
        let frame = gateway.udp(mac_of(number, 64), address_of(number), 1);
        gateway.send(&[frame]);
        passed += heard(&socket).len();
    }
    assert!((1..=10).contains(&passed), "{passed}");
}

#[test]
fn a_guard_leaves_others_filters_alone_and_takes_what_it_made_with_it() {
    let mut gateway = Gateway::new();
    let filters = |lab: &Lab| tc(lab, &["filter", "show", "dev", "near", "ingress"]);
    let disciplines = |lab: &Lab| tc(lab, &["qdisc", "show", "dev", "near"]);
    let before = disciplines(&gateway.lab);
    let guard = Thing::Guard(gateway.guard);
    gateway.owned.make(guard.clone()).unwrap();
    assert!(disciplines(&gateway.lab).contains("clsact"));
    assert!(gateway.owned.unmake_all().is_empty());
    assert_eq!(disciplines(&gateway.lab), before);
    // Somebody else's, before and after.
    tc(&gateway.lab, &["qdisc", "add", "dev", "near", "clsact"]);
    let filter = ["filter", "add", "dev", "near", "ingress", "pref", "7", "bpf", "da", "bytecode"];
    tc(&gateway.lab, &[&filter[..], &["1,6 0 0 4294967295"]].concat());
    let theirs = filters(&gateway.lab);
    gateway.owned.make(guard).unwrap();
    assert_ne!(filters(&gateway.lab), theirs);
    // As after a crash.
    let swept = Owned::open(gateway.lab.namespace.clone()).unwrap().sweep().unwrap();
    assert_eq!(swept, [gateway.guard.to_string()]);
    assert_eq!(filters(&gateway.lab), theirs);
    assert!(disciplines(&gateway.lab).contains("clsact"));
}

fn tc(lab: &Lab, words: &[&str]) -> String {
    let output = Command::new("tc").args(["-n", &lab.name]).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
