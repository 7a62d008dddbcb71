//! Whatever happens in whatever order, what is wanted agrees with what is shown, the anchor is
//! not hammered, and everything ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kedge_access_wire::dhcpv4::{self, DhcpOption, MessageType};
use kedge_mag::{BindingState, DetachDiscovery, LinkState};
use kedge_model::{BindingId, MacAddr};
use kedge_sansio::Rng;
use kedge_wire::registry::{RevocationStatus, Status};
use kedge_wire::{
    BindingRevocationAcknowledgement, BindingRevocationIndication, DelegatedMobileNetworkPrefix,
    Message, Options, Packet,
};

use crate::delegation::{MOBILE_NETWORK, asked, delegating, speak};
use crate::world::*;

const STEPS: u32 = 3_000;

/// One random thing happens.
fn step(world: &mut World, pending: &mut Vec<Sent>, rng: &mut Rng, second: bool) {
    let interface = [IF1, IF2][rng.below(2) as usize];
    let mac = [NODE, OTHER_NODE, STRANGER][rng.below(3) as usize];
    match rng.below(16) {
        0 | 1 => world.solicit(interface, mac),
        2 => {
            let kind = MessageType(1 + rng.below(8) as u8);
            let requested = DhcpOption::RequestedAddress("10.1.0.7".parse().unwrap());
            world.dhcp(
                interface,
                &dhcpv4::Message { chaddr: mac, ..dhcp_message(kind, vec![requested]) },
            );
        }
        3 => world.arp(interface, mac, "10.1.0.7".parse().unwrap(), ROUTER),
        4 => {
            let state = [LinkState::Up, LinkState::Up, LinkState::Down, LinkState::Gone];
            let state = state[rng.below(4) as usize];
            world.input(|mag, now| mag.handle_link(interface, state, now));
        }
        5 => {
            let all = rng.below(4) == 0;
            world.input(|mag, now| {
                match all {
                    true => mag.clear_all(now),
                    false => mag.clear(&mn("mn7@example.com"), now),
                };
            });
        }
        14 | 15 => {
            let prefixes = &[MOBILE_NETWORK, "2001:db8:d1::/56"][..rng.below(3) as usize];
            speak(world, interface, mac, 1 + rng.below(11) as u8, prefixes);
        }
        6 => {
            let mut settings = if second { two_anchors() } else { delegating() };
            settings.detach =
                Some(DetachDiscovery { interval: secs(10), timeout: secs(1), retries: 1 });
            if rng.below(3) == 0 {
                settings.identities.remove(&NODE);
            }
            world.input(|mag, now| mag.apply(settings, now));
        }
        7..=11 if !pending.is_empty() => {
            let update = pending.remove(rng.below(pending.len() as u32) as usize);
            if let Message::BindingRevocationIndication(bri) = update.packet.message {
                return acknowledge(world, &update, bri, rng);
            }
            match rng.below(8) {
                0 => world.reject(&update, Status(128 + rng.below(60) as u8)),
                1 => world.deliver(update.path, &update.packet),
                2 if update.update().lifetime.is_zero() => {
                    world.answer(&update, Status::ACCEPTED, 0, update.echo());
                }
                _ => {
                    let lifetime = [8, 60, 3600][rng.below(3) as usize];
                    let delegates = !asked(&update).is_empty() && rng.below(4) > 0;
                    world.accept_with(&update, lifetime, |options| {
                        if delegates {
                            let prefix = MOBILE_NETWORK.parse().unwrap();
                            options.push(DelegatedMobileNetworkPrefix { prefix });
                        }
                    });
                }
            }
        }
        _ => world.pass(Duration::from_millis(rng.below(20_000).into())),
    }
}

/// The anchor says something to a revocation.
fn acknowledge(world: &mut World, sent: &Sent, bri: BindingRevocationIndication, rng: &mut Rng) {
    let status = RevocationStatus([0, 1, 128, 130, 134][rng.below(5) as usize]);
    let BindingRevocationIndication { sequence, flags, .. } = bri;
    let bra = BindingRevocationAcknowledgement { status, sequence, flags };
    let message = Message::BindingRevocationAcknowledgement(bra);
    world.deliver(sent.path, &Packet { message, options: Options::new() });
}

fn check(world: &World) {
    let views: BTreeMap<BindingId, _> =
        world.mag.bindings(world.now().mono).map(|view| (view.binding, view)).collect();
    let served: BTreeSet<BindingId> = views
        .values()
        .filter(|v| matches!(v.state, BindingState::Active | BindingState::Refreshing))
        .map(|view| view.binding)
        .collect();
    let keys = |ids: Vec<BindingId>| ids.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(keys(world.forwarding.keys().copied().collect()), served);
    assert_eq!(keys(world.access.keys().copied().collect()), served);
    for id in &served {
        let (view, access, forwarding) = (&views[id], &world.access[id], &world.forwarding[id]);
        assert_eq!(access.all_inner(), forwarding.inner);
        assert_eq!(access.delegated, view.delegated);
        assert_eq!((access.interface, access.mac), (view.interface, view.mac));
        assert_eq!(Some(forwarding.paths[0].tunnel), view.tunnel);
        assert!(view.lifetime.is_some_and(|(_, left)| !left.is_zero()), "{view:?}");
    }
    // A hardware address is at one place.
    let here = views.values().filter(|v| v.state != BindingState::Deregistering);
    let macs: Vec<MacAddr> = here.filter_map(|view| view.mac).collect();
    assert_eq!(macs.iter().collect::<BTreeSet<_>>().len(), macs.len());
}

#[test]
fn what_is_wanted_agrees_with_what_is_shown_whatever_happens() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let mut world = World::new(if seed % 2 == 0 { delegating() } else { two_anchors() });
        let mut pending = Vec::new();
        for _ in 0..STEPS / 20 {
            step(&mut world, &mut pending, &mut rng, seed % 2 == 1);
            pending.append(&mut world.sent);
            pending.truncate(50);
            check(&world);
        }
        world.input(|mag, now| mag.shutdown(now));
        check(&world);
        world.pass(secs(60));
        assert!(world.mag.is_idle(), "seed {seed}");
        // An anchor that was silent has its hold time still.
        world.pass(secs(1000));
        assert_eq!(world.mag.poll_timeout(), None, "seed {seed}");
    }
}

#[test]
fn an_anchor_that_never_answers_and_one_that_always_refuses_are_not_hammered() {
    for refuses in [false, true] {
        let mut world = World::new(settings());
        let mut updates = 0;
        for second in 0..3600 {
            // The node is as impatient as it can be.
            for _ in 0..5 {
                world.solicit(IF1, NODE);
                world.dhcp(IF1, &dhcp_message(MessageType::DISCOVER, vec![]));
            }
            for update in std::mem::take(&mut world.sent) {
                updates += 1;
                if refuses {
                    world.reject(&update, Status(128 + (second % 60) as u8));
                }
            }
            world.frames.clear();
            world.pass(secs(1));
        }
        // Every 32 seconds, and a few at the beginning; refusals are spaced wider still, but a
        // few of them are answered with a corrected update at once.
        assert!(updates < 3600 / 32 + 10, "{updates} updates in an hour");
    }
}
