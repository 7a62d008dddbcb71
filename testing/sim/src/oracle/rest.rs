//! What holds once a domain has been left in peace: one truth everywhere, and in the end none.

use std::net::IpAddr;
use std::time::Duration;

use kedge_lma::{Binding, Lma};
use kedge_mag::{BindingState, BindingView, InterfaceId, LinkState, Refusal};
use kedge_model::{IpNet, LinkLayerId, MnId};
use kedge_wire::registry::Status;

use super::agreement::agree;
use crate::plan::{LOGICAL, STATIC, customer_id, inner};
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
    world.run_for(world.plan.settling_time() + world.plan.memory(), |_| {});
    for (n, anchor) in world.anchors.iter_mut().enumerate() {
        let left = anchor.customers.bindings().next();
        assert!(anchor.customers.is_empty(), "anchor {n} still has {left:?}");
        assert_eq!(anchor.customers.pending(), 0, "updates wait at anchor {n}");
        assert_eq!(anchor.customers.poll_timeout(), None, "a timer runs at anchor {n}");
        assert!(anchor.plane.wanted.is_empty());
    }
    for (n, gateway) in world.gateways.iter_mut().enumerate() {
        let left = gateway.mag.bindings(world.clock.now()).next();
        assert!(gateway.mag.is_idle(), "gateway {n} still has {left:?}");
        assert_eq!(gateway.mag.poll_timeout(), None, "a timer runs at gateway {n}");
        assert!(gateway.plane.wanted.is_empty() && gateway.access.is_empty());
    }
    for (customer, net) in world.memory.ever_held() {
        let planes = world.anchors.iter().map(|anchor| &anchor.plane);
        let planes = planes.chain(world.gateways.iter().map(|gateway| &gateway.plane));
        for plane in planes {
            assert_eq!(plane.holder(inner(customer), net.addr()), None, "tables still hold {net}");
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
            let of_static = unrest_of_resident(world, gateway, STATIC);
            let of_branch = || unrest_of_resident(world, gateway, LOGICAL);
            of_static.or_else(of_branch).map(|why| format!("gateway {gateway}: {why}"))
        })
    })
}

/// The node that is always there is served as long as its link is up, though it says nothing.
fn unrest_of_resident(world: &World, gateway: usize, interface: InterfaceId) -> Option<String> {
    let (plan, station) = (&world.plan, &world.gateways[gateway]);
    let (mn_id, is_there) = match interface {
        STATIC => (plan.static_node(gateway), true),
        _ => (plan.branch_node(gateway), plan.delegates),
    };
    let customer = plan.customer_of_gateway(gateway);
    let of_node = station.mag.bindings(world.clock.now()).filter(|view| view.mn_id == mn_id);
    let views: Vec<BindingView> = of_node.collect();
    let own = plan.anchor_of_gateway(gateway);
    if let Some(binding) = stray(world, own, customer, &mn_id) {
        return Some(format!("{mn_id} is bound at another anchor: {binding:?}, {views:?}"));
    }
    let anchor = machine(world, own, customer);
    // Gateways of other customers have nodes of the same name; those of this one do not.
    let bindings: Vec<&Binding> = anchor.find(customer_id(customer), &mn_id).collect();
    let is_there = is_there && station.link(interface) == LinkState::Up;
    match (is_there, &views[..], &bindings[..]) {
        (false, [], []) => None,
        (true, [view], []) if is_turned_away(world, view, own, anchor) => None,
        (true, [view], [binding])
            if agree(world, gateway, view, binding)
                && (interface == STATIC || has_networks(world, gateway, view)) =>
        {
            None
        }
        _ => Some(format!("{mn_id} has {views:?}, {bindings:?}")),
    }
}

/// Whether the networks behind a gateway have what they lack.
fn has_networks(world: &World, gateway: usize, view: &BindingView) -> bool {
    let branch = &world.gateways[gateway].branch;
    let given = view.delegated.iter().filter(|net| !branch.networks.contains(net));
    let ipv4 = given.clone().filter(|net| matches!(net, IpNet::V4(_))).count();
    branch.networks.iter().all(|net| view.delegated.contains(net))
        && (ipv4, given.count() - ipv4) == (branch.lacking_ipv4, branch.lacking_ipv6)
}

/// Whether a node is refused because its anchor has no place for it, or is just trying again.
fn is_turned_away(world: &World, view: &BindingView, anchor: usize, lma: &Lma) -> bool {
    let refused = BindingState::Refused(Refusal::Status(Status::INSUFFICIENT_RESOURCES));
    let waits = view.state == refused || view.state == BindingState::Registering;
    waits && world.plan.is_full(world.anchors[anchor].customers.len(), lma)
}

