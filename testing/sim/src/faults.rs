//! What is done to a domain: nodes roam, links and stations fail, operators act.

use std::time::Duration;

use kedge_mag::{InterfaceId, LinkState};
use kedge_wire::registry::RevocationTrigger;

use crate::clock::Skew;
use crate::host::Place;
use crate::network::Weather;
use crate::plan::{CUSTOMER, FIRST_PORT, SHARED, STATIC, gateway_name};
use crate::trail::Happened;
use crate::world::{Event, Station, World};

/// Lets a domain be disturbed for a while.
pub fn storm(world: &mut World, time: Duration) {
    let pace = world.chance.pick(&[30, 200, 1000]);
    plan_next(world, pace);
    world.run_for(time, |world| {
        disturb(world);
        plan_next(world, pace);
    });
    // The one that is still planned falls into the calm, where nothing is disturbed.
}

/// Ends all disturbances: the network is fine, clocks are within what timestamps allow.
pub fn calm(world: &mut World) {
    world.note(Happened::Disturbance("calm".to_owned()));
    world.network.weather = Weather::FINE;
    world.network.partitions.clear();
    for gateway in 0..world.gateways.len() {
        let millis = i64::from(world.chance.between(0, 4000)) - 2000;
        world.gateways[gateway].skew = Skew { millis };
    }
    for anchor in 0..world.anchors.len() {
        let millis = i64::from(world.chance.between(0, 4000)) - 2000;
        world.anchors[anchor].skew = Skew { millis };
    }
}

/// All nodes go.
pub fn exodus(world: &mut World) {
    for host in 0..world.hosts.len() {
        leave(world, host);
    }
    for gateway in 0..world.gateways.len() {
        world.carrier(Place { gateway, interface: STATIC }, LinkState::Down);
    }
}

fn plan_next(world: &mut World, pace: u32) {
    let wait = world.chance.millis(0, 2 * pace);
    world.agenda.plan(world.clock.now() + wait, Event::Disturb);
}

fn disturb(world: &mut World) {
    let host = world.chance.index(world.hosts.len());
    let gateway = world.chance.index(world.gateways.len());
    let anchor = world.chance.index(world.anchors.len());
    match world.chance.between(0, 999) {
        0..500 => come(world, host),
        500..600 => leave(world, host),
        600..800 => {
            leave(world, host);
            come(world, host);
        }
        800..830 => partition(world, gateway, anchor),
        830..870 => {
            world.network.weather = Weather::drawn(&mut world.chance);
            let weather = world.network.weather;
            world.note(Happened::Disturbance(format!("{weather:?}")));
        }
        870..890 => set_clock(world, gateway, anchor),
        890..930 => flap(world, gateway),
        930..935 => world.restart_gateway(gateway),
        935..938 => world.restart_anchor(anchor),
        938..950 => clear_at_anchor(world, host, gateway),
        950..960 => revoke(world, host),
        960..985 => clear_at_gateway(world, host, gateway),
        985..990 => shut_down(world, gateway),
        _ => reconfigure(world, gateway, anchor),
    }
}

/// A host that is nowhere comes to some link.
fn come(world: &mut World, host: usize) {
    if world.hosts[host].place.is_some() {
        return;
    }
    let gateway = world.chance.index(world.gateways.len());
    let interface = match world.plan.unseen_leaves && world.chance.one_in(2) {
        true => world.chance.pick(&SHARED),
        false => {
            let ports = FIRST_PORT..FIRST_PORT + world.plan.ports;
            let is_free = |port: &u32| {
                world.on_link(Place { gateway, interface: InterfaceId(*port) }).is_empty()
            };
            let Some(port) = ports.into_iter().find(is_free) else { return };
            let interface = InterfaceId(port);
            if !world.plan.unseen_leaves {
                // Whoever was here before is seen to have left, if only by this one's coming.
                world.carrier(Place { gateway, interface }, LinkState::Down);
            }
            interface
        }
    };
    world.attach(host, Place { gateway, interface });
}

/// A host goes, seen, seen late, or unseen.
fn leave(world: &mut World, host: usize) {
    let Some(place) = world.hosts[host].place else { return };
    if world.chance.one_in(5) {
        let now = world.clock.now();
        world.hosts[host].release(now);
        world.settle_host(host);
    }
    world.leave(host);
    let is_port = place.interface.0 >= FIRST_PORT;
    match world.chance.between(0, 2) {
        0 if is_port => world.carrier(place, LinkState::Down),
        1 if is_port && world.plan.unseen_leaves => {}
        _ if is_port => {
            let late = world.chance.millis(1, 5_000);
            let event = Event::Carrier(place, LinkState::Down);
            world.agenda.plan(world.clock.now() + late, event);
        }
        _ => {}
    }
}

