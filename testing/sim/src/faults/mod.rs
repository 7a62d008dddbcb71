//! What is done to a domain: nodes roam, links and stations fail, operators act.

mod orders;

use std::time::Duration;

use kedge_lma::Load;
use kedge_mag::{InterfaceId, LinkState};

use crate::clock::Skew;
use crate::host::Place;
use crate::network::Weather;
use crate::plan::{AnchorOrders, FIRST_PORT, GatewayOrders, LOGICAL, SHARED, STATIC};
use crate::trail::Happened;
use crate::world::{Event, World};

/// Longer than an anchor waits for AAA, and an answer is on its way.
const AAA_PATIENCE: Duration = Duration::from_secs(70);

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

/// Ends all disturbances: the network is fine, clocks are within what timestamps allow, and
/// everybody is served who was in the beginning.
pub fn calm(world: &mut World) {
    world.note(Happened::Disturbance("calm".to_owned()));
    world.network.weather = Weather::FINE;
    world.network.partitions.clear();
    for gateway in 0..world.gateways.len() {
        let millis = i64::from(world.chance.between(0, 4000)) - 2000;
        world.gateways[gateway].skew = Skew { millis };
        let orders = GatewayOrders { without_link: None, ..world.gateways[gateway].orders };
        if orders != world.gateways[gateway].orders {
            world.order_gateway(gateway, orders);
        }
    }
    for anchor in 0..world.anchors.len() {
        let millis = i64::from(world.chance.between(0, 4000)) - 2000;
        world.anchors[anchor].skew = Skew { millis };
        let kept = world.anchors[anchor].orders;
        let orders = AnchorOrders { without_gateway: None, without_customer: None, ..kept };
        if orders != kept {
            world.order_anchor(anchor, orders);
        }
        for customer in 0..world.plan.customers {
            world.anchors[anchor].order(customer, |lma| lma.set_load(Load::Normal));
        }
    }
}

/// The operators of gateways have refused nodes tried again, if one of an anchor or AAA has had
/// some refused: such a node waits for that (RFC 5213 §6.9.1.2 (7)). They do so once AAA has said
/// all that it was asked in the storm.
pub fn amnesty(world: &mut World) {
    if std::mem::take(&mut world.memory.excluded) {
        world.run_for(AAA_PATIENCE, |_| {});
        for gateway in 0..world.gateways.len() {
            world.order_gateway(gateway, world.gateways[gateway].orders);
        }
    }
}

/// All nodes go.
pub fn exodus(world: &mut World) {
    for host in 0..world.hosts.len() {
        leave(world, host);
    }
    for gateway in 0..world.gateways.len() {
        for interface in [STATIC, LOGICAL] {
            world.carrier(Place { gateway, interface }, LinkState::Down);
        }
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
        0..480 => come(world, host),
        480..580 => leave(world, host),
        580..780 => {
            leave(world, host);
            come(world, host);
        }
        780..810 => partition(world, gateway, anchor),
        810..850 => {
            world.network.weather = Weather::drawn(&mut world.chance);
            let weather = world.network.weather;
            world.note(Happened::Disturbance(format!("{weather:?}")));
        }
        850..870 => set_clock(world, gateway, anchor),
        870..905 => flap(world, gateway),
        905..910 => world.restart_gateway(gateway),
        910..913 => world.restart_anchor(anchor),
        913..925 => orders::clear_at_anchor(world, anchor, host),
        925..935 => orders::revoke(world, anchor, host),
        935..955 => orders::clear_at_gateway(world, host, gateway),
        955..959 => orders::shut_down(world, gateway),
        959..966 => orders::reconfigure_gateway(world, gateway),
        966..973 => orders::reconfigure_anchor(world, anchor),
        973..978 => world.rebuild_branch(gateway),
        978..990 if world.plan.is_translated(gateway) => world.remap(gateway),
        978..990 => {}
        990..995 => orders::change_authorization(world, anchor, host),
        _ => orders::load(world, anchor),
    }
}

/// A host that is nowhere comes to some link.
fn come(world: &mut World, host: usize) {
    if world.hosts[host].place.is_some() {
        return;
    }
    let gateways: Vec<usize> = world.plan.gateways_of(world.plan.customer_of(host)).collect();
    let gateway = world.chance.pick(&gateways);
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
