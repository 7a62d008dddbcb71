//! What operators do in service.

use std::time::Duration;

use kedge_lma::{Change, Load};
use kedge_wire::registry::RevocationTrigger;

use crate::plan::{AnchorOrders, GatewayOrders, SHARED, customer_id, gateway_name};
use crate::trail::Happened;
use crate::world::{Station, World};

/// Clears a node, a gateway's nodes, a realm, or all.
pub fn clear_at_anchor(world: &mut World, anchor: usize, host: usize) {
    let customer = world.plan.customer_of(host);
    let now = world.now(Station::Anchor(anchor));
    let id = customer_id(customer);
    let mn_id = world.hosts[host].mn_id.clone();
    let gateways: Vec<usize> = world.plan.gateways_of(customer).collect();
    let gateway = gateway_name(world.chance.pick(&gateways));
    let choice = world.chance.between(0, 19);
    let machines = &mut world.anchors[anchor];
    let what = match choice {
        0 => {
            machines.customers.clear_all(now);
            "everything".to_owned()
        }
        1 => {
            machines.order(customer, |lma| lma.clear_all(now));
            format!("customer {customer}")
        }
        2 => {
            machines.order(customer, |lma| lma.clear_realm(id, "example.com", now));
            format!("example.com of customer {customer}")
        }
        3..6 => {
            machines.order(customer, |lma| lma.clear_peer(&gateway, now));
            gateway
        }
        _ => {
            machines.order(customer, |lma| lma.clear(id, &mn_id, now));
            mn_id.to_string()
        }
    };
    world.note(Happened::Disturbance(format!("anchor {anchor}: clear {what}")));
    world.settle(Station::Anchor(anchor));
}

/// Takes a node's bindings back, or one, or its IPv4 addresses alone.
pub fn revoke(world: &mut World, anchor: usize, host: usize) {
    let customer = world.plan.customer_of(host);
    let id = customer_id(customer);
    let now = world.now(Station::Anchor(anchor));
    let mn_id = world.hosts[host].mn_id.clone();
    let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
    let choice = world.chance.between(0, 2);
    let what = match choice {
        0 => {
            world.memory.may_lack_ipv4(customer, &mn_id);
            world.anchors[anchor].order(customer, |lma| lma.revoke_ipv4(id, &mn_id, trigger, now));
            "loses IPv4"
        }
        1 => {
            world.anchors[anchor].order(customer, |lma| lma.revoke(id, &mn_id, trigger, now));
            "is revoked"
        }
        _ => {
            world.anchors[anchor].order(customer, |lma| {
                let first = lma.find(id, &mn_id).next().map(|binding| binding.id);
                first.map(|binding| lma.revoke_binding(binding, trigger, now))
            });
            "loses a binding"
        }
    };
    world.note(Happened::Disturbance(format!("{mn_id} {what} at anchor {anchor}")));
    world.settle(Station::Anchor(anchor));
}

/// Clears a node or all nodes.
pub fn clear_at_gateway(world: &mut World, host: usize, gateway: usize) {
    let gateway = world.hosts[host].place.map_or(gateway, |place| place.gateway);
    let now = world.now(Station::Gateway(gateway));
    if world.chance.one_in(20) {
        world.note(Happened::Disturbance(format!("gateway {gateway} is cleared")));
        world.gateways[gateway].mag.clear_all(now);
    } else {
        let mn_id = world.hosts[host].mn_id.clone();
        world.note(Happened::Disturbance(format!("{mn_id} is cleared at gateway {gateway}")));
        world.gateways[gateway].mag.clear(&mn_id, now);
    }
    world.settle(Station::Gateway(gateway));
}

/// A gateway ends its sessions and is started again, perhaps before the anchor has heard.
pub fn shut_down(world: &mut World, gateway: usize) {
    world.note(Happened::Disturbance(format!("gateway {gateway} shuts down")));
    let now = world.now(Station::Gateway(gateway));
    world.gateways[gateway].mag.shutdown(now);
    world.settle(Station::Gateway(gateway));
    world.restart_gateway(gateway);
}

/// Changes when updates are sent, how large packets are and by which tunnel they go; takes a link away, and gives it back.
pub fn reconfigure_gateway(world: &mut World, gateway: usize) {
    let chance = &mut world.chance;
    let mode = world.plan.another_mode(chance);
    let orders = GatewayOrders {
        without_link: chance.one_in(3).then_some(SHARED[1]),
        hurries: chance.one_in(2),
        tunnel_mtu: chance.pick(&[None, Some(1400)]),
        mode: chance.one_in(2).then_some(mode),
    };
    world.order_gateway(gateway, orders);
}

/// Changes the pools, how long bindings last, how large packets are and which tunnels they may take;
/// takes a gateway or a customer away, and gives it back.
pub fn reconfigure_anchor(world: &mut World, anchor: usize) {
    let (gateways, customers) = (world.gateways.len(), world.plan.customers);
    let chance = &mut world.chance;
    let policy = world.plan.another_policy(chance);
    let orders = AnchorOrders {
        other_pools: chance.one_in(4) != world.anchors[anchor].orders.other_pools,
        without_gateway: chance.one_in(4).then(|| chance.index(gateways)),
        without_customer: chance.one_in(6).then(|| chance.index(customers)),
        lifetime: chance.pick(&[None, Some(24)]),
        tunnel_mtu: chance.pick(&[None, Some(1400)]),
        policy: chance.one_in(2).then_some(policy),
    };
    world.memory.excluded |= orders.without_gateway.is_some() || orders.without_customer.is_some();
    world.order_anchor(anchor, orders);
}

/// AAA has a node's sessions end soon (RFC 5176).
pub fn change_authorization(world: &mut World, anchor: usize, host: usize) {
    let customer = world.plan.customer_of(host);
    let mn_id = world.hosts[host].mn_id.clone();
    let now = world.now(Station::Anchor(anchor));
    let seconds = world.chance.between(0, 60);
    let change = Change { session: Some(Duration::from_secs(seconds.into())), class: None };
    let id = customer_id(customer);
    world.anchors[anchor].order(customer, |lma| lma.change_authorization(id, &mn_id, &change, now));
    world.note(Happened::Disturbance(format!("{mn_id} at anchor {anchor}: {seconds} s are left")));
    world.settle(Station::Anchor(anchor));
}

/// An anchor is busy with a customer, or is not any more.
pub fn load(world: &mut World, anchor: usize) {
    let customer = world.chance.index(world.plan.customers);
    let load = world.chance.pick(&[Load::Normal, Load::Busy, Load::Saturated]);
    world.anchors[anchor].order(customer, |lma| lma.set_load(load));
    world.note(Happened::Disturbance(format!("anchor {anchor}, customer {customer}: {load:?}")));
}
