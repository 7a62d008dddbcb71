//! What holds after every step.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_dataplane::InnerPacket;
use kedge_model::SignalPath;
use kedge_wire::{Packet, set_checksum};

use super::{counters, machines};
use crate::packet::{self, Asker};
use crate::plan::{customer_inside, customer_number};
use crate::world::{Station, World};

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

/// An anchor: the machine of each customer is sound, the tables hold what all bindings want, every
/// binding has what it was given, and what begins ends.
pub fn check_anchor(world: &World, n: usize) {
    let anchor = &world.anchors[n];
    let mut wanted = BTreeMap::new();
    let (mut bindings, mut pending) = (0, 0);
    for (id, customer) in anchor.customers.iter() {
        let lma = customer.lma();
        wanted.extend(machines::check_lma(lma));
        for binding in lma.bindings() {
            let (addresses, delegated) = (binding.addresses, &binding.delegated);
            world.memory.check(n, binding.id, addresses, delegated);
        }
        let (begun, ended) = world.memory.lives(n, customer_number(id));
        assert_eq!(counters::ended(lma), ended, "disconnects at anchor {n}");
        assert_eq!(begun, ended + u64::from(lma.len()), "bindings of anchor {n}");
        bindings += lma.len();
        pending += lma.pending();
    }
    assert_eq!(anchor.plane.wanted, wanted, "the tables of anchor {n}");
    assert_eq!(anchor.customers.len(), bindings, "all bindings of anchor {n}");
    assert_eq!(anchor.customers.pending(), pending);
}

/// A gateway: the tables and the kernel hold what its sessions were granted, and nothing else.
pub fn check_gateway(world: &World, n: usize) {
    let gateway = &world.gateways[n];
    let sessions = machines::check_mag(&gateway.mag, world.now(Station::Gateway(n)));
    assert_eq!(gateway.plane.wanted, sessions.forwarding, "the tables of gateway {n}");
    assert_eq!(gateway.access, sessions.access, "the routes of gateway {n}");
}

/// A packet that left a tunnel at an anchor is from an address that its sender was given.
pub fn check_uplink(world: &World, inner: &InnerPacket) {
    let (from, _, ping) = packet::read(&inner.bytes).expect("a tunnel carries what was put in");
    let customer = customer_inside(inner.vrf);
    let (sender, of) = match ping.asker {
        Asker::Host(host) => (world.hosts[host].mn_id.clone(), world.plan.customer_of(host)),
        Asker::Branch(gateway) => {
            (world.plan.branch_node(gateway), world.plan.customer_of_gateway(gateway))
        }
    };
    assert_eq!(of, customer, "a packet among strangers");
    let was_held = world.memory.was_held(customer, from.ip(), &sender);
    assert!(was_held, "{sender} was never given {}", from.ip());
}

/// A packet that reached a host is for an address that its node was given.
pub fn check_downlink(world: &mut World, host: usize, packet: &[u8]) {
    let (_, to, ping) = packet::read(packet).expect("a tunnel carries what was put in");
    let (node, customer) = (&world.hosts[host].mn_id, world.plan.customer_of(host));
    let was_held = world.memory.was_held(customer, to.ip(), node);
    assert!(was_held, "{node} was never given {}", to.ip());
    world.memory.answered += u64::from(ping.asker == Asker::Host(host));
}

/// A packet that reached the networks behind a gateway is for one that the gateway was given.
pub fn check_branch(world: &mut World, gateway: usize, to: IpAddr) {
    let (node, customer) =
        (world.plan.branch_node(gateway), world.plan.customer_of_gateway(gateway));
    let was_held = world.memory.was_held(customer, to, &node);
    assert!(was_held, "{node} was never given {to}");
    world.memory.answered += 1;
}
