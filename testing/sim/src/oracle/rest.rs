//! What holds once a domain has been left in peace: one truth everywhere, and in the end none.

use std::net::IpAddr;
use std::time::Duration;

use kedge_lma::{Binding, Lma};
use kedge_mag::{BindingState, BindingView, LinkState, Refusal};
use kedge_model::{Encapsulation, LinkLayerId, MnId, Tunnel};
use kedge_wire::registry::Status;

use crate::plan::{CUSTOMER, STATIC, static_node};
use crate::world::World;

/// How often the oracle looks whether a domain has come to rest.
const GLANCE: Duration = Duration::from_secs(5);
/// How long an answer takes on a fine network, with time to spare.
const ANSWER: Duration = Duration::from_millis(200);
/// How long what has come to rest is watched. A refresh or two happen in it.
const WATCH: Duration = Duration::from_secs(45);

/// Waits until the domain has come to rest, and sees that it stays so.
pub fn await_rest(world: &mut World) {
    let deadline = world.clock.now() + world.plan.settling_time();
    loop {
        world.run_for(GLANCE, |_| {});
        let restless = unrest(world).or_else(|| silence(world));
        let Some(why) = restless else { break };
        assert!(world.clock.now() < deadline, "the domain does not come to rest: {why}");
    }
    world.run_for(WATCH, |_| {});
    if let Some(why) = unrest(world).or_else(|| silence(world)) {
        panic!("the domain does not stay at rest: {why}");
    }
}

/// All nodes have gone: waits until the domain has forgotten them.
pub fn await_end(world: &mut World) {
    world.run_for(world.plan.settling_time(), |_| {});
    for (n, anchor) in world.anchors.iter_mut().enumerate() {
        assert!(anchor.lma.is_empty(), "anchor {n} still has {:?}", anchor.lma.bindings().next());
        assert_eq!(anchor.lma.pending(), 0, "updates wait at anchor {n}");
        assert_eq!(anchor.lma.poll_timeout(), None, "a timer runs at anchor {n}");
        assert!(anchor.plane.wanted.is_empty());
    }
    for (n, gateway) in world.gateways.iter_mut().enumerate() {
        let left = gateway.mag.bindings(world.clock.now()).next();
        assert!(gateway.mag.is_idle(), "gateway {n} still has {left:?}");
        assert_eq!(gateway.mag.poll_timeout(), None, "a timer runs at gateway {n}");
        assert!(gateway.plane.wanted.is_empty() && gateway.access.is_empty());
    }
    for net in world.memory.ever_held() {
        let planes = world.anchors.iter().map(|anchor| &anchor.plane);
        let planes = planes.chain(world.gateways.iter().map(|gateway| &gateway.plane));
        for plane in planes {
            assert_eq!(plane.holder(net.addr()), None, "tables still hold {net}");
        }
    }
}

/// The first thing on which anchor, gateway and node do not agree yet.
fn unrest(world: &World) -> Option<String> {
    let of_hosts = (0..world.hosts.len()).find_map(|host| {
        unrest_of(world, host).map(|why| format!("host {host} ({}): {why}", world.hosts[host].mac))
    });
    of_hosts.or_else(|| {
        (0..world.gateways.len()).find_map(|gateway| {
            unrest_of_static(world, gateway).map(|why| format!("gateway {gateway}: {why}"))
        })
    })
}

/// The node that is always there is served as long as its link is up, though it says nothing.
fn unrest_of_static(world: &World, gateway: usize) -> Option<String> {
    let station = &world.gateways[gateway];
    let anchor = &world.anchors[world.plan.anchor_of_static(gateway)].lma;
    let mn_id = static_node(gateway);
    let of_node = station.mag.bindings(world.clock.now()).filter(|view| view.mn_id == mn_id);
    let views: Vec<BindingView> = of_node.collect();
    let bindings: Vec<&Binding> = anchor.find(CUSTOMER, &mn_id).collect();
    if let Some(binding) = stray(world, world.plan.anchor_of_static(gateway), &mn_id) {
        return Some(format!("its static node is bound at another anchor: {binding:?}"));
    }
    let is_there = station.link(STATIC) == LinkState::Up;
    match (is_there, &views[..], &bindings[..]) {
        (false, [], []) => None,
        (true, [view], []) if is_turned_away(world, view, anchor) => None,
        (true, [view], [binding]) if agree(view, binding) => None,
        _ => Some(format!("its static node has {views:?}, {bindings:?}")),
    }
}

/// Whether a node is refused because its anchor has no place for it.
fn is_turned_away(world: &World, view: &BindingView, anchor: &Lma) -> bool {
    let refused = BindingState::Refused(Refusal::Status(Status::INSUFFICIENT_RESOURCES));
    view.state == refused && world.plan.is_full(anchor)
}

