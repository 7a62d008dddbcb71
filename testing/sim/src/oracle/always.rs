//! What holds after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_mag::{AccessNode, BindingState};
use kedge_model::{Forwarding, IpNet, Ipv4Net, Path, SignalPath};
use kedge_wire::{Packet, set_checksum};

use super::counters;
use crate::packet;
use crate::plan::{CUSTOMER, INNER};
use crate::world::World;

/// A message that a machine sends decodes, is what it decodes to, and has the checksum that its
/// transport asks for.
pub fn check_message(path: &SignalPath, bytes: &[u8]) {
    let packet = match Packet::decode(bytes) {
        Ok(packet) => packet,
        Err(error) => panic!("a machine sends what does not decode: {error}"),
    };
    let mut again = Vec::with_capacity(bytes.len());
    packet.encode(&mut again);
    if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip()) {
        set_checksum(local, peer, &mut again);
    }
    assert_eq!(again, bytes, "a machine sends what it would not have written: {packet:?}");
}

/// An anchor: no address is held twice, the pools know what is held, the tables hold what the
/// bindings want, every binding has what it was given, the counters add up.
pub fn check_anchor(world: &World, n: usize) {
    let anchor = &world.anchors[n];
    let mut held: BTreeSet<IpNet> = BTreeSet::new();
    let mut forwarded = 0;
    let (mut ipv4, mut ipv6) = (0, 0);
    for binding in anchor.lma.bindings() {
        assert_eq!(binding.customer, CUSTOMER);
        for net in binding.addresses.routed() {
            assert!(held.insert(net), "{net} is held twice at anchor {n}");
            match net {
                IpNet::V4(_) => ipv4 += 1,
                IpNet::V6(_) => ipv6 += 1,
            }
        }
        let told = world.memory.addresses(n, binding.id);
        assert_eq!(told, Some(binding.addresses), "the events tell another story");
        let want = binding.forwarding(INNER);
        forwarded += usize::from(want.is_some());
        assert_eq!(anchor.plane.wanted.get(&binding.id), want.as_ref());
    }
    assert_eq!(anchor.plane.wanted.len(), forwarded, "forwarding for a binding that is gone");
    let (usage4, usage6) = anchor.lma.usage("home").expect("the network is configured");
    assert_eq!(usage4.map(|usage| usage.taken), Some(ipv4), "IPv4 pool of anchor {n}");
    assert_eq!(usage6.map(|usage| usage.taken), Some(ipv6), "IPv6 pool of anchor {n}");
    let by_peer: u32 = anchor.lma.peers().map(|peer| peer.bindings).sum();
    assert_eq!(by_peer, anchor.lma.len());
    counters::check_anchor(world, n);
}

/// A gateway: the tables and the kernel hold what its sessions were granted, and nothing else.
pub fn check_gateway(world: &World, n: usize) {
    let gateway = &world.gateways[n];
    let mut forwarding = BTreeMap::new();
    let mut access = BTreeMap::new();
    let mut present = 0;
    for view in gateway.mag.bindings(world.clock.now()) {
        present += u64::from(view.state != BindingState::Deregistering);
        let (BindingState::Active | BindingState::Refreshing, Some(tunnel)) =
            (view.state, view.tunnel)
        else {
            continue;
        };
        let host = view.ipv4.map(|home| IpNet::V4(Ipv4Net::from(home.addr())));
        let inner: Vec<IpNet> = view.prefixes.into_iter().map(IpNet::V6).chain(host).collect();
        let node = AccessNode {
            interface: view.interface,
            mac: view.mac,
            // What it showed, of which the sessions tell nothing.
            link_local: gateway.access.get(&view.binding).and_then(|node| node.link_local),
            inner: inner.clone(),
            delegated: view.delegated,
            ipv4_router: view.ipv4_router,
            ipv4_prefix_len: view.ipv4.map_or(0, |home| home.prefix_len()),
        };
        let paths = vec![Path { tunnel, weight: 1 }];
        forwarding.insert(view.binding, Forwarding { vrf: INNER, inner, paths });
        access.insert(view.binding, node);
    }
    assert_eq!(gateway.plane.wanted, forwarding, "the tables of gateway {n}");
    assert_eq!(gateway.access, access, "the routes of gateway {n}");
    counters::check_gateway(world, n, present);
}

/// A packet that left a tunnel at an anchor is from an address that its sender was given.
pub fn check_uplink(world: &World, inner: &[u8]) {
    let (from, _, ping) = packet::read(inner).expect("a tunnel carries what was put in");
    let sender = &world.hosts[ping.host].mn_id;
    assert!(world.memory.was_held(from.ip(), sender), "{sender} was never given {}", from.ip());
}

/// A packet that reached a host is for an address that its node was given.
pub fn check_downlink(world: &mut World, host: usize, packet: &[u8]) {
    let (_, to, ping) = packet::read(packet).expect("a tunnel carries what was put in");
    let node = &world.hosts[host].mn_id;
    assert!(world.memory.was_held(to.ip(), node), "{node} was never given {}", to.ip());
    world.memory.answered += u64::from(ping.host == host);
}