fn partition(world: &mut World, gateway: usize, anchor: usize) {
    let pair = (gateway, anchor);
    let heals = world.network.partitions.remove(&pair) || {
        world.network.partitions.insert(pair);
        false
    };
    let what = if heals { "hear each other again" } else { "are parted" };
    world.note(Happened::Disturbance(format!("gateway {gateway} and anchor {anchor} {what}")));
}

fn set_clock(world: &mut World, gateway: usize, anchor: usize) {
    let off = world.chance.pick(&[0, 0, 2_000, -2_000, 5_000, -5_000, 20_000, -20_000, 90_000]);
    let skew = Skew { millis: off };
    let whose = if world.chance.one_in(8) {
        world.anchors[anchor].skew = skew;
        format!("anchor {anchor}")
    } else {
        world.gateways[gateway].skew = skew;
        format!("gateway {gateway}")
    };
    world.note(Happened::Disturbance(format!("the clock of {whose} is {off} ms off")));
}

/// The carrier of a link goes and comes; its hosts lose it and find it.
fn flap(world: &mut World, gateway: usize) {
    let links: Vec<InterfaceId> = world.plan.interfaces().collect();
    let place = Place { gateway, interface: world.chance.pick(&links) };
    let hosts = world.on_link(place).to_vec();
    hosts.iter().for_each(|host| world.leave(*host));
    world.carrier(place, LinkState::Down);
    if world.chance.one_in(2) {
        world.carrier(place, LinkState::Up);
        hosts.iter().for_each(|host| world.attach(*host, place));
    }
}

/// An operator clears a node, a gateway's nodes, or all.
fn clear_at_anchor(world: &mut World, host: usize, gateway: usize) {
    let anchor = world.plan.anchor_of(host);
    let now = world.now(Station::Anchor(anchor));
    let lma = &mut world.anchors[anchor].lma;
    let what = match world.chance.between(0, 19) {
        0 => {
            lma.clear_all(now);
            "everything".to_owned()
        }
        1..5 => {
            let name = gateway_name(gateway);
            lma.clear_peer(&name, now);
            name
        }
        _ => {
            let mn_id = &world.hosts[host].mn_id;
            lma.clear(CUSTOMER, mn_id, now);
            mn_id.to_string()
        }
    };
    world.note(Happened::Disturbance(format!("anchor {anchor}: clear {what}")));
    world.settle(Station::Anchor(anchor));
}

/// An operator takes a node's bindings back, or its IPv4 addresses alone.
fn revoke(world: &mut World, host: usize) {
    let anchor = world.plan.anchor_of(host);
    let now = world.now(Station::Anchor(anchor));
    let mn_id = world.hosts[host].mn_id.clone();
    let lma = &mut world.anchors[anchor].lma;
    let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
    let what = if world.chance.one_in(2) {
        world.memory.may_lack_ipv4(&mn_id);
        lma.revoke_ipv4(CUSTOMER, &mn_id, trigger, now);
        "loses IPv4"
    } else {
        lma.revoke(CUSTOMER, &mn_id, trigger, now);
        "is revoked"
    };
    world.note(Happened::Disturbance(format!("{mn_id} {what} at anchor {anchor}")));
    world.settle(Station::Anchor(anchor));
}

fn clear_at_gateway(world: &mut World, host: usize, gateway: usize) {
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
fn shut_down(world: &mut World, gateway: usize) {
    world.note(Happened::Disturbance(format!("gateway {gateway} shuts down")));
    let now = world.now(Station::Gateway(gateway));
    world.gateways[gateway].mag.shutdown(now);
    world.settle(Station::Gateway(gateway));
    world.restart_gateway(gateway);
}

/// An operator changes how long bindings last, and back.
fn reconfigure(world: &mut World, gateway: usize, anchor: usize) {
    world.note(Happened::Disturbance(format!("gateway {gateway}, anchor {anchor}: settings")));
    let now = world.now(Station::Gateway(gateway));
    let mut settings = world.plan.gateway(gateway, world.gateways[gateway].restarts);
    settings.tunnel_mtu = world.chance.pick(&[None, Some(1400)]);
    world.gateways[gateway].mag.apply(settings, now);
    world.settle(Station::Gateway(gateway));
    let mut settings = world.plan.anchor(anchor, world.anchors[anchor].restarts);
    settings.tunnel_mtu = world.chance.pick(&[None, Some(1400)]);
    settings.lifetime =
        world.chance.pick(&[settings.lifetime, kedge_model::Lifetime::from_secs(24)]);
    world.anchors[anchor].lma.apply(settings, now);
    world.settle(Station::Anchor(anchor));
}