fn unrest_of(world: &World, n: usize) -> Option<String> {
    let host = &world.hosts[n];
    let now = world.clock.now();
    let mut views = Vec::new();
    for (gateway, station) in world.gateways.iter().enumerate() {
        let of_host = station.mag.bindings(now).filter(|view| view.mac == Some(host.mac));
        let present = of_host.filter(|view| view.state != BindingState::Deregistering);
        views.extend(present.map(|view| (gateway, view)));
    }
    let anchor = &world.anchors[world.plan.anchor_of(n)].lma;
    let link_layer_id = Some(LinkLayerId::from(host.mac));
    let bindings: Vec<&Binding> = anchor
        .find(CUSTOMER, &host.mn_id)
        .filter(|binding| binding.link_layer_id == link_layer_id)
        .collect();
    if let Some(binding) = stray(world, world.plan.anchor_of(n), &host.mn_id) {
        return Some(format!("is bound at another anchor: {binding:?}, sessions {views:?}"));
    }
    let Some(place) = host.place else {
        return match (views.first(), bindings.first()) {
            (Some(view), _) => Some(format!("has left and is served: {view:?}")),
            (_, Some(binding)) => Some(format!("has left and is bound: {binding:?}")),
            (None, None) => None,
        };
    };
    let [(gateway, view)] = &views[..] else {
        return Some(format!("is at {place:?}, its sessions are {views:?}"));
    };
    if bindings.is_empty() && is_turned_away(world, view, anchor) {
        return None;
    }
    let [binding] = bindings[..] else {
        return Some(format!("is at {place:?} ({view:?}), its bindings are {bindings:?}"));
    };
    if (*gateway, view.interface) != (place.gateway, place.interface) {
        return Some(format!("is at {place:?} and served at gateway {gateway}: {view:?}"));
    }
    if !agree(view, binding) {
        return Some(format!("gateway and anchor differ: {view:?}, {binding:?}"));
    }
    let addresses = host.addresses(now);
    if !has_addresses(world, n, binding) {
        return Some(format!("has {addresses:?}, and its binding {:?}", binding.addresses));
    }
    None
}

/// What a node has at other anchors than the one it would rather be with.
fn stray<'a>(world: &'a World, own: usize, mn_id: &MnId) -> Option<&'a Binding> {
    let mut others = world.anchors.iter().enumerate().filter(|(n, _)| *n != own);
    others.find_map(|(_, other)| other.lma.find(CUSTOMER, mn_id).next())
}

/// Whether the two ends of a session say the same.
fn agree(view: &BindingView, binding: &Binding) -> bool {
    let is_active = matches!(view.state, BindingState::Active | BindingState::Refreshing);
    let home = binding.addresses.ipv4.map(|home| (home.address, home.prefix_len, home.router));
    let ipv4 = view.ipv4.map(|net| (net.addr(), net.prefix_len())).zip(view.ipv4_router);
    let Some(path) = binding.paths.iter().next() else { return false };
    is_active
        && binding.is_active()
        && binding.addresses.prefixes.iter().eq(view.prefixes.iter().copied())
        && home == ipv4.map(|((address, len), router)| (address, len, router))
        && view.tunnel.is_some_and(|tunnel| are_ends(&tunnel, &path.tunnel))
}

/// Whether two tunnels are the ends of one.
fn are_ends(one: &Tunnel, other: &Tunnel) -> bool {
    let encapsulation = match (one.encapsulation, other.encapsulation) {
        (Encapsulation::IpInIp, Encapsulation::IpInIp) => true,
        (
            Encapsulation::Gre { send_key, receive_key },
            Encapsulation::Gre { send_key: other_send, receive_key: other_receive },
        ) => send_key == other_receive && receive_key == other_send,
        (
            Encapsulation::Udp { local_port, peer_port },
            Encapsulation::Udp { local_port: other_local, peer_port: other_peer },
        ) => local_port == other_peer && peer_port == other_local,
        (
            Encapsulation::GreUdp { local_port, peer_port, send_key, receive_key },
            Encapsulation::GreUdp {
                local_port: other_local,
                peer_port: other_peer,
                send_key: other_send,
                receive_key: other_receive,
            },
        ) => {
            (local_port, peer_port) == (other_peer, other_local)
                && (send_key, receive_key) == (other_receive, other_send)
        }
        _ => false,
    };
    encapsulation
        && (one.local, one.peer, one.transport) == (other.peer, other.local, other.transport)
}

/// Whether the host uses exactly what its binding has.
fn has_addresses(world: &World, n: usize, binding: &Binding) -> bool {
    let host = &world.hosts[n];
    let now = world.clock.now();
    let has_ipv6 = world.plan.service.has_ipv6();
    let has_ipv4 = world.plan.service.has_ipv4();
    let may_lack_ipv4 = has_ipv6 && !world.memory.has_ipv4(&host.mn_id);
    binding.addresses.prefixes.iter().eq(host.prefixes(now))
        && binding.addresses.prefixes.is_empty() != has_ipv6
        && binding.addresses.ipv4.map(|home| home.address) == host.ipv4(now)
        && (binding.addresses.ipv4.is_some() == has_ipv4 || may_lack_ipv4)
}

/// Whether a host has a session, as far as its anchor knows.
fn is_bound(world: &World, n: usize) -> bool {
    let host = &world.hosts[n];
    let link_layer_id = Some(LinkLayerId::from(host.mac));
    let mut bindings = world.anchors[world.plan.anchor_of(n)].lma.find(CUSTOMER, &host.mn_id);
    bindings.any(|binding| binding.link_layer_id == link_layer_id)
}

/// Asks every host to ask something; the first that gets no answer. One without a session can
/// hold on to a lease of an earlier one.
fn silence(world: &mut World) -> Option<String> {
    let mut asked = Vec::new();
    for n in 0..world.hosts.len() {
        world.ping(n);
        let host = &world.hosts[n];
        if host.place.is_some() && is_bound(world, n) {
            let number = host.pings();
            let addresses = host.addresses(world.clock.now());
            asked.extend(addresses.into_iter().map(|address| (n, address, number)));
        }
    }
    world.run_for(ANSWER, |_| {});
    let unheard = |(n, address, number): &(usize, IpAddr, u64)| {
        !world.hosts[*n].is_answered(*address, *number)
    };
    let first = asked.into_iter().find(unheard);
    first.map(|(n, address, _)| format!("host {n} gets no answer at {address}"))
}