fn machine(world: &World, anchor: usize, customer: usize) -> &Lma {
    world.anchors[anchor].machine(customer).expect("at rest every customer is served")
}

fn unrest_of(world: &World, n: usize) -> Option<String> {
    let host = &world.hosts[n];
    let now = world.clock.now();
    let customer = world.plan.customer_of(n);
    let mut views = Vec::new();
    for gateway in world.plan.gateways_of(customer) {
        let station = &world.gateways[gateway];
        let of_host = station.mag.bindings(now).filter(|view| view.mac == Some(host.mac));
        let present = of_host.filter(|view| view.state != BindingState::Deregistering);
        views.extend(present.map(|view| (gateway, view)));
    }
    let own = world.plan.anchor_of(n);
    let anchor = machine(world, own, customer);
    let link_layer_id = Some(LinkLayerId::from(host.mac));
    let bindings: Vec<&Binding> = anchor
        .find(customer_id(customer), &host.mn_id)
        .filter(|binding| binding.link_layer_id == link_layer_id)
        .collect();
    if let Some(binding) = stray(world, own, customer, &host.mn_id) {
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
    if bindings.is_empty() && is_turned_away(world, view, own, anchor) {
        return None;
    }
    let [binding] = bindings[..] else {
        return Some(format!("is at {place:?} ({view:?}), its bindings are {bindings:?}"));
    };
    if (*gateway, view.interface) != (place.gateway, place.interface) {
        return Some(format!("is at {place:?} and served at gateway {gateway}: {view:?}"));
    }
    if !agree(world, *gateway, view, binding) {
        return Some(format!("gateway and anchor differ: {view:?}, {binding:?}"));
    }
    let addresses = host.addresses(now);
    if !has_addresses(world, n, binding) {
        return Some(format!("has {addresses:?}, and its binding {:?}", binding.addresses));
    }
    None
}

/// What a node has at other anchors than the one it would rather be with.
fn stray<'a>(world: &'a World, own: usize, customer: usize, mn_id: &MnId) -> Option<&'a Binding> {
    let mut others = (0..world.anchors.len()).filter(|anchor| *anchor != own);
    others.find_map(|anchor| {
        machine(world, anchor, customer).find(customer_id(customer), mn_id).next()
    })
}

/// Whether the host uses exactly what its binding has.
fn has_addresses(world: &World, n: usize, binding: &Binding) -> bool {
    let host = &world.hosts[n];
    let now = world.clock.now();
    let has_ipv6 = world.plan.service.has_ipv6();
    let has_ipv4 = world.plan.service.has_ipv4();
    let may_lack_ipv4 = has_ipv6 && !world.memory.has_ipv4(world.plan.customer_of(n), &host.mn_id);
    let (bound, own) = (binding.addresses.ipv4.map(|home| home.address), host.ipv4(now));
    // One that gets back what was taken from it asks for a lease once in a while.
    let has_same_ipv4 = bound == own || may_lack_ipv4 && own.is_none();
    let behind = host.delegated(now).into_iter().map(IpNet::V6);
    binding.addresses.prefixes.iter().eq(host.prefixes(now))
        && behind.eq(binding.delegated.iter().copied())
        && binding.delegated.is_empty() != world.plan.is_router(n)
        && binding.addresses.prefixes.is_empty() != has_ipv6
        && has_same_ipv4
        && (binding.addresses.ipv4.is_some() == has_ipv4 || may_lack_ipv4)
}

/// Whether a host has a session, as far as its anchor knows.
fn is_bound(world: &World, n: usize) -> bool {
    let (host, customer) = (&world.hosts[n], world.plan.customer_of(n));
    let link_layer_id = Some(LinkLayerId::from(host.mac));
    let anchor = machine(world, world.plan.anchor_of(n), customer);
    let mut bindings = anchor.find(customer_id(customer), &host.mn_id);
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
    let behind: Vec<_> = (0..world.gateways.len()).map(|n| world.ping_from_branch(n)).collect();
    world.run_for(ANSWER, |_| {});
    for (n, (addresses, number)) in behind.into_iter().enumerate() {
        let answered = &world.gateways[n].answered;
        let is_answered = |address: &IpAddr| answered.get(address).is_some_and(|at| *at >= number);
        if let Some(address) = addresses.into_iter().find(|address| !is_answered(address)) {
            return Some(format!("a host behind gateway {n} gets no answer at {address}"));
        }
    }
    let unheard = |(n, address, number): &(usize, IpAddr, u64)| {
        !world.hosts[*n].is_answered(*address, *number)
    };
    let first = asked.into_iter().find(unheard);
    first.map(|(n, address, _)| format!("host {n} gets no answer at {address}"))
}
