//! Several anchors: which one a session is with, fail-over, return.
//!
//! ```text
//!   node ── gateway ──┬── LMA1, preferred
//!                     └── LMA2
//! ```

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kedge_access_wire::icmpv6::NdOption;
use kedge_mag::{BindingState, BindingView, Event, LinkState, Lma, Profile, Refusal, TunnelMode};
use kedge_model::{Encapsulation, IpNet, Ipv6Net};
use kedge_sansio::Rhythm;
use kedge_wire::registry::{OptionType, RevocationTrigger, Status};
use kedge_wire::{
    BindingRevocationIndication, HomeNetworkPrefix, Ipv4HomeAddressReply, Message, MnIdOption,
    NatDetection, Options, Packet, RevocationFlags,
};

use crate::world::*;

const FIRST: &str = "2001:db8::1";
const SECOND: &str = "2001:db8::2";
/// What the second anchor gives.
const SECOND_PREFIX: &str = "2001:db8:2:7::/64";
const SECOND_HOME: &str = "10.2.0.7/24";

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn view(world: &World) -> BindingView {
    let mut views: Vec<_> = world.mag.bindings(world.now().mono).collect();
    views.retain(|view| view.state != BindingState::Deregistering);
    assert_eq!(views.len(), 1, "{views:#?}");
    views.remove(0)
}

/// The messages to one anchor since the last time.
fn take_to(world: &mut World, anchor: &str) -> Vec<Sent> {
    let (to, others) = world.sent.drain(..).partition(|sent| sent.path.peer.ip() == ip(anchor));
    world.sent = others;
    to
}

/// The anchor accepts the last update to it with addresses of its own.
#[track_caller]
fn accept_at(world: &mut World, anchor: &str) -> Sent {
    let update = take_to(world, anchor).pop().expect("an update to this anchor");
    accept(world, anchor, &update);
    update
}

fn accept(world: &mut World, anchor: &str, update: &Sent) {
    let mut options = update.echo();
    let mn_id = update.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
    let (prefix, home) = match (anchor == FIRST, mn_id == mn("mn7@example.com")) {
        (true, true) => (PREFIX, HOME),
        (true, false) => (OTHER_PREFIX, OTHER_HOME),
        (false, true) => (SECOND_PREFIX, SECOND_HOME),
        (false, false) => ("2001:db8:2:8::/64", "10.2.0.8/24"),
    };
    if update.update().lifetime.is_zero() {
        return world.answer(update, Status::ACCEPTED, 0, options);
    }
    if !update.prefixes().is_empty() {
        options.push(HomeNetworkPrefix::new(prefix.parse().unwrap()));
    }
    if update.address().is_some() {
        let status = kedge_wire::registry::Ipv4HomeAddressStatus::SUCCESS;
        options.push(Ipv4HomeAddressReply { status, address: home.parse().unwrap() });
    }
    world.answer(update, Status::ACCEPTED, 3600, options);
}

/// Each anchor that is up answers whatever it is asked, for a while.
fn live(world: &mut World, up: &[&str], time: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    for _ in 0..time.as_millis() / STEP.as_millis() {
        world.pass(STEP);
        settle(world, up);
    }
}

fn settle(world: &mut World, up: &[&str]) {
    for _ in 0..10 {
        let messages: Vec<Sent> = world.sent.drain(..).collect();
        for sent in messages {
            let anchor = [FIRST, SECOND].into_iter().find(|a| ip(a) == sent.path.peer.ip());
            let anchor = anchor.expect("one of the two");
            if up.contains(&anchor) && matches!(sent.packet.message, Message::BindingUpdate(_)) {
                accept(world, anchor, &sent);
            }
        }
    }
}

/// The first anchor ignores the node and answers another one, the second has no place.
fn live_ignored(world: &mut World, time: Duration) {
    let other = mn("mn8@example.com");
    for _ in 0..time.as_secs() {
        world.pass(secs(1));
        world.solicit(IF2, OTHER_NODE);
        let messages: Vec<Sent> = world.sent.drain(..).collect();
        for sent in messages {
            let whose = sent.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
            if sent.path.peer.ip() == ip(SECOND) {
                world.answer(&sent, Status::INSUFFICIENT_RESOURCES, 0, sent.echo());
            } else if whose == other {
                accept(world, FIRST, &sent);
            }
        }
    }
}

fn active_at_first() -> World {
    let mut world = World::new(two_anchors());
    world.solicit(IF1, NODE);
    accept_at(&mut world, FIRST);
    assert_eq!(view(&world).lma, ip(FIRST));
    world.frames.clear();
    world.events.clear();
    world
}

#[test]
fn the_first_anchor_of_the_configuration_is_asked_first_unless_the_node_has_its_own() {
    let mut settings = two_anchors();
    let own = Profile { lma: Some("LMA2".to_owned()), ..Profile::default() };
    settings.profiles.insert(mn("mn8@example.com"), own);
    settings.preference.reverse();
    let mut world = World::new(settings.clone());
    world.solicit(IF1, NODE);
    assert_eq!(world.take_one().path.peer.ip(), ip(SECOND), "the order is the operator's");
    settings.preference.reverse();
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    assert_eq!(world.take_one().path.peer.ip(), ip(FIRST));
    world.solicit(IF2, OTHER_NODE);
    assert_eq!(world.take_one().path.peer.ip(), ip(SECOND));
}

#[test]
fn a_node_that_attaches_while_the_first_anchor_is_silent_is_served_by_the_second() {
    let mut world = World::new(two_anchors());
    world.solicit(IF1, NODE);
    world.pass(secs(7) - Duration::from_millis(1));
    assert_eq!(take_to(&mut world, FIRST).len(), 3, "after 0, 1 and 3 seconds");
    world.pass(Duration::from_millis(1));
    assert!(world.events.contains(&Event::PeerDown { peer: ip(FIRST) }));
    accept_at(&mut world, SECOND);
    assert_eq!(view(&world).prefixes, [SECOND_PREFIX.parse().unwrap()]);
    // What the first may have accepted without saying so is ended.
    let farewell = &take_to(&mut world, FIRST)[0];
    assert!(farewell.update().lifetime.is_zero());
    // The next node does not wait for the first.
    world.solicit(IF2, OTHER_NODE);
    assert_eq!(take_to(&mut world, SECOND).len(), 1);
}

#[test]
fn a_session_keeps_its_service_until_another_anchor_has_accepted_it() {
    let mut world = active_at_first();
    let before = world.forwarding.clone();
    world.pass(secs(300 + 6));
    assert_eq!(take_to(&mut world, FIRST).len(), 3, "a refresh that is not answered");
    world.pass(secs(2));
    assert_eq!(world.forwarding, before);
    let scout = take_to(&mut world, SECOND).pop().expect("the second is asked");
    assert_eq!(scout.prefixes(), [Ipv6Net::default()], "it has pools of its own");
    assert_eq!(view(&world).lma, ip(FIRST));
    let id = view(&world).binding;
    world.frames.clear();
    accept(&mut world, SECOND, &scout);

    let now = view(&world);
    assert_eq!((now.lma, now.lma_name.as_str(), now.binding), (ip(SECOND), "LMA2", id));
    let inner: [IpNet; 2] = [SECOND_PREFIX.parse().unwrap(), "10.2.0.7/32".parse().unwrap()];
    assert_eq!(world.forwarding[&id].inner, inner);
    assert_eq!(world.forwarding[&id].paths[0].tunnel.peer, ip(SECOND));
    // The node is told at once that its old prefix is over.
    let (_, _, ra) = world.take_advertisements().remove(0);
    assert!(ra.router_lifetime > 0);
    let prefixes = ra.options.iter().filter_map(|option| match option {
        NdOption::PrefixInformation(p) => Some((p.prefix, p.valid_lifetime > 0)),
        _ => None,
    });
    let lifetimes: Vec<(Ipv6Net, bool)> = prefixes.collect();
    let (old, new) = (PREFIX.parse().unwrap(), SECOND_PREFIX.parse().unwrap());
    assert_eq!(lifetimes, [(new, true), (old, false)]);
    let changed = |e: &&Event| {
        matches!(e, Event::AnchorChanged { from, to, .. }
        if *from == ip(FIRST) && *to == ip(SECOND))
    };
    assert_eq!(world.events.iter().filter(changed).count(), 1);
    assert_eq!(world.count("mag_binding_updates_sent", "anchor_changes"), 1);
    // The first is told, in vain, with what it granted.
    let farewell = take_to(&mut world, FIRST).pop().unwrap();
    assert!(farewell.update().lifetime.is_zero());
    assert_eq!(farewell.prefixes(), [PREFIX.parse().unwrap()]);
}

#[test]
fn a_session_returns_when_its_anchor_is_back_but_not_before_the_hold_time() {
    let mut world = active_at_first();
    live(&mut world, &[SECOND], secs(320));
    assert_eq!(view(&world).lma, ip(SECOND));
    // It is back, and nobody there knows.
    live(&mut world, &[FIRST, SECOND], secs(10));
    assert_eq!(view(&world).lma, ip(SECOND));
    live(&mut world, &[FIRST, SECOND], secs(25));
    let home = view(&world);
    assert_eq!((home.lma, home.prefixes), (ip(FIRST), vec![PREFIX.parse().unwrap()]));
    assert!(world.events.contains(&Event::PeerUp { peer: ip(FIRST) }));
    live(&mut world, &[FIRST, SECOND], secs(30));
    assert!(world.sent.is_empty(), "the second was told");
    assert_eq!(world.mag.bindings(world.now().mono).count(), 1);
}

#[test]
fn while_the_anchor_stays_away_one_session_tries_it_now_and_then() {
    let mut world = active_at_first();
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    live(&mut world, &[SECOND], secs(330));
    let (mut tries, mut seconds) = (0, 0);
    while seconds < 300 {
        world.pass(secs(1));
        seconds += 1;
        let tried = take_to(&mut world, FIRST);
        tries += tried.iter().filter(|t| !t.update().lifetime.is_zero()).count();
        settle(&mut world, &[SECOND]);
    }
    // Three transmissions every half minute, of one of the two nodes.
    assert!((24..=33).contains(&tries), "{tries} updates in five minutes");
    let active = world.mag.bindings(world.now().mono);
    let active = active.filter(|v| v.state == BindingState::Active && v.lma == ip(SECOND));
    assert_eq!(active.count(), 2, "the nodes do not notice");
}

#[test]
fn an_anchor_that_falls_again_and_again_is_trusted_ever_later() {
    let mut world = active_at_first();
    let mut away = Vec::new();
    for _ in 0..3 {
        let mut waited = Duration::ZERO;
        while view(&world).lma == ip(FIRST) {
            live(&mut world, &[SECOND], secs(1));
            assert!(waited < secs(400), "it fails over");
            waited += secs(1);
        }
        waited = Duration::ZERO;
        while view(&world).lma == ip(SECOND) {
            live(&mut world, &[FIRST, SECOND], secs(1));
            waited += secs(1);
            assert!(waited < secs(400), "it returns");
        }
        away.push(waited.as_secs());
    }
    assert!(away[1] > away[0] + 15 && away[2] > away[1] + 30, "{away:?}");
}

#[test]
fn an_anchor_that_refuses_for_its_own_reasons_is_passed_over() {
    for status in [
        Status::REASON_UNSPECIFIED,
        Status::ADMINISTRATIVELY_PROHIBITED,
        Status::INSUFFICIENT_RESOURCES,
        Status::NOT_LMA_FOR_THIS_MOBILE_NODE,
        Status::MAG_NOT_AUTHORIZED_FOR_PROXY_REG,
    ] {
        let mut world = World::new(two_anchors());
        world.solicit(IF1, NODE);
        let update = world.take_one();
        world.reject(&update, status);
        accept_at(&mut world, SECOND);
        assert_eq!(view(&world).lma, ip(SECOND), "{status}");
        assert!(take_to(&mut world, FIRST).is_empty(), "{status}: there is nothing to end");
        // It is asked again, but not soon.
        live(&mut world, &[SECOND], secs(590));
        world.pass(secs(11));
        let again = take_to(&mut world, FIRST).pop().expect("the first is asked again");
        accept(&mut world, FIRST, &again);
        assert_eq!(view(&world).lma, ip(FIRST), "{status}");
    }
}

#[test]
fn a_node_that_all_anchors_refuse_waits_and_begins_with_the_first_again() {
    let mut world = World::new(two_anchors());
    world.solicit(IF1, NODE);
    for anchor in [FIRST, SECOND] {
        let update = world.take_one();
        assert_eq!(update.path.peer.ip(), ip(anchor));
        world.reject(&update, Status::INSUFFICIENT_RESOURCES);
    }
    assert!(matches!(view(&world).state, BindingState::Refused(_)));
    world.pass(secs(10));
    assert_eq!(world.take_one().path.peer.ip(), ip(FIRST));
}

#[test]
fn a_rejected_refresh_ends_the_service_and_another_anchor_gives_it_back() {
    let mut world = active_at_first();
    world.pass(secs(300));
    let refresh = world.take_one();
    world.reject(&refresh, Status::INSUFFICIENT_RESOURCES);
    assert!(world.forwarding.is_empty(), "RFC 5213 §6.9.1.2 (11)");
    accept_at(&mut world, SECOND);
    assert_eq!(world.forwarding.len(), 1);
}

#[test]
fn an_anchor_that_answers_others_and_ignores_one_node_loses_that_one_alone() {
    let mut world = active_at_first();
    world.solicit(IF2, OTHER_NODE);
    for _ in 0..7 {
        world.pass(secs(1));
        world.solicit(IF1, NODE);
        let mine: Vec<Sent> = take_to(&mut world, FIRST);
        for sent in mine.iter().filter(|s| s.prefixes() == [PREFIX.parse().unwrap()]) {
            accept(&mut world, FIRST, sent);
        }
    }
    assert_eq!(take_to(&mut world, SECOND).len(), 1, "the ignored one");
    assert!(!world.events.contains(&Event::PeerDown { peer: ip(FIRST) }));
}

#[test]
fn heartbeats_that_stay_unanswered_move_the_sessions() {
    let mut settings = two_anchors();
    settings.heartbeat = Some(Rhythm { interval: secs(30), timeout: secs(1), allowed: 1 });
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    accept_at(&mut world, FIRST);
    live(&mut world, &[SECOND], secs(30 + 2 + 2));
    assert_eq!(view(&world).lma, ip(SECOND));
}

#[test]
fn a_node_that_comes_within_the_hold_time_goes_to_its_anchor_at_the_end_of_it() {
    let mut settings = two_anchors();
    settings.heartbeat = Some(Rhythm { interval: secs(5), timeout: secs(1), allowed: 1 });
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    accept_at(&mut world, FIRST);
    live(&mut world, &[SECOND], secs(10));
    assert_eq!(view(&world).lma, ip(SECOND));
    // A node that tries the first at once finds out that it is back.
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    live(&mut world, &[FIRST, SECOND], secs(6));
    world.solicit(IF2, OTHER_NODE);
    live(&mut world, &[FIRST, SECOND], secs(2));
    let there = view(&world).lma;
    live(&mut world, &[FIRST, SECOND], secs(60));
    assert_eq!((there, view(&world).lma), (ip(SECOND), ip(FIRST)));
}

#[test]
fn a_session_that_another_anchor_takes_when_its_own_is_back_already_returns() {
    let mut world = active_at_first();
    world.pass(secs(310));
    let scout = take_to(&mut world, SECOND).pop().expect("the first does not answer");
    accept_at(&mut world, FIRST);
    accept(&mut world, SECOND, &scout);
    assert_eq!(view(&world).lma, ip(SECOND));
    live(&mut world, &[FIRST, SECOND], secs(60));
    assert_eq!(view(&world).lma, ip(FIRST));
}

#[test]
fn a_refused_node_that_another_anchor_takes_within_the_hold_time_returns_at_the_end_of_it() {
    let mut settings = two_anchors();
    settings.heartbeat = Some(Rhythm { interval: secs(5), timeout: secs(1), allowed: 1 });
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    accept_at(&mut world, FIRST);
    world.solicit(IF2, OTHER_NODE);
    for anchor in [FIRST, SECOND] {
        let update = take_to(&mut world, anchor).pop().expect("an update");
        world.answer(&update, Status::INSUFFICIENT_RESOURCES, 0, update.echo());
    }
    live(&mut world, &[], secs(8));
    // The first answers again, and its node leaves; the second refuses the other node once more.
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    settle(&mut world, &[FIRST]);
    world.pass(secs(3));
    let mut messages = take_to(&mut world, SECOND);
    messages.retain(|sent| !sent.update().lifetime.is_zero());
    let update = messages.pop().expect("another attempt");
    world.answer(&update, Status::INSUFFICIENT_RESOURCES, 0, update.echo());
    assert!(matches!(view(&world).state, BindingState::Refused(_)));
    live(&mut world, &[FIRST, SECOND], secs(22));
    assert_eq!(view(&world).lma, ip(SECOND));
    live(&mut world, &[FIRST, SECOND], secs(5));
    assert_eq!(view(&world).lma, ip(FIRST));
}

#[test]
fn an_anchor_that_accepts_a_node_again_is_not_left_for_having_ignored_it() {
    let mut world = active_at_first();
    world.solicit(IF2, OTHER_NODE);
    accept_at(&mut world, FIRST);
    // Twice the first answers the other node alone, while the second is full.
    for _ in 0..2 {
        live_ignored(&mut world, secs(325));
        live(&mut world, &[FIRST], secs(10));
    }
    for _ in 0..700 {
        live(&mut world, &[FIRST, SECOND], secs(1));
        assert!(world.mag.bindings(world.now().mono).all(|view| view.lma == ip(FIRST)));
    }
}

#[test]
fn a_node_that_leaves_while_another_anchor_is_tried_leaves_nothing() {
    let mut world = active_at_first();
    world.pass(secs(300 + 8));
    let scout = take_to(&mut world, SECOND).pop().expect("the second is being tried");
    world.sent.clear();
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    let ended: Vec<IpAddr> = world.sent.iter().map(|sent| sent.path.peer.ip()).collect();
    assert_eq!(ended.len(), 2);
    assert!(world.sent.iter().all(|sent| sent.update().lifetime.is_zero()));
    // The second's acceptance comes too late.
    accept(&mut world, SECOND, &scout);
    assert!(world.forwarding.is_empty());
    live(&mut world, &[SECOND], secs(10));
    assert!(world.mag.is_idle());
}

#[test]
fn what_was_agreed_with_one_anchor_is_not_assumed_of_another() {
    let mut settings = two_anchors();
    let udp = Lma { encapsulation: TunnelMode::Udp, ..Lma::at(ip(FIRST)) };
    settings.lmas.insert("LMA1".to_owned(), Arc::new(udp));
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept_with(&update, 3600, |options| {
        options.push(NatDetection { force_udp: true, refresh_time: 0 });
    });
    assert!(matches!(view(&world).tunnel.unwrap().encapsulation, Encapsulation::Udp { .. }));
    live(&mut world, &[SECOND], secs(310));
    assert_eq!(view(&world).tunnel.unwrap().encapsulation, Encapsulation::IpInIp);
}

#[test]
fn an_anchor_that_takes_everything_back_is_left_for_another() {
    let mut world = active_at_first();
    let message = Message::BindingRevocationIndication(BindingRevocationIndication {
        trigger: RevocationTrigger::PER_PEER_POLICY,
        sequence: kedge_model::Sequence(9),
        flags: RevocationFlags::P | RevocationFlags::G,
    });
    world.deliver(path_from(FIRST), &Packet { message, options: Options::new() });
    assert!(world.forwarding.is_empty());
    accept_at(&mut world, SECOND);
    assert_eq!(view(&world).lma, ip(SECOND));
}

#[test]
fn a_key_that_another_anchor_requires_is_given_while_the_session_has_service() {
    let mut world = active_at_first();
    world.pass(secs(300 + 8));
    let scout = take_to(&mut world, SECOND).pop().unwrap();
    world.reject(&scout, Status::GRE_KEY_OPTION_REQUIRED);
    let again = take_to(&mut world, SECOND).pop().expect("with a key");
    assert!(again.packet.options.contains(OptionType::GRE_KEY));
    assert_eq!(world.forwarding.len(), 1);
    world.reject(&again, Status::INSUFFICIENT_RESOURCES);
    assert_eq!(view(&world).lma, ip(FIRST));
    assert_eq!(world.forwarding.len(), 1, "nothing has happened to the node");
}

#[test]
fn a_change_of_the_order_moves_the_sessions() {
    let mut world = active_at_first();
    let mut settings = two_anchors();
    settings.preference.reverse();
    world.input(|mag, now| mag.apply(settings, now));
    live(&mut world, &[FIRST, SECOND], secs(1));
    assert_eq!(view(&world).lma, ip(SECOND));
}

/// The clock of the gateway that a node came from may be ahead for long.
#[test]
fn old_timestamps_do_not_drive_a_node_to_another_anchor() {
    let mut world = World::new(two_anchors());
    world.solicit(IF1, NODE);
    for _ in 0..8 {
        for update in take_to(&mut world, FIRST) {
            world.reject(&update, Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
        }
        world.pass(secs(10));
        assert!(take_to(&mut world, SECOND).is_empty());
    }
    while world.sent.is_empty() {
        world.pass(secs(1));
    }
    accept_at(&mut world, FIRST);
    assert_eq!(view(&world).state, BindingState::Active);
}

/// What the first node has of the first anchor.
fn the_same(update: &Sent) -> Options {
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    options
}

/// The state of the second node's session.
fn state_of_other(world: &World) -> BindingState {
    let of_other = |view: &BindingView| view.mn_id == mn("mn8@example.com");
    world.mag.bindings(world.now().mono).find(of_other).expect("a session").state
}

#[test]
fn what_a_session_has_of_one_anchor_is_not_taken_from_it_by_another_anchors_answer() {
    let mut settings = two_anchors();
    let profile = Profile { lma: Some("LMA2".to_owned()), ..Profile::default() };
    settings.profiles.insert(mn("mn8@example.com"), profile);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    accept_at(&mut world, FIRST);
    let before = world.forwarding.clone();
    world.solicit(IF2, OTHER_NODE);
    let update = take_to(&mut world, SECOND).pop().expect("an update to the second");
    world.answer(&update, Status::ACCEPTED, 3600, the_same(&update));
    assert_eq!(world.forwarding, before, "who has it keeps it");
    assert_eq!(state_of_other(&world), BindingState::Refused(Refusal::Taken));
    assert!(world.sent.is_empty(), "neither begins again at once");
    world.pass(secs(10));
    accept_at(&mut world, SECOND);
    assert_eq!(state_of_other(&world), BindingState::Active);
}

#[test]
fn what_a_session_has_of_an_anchor_that_does_not_answer_another_one_may_give() {
    let mut world = active_at_first();
    world.pass(secs(60));
    world.solicit(IF2, OTHER_NODE);
    world.pass(secs(7));
    assert!(world.events.contains(&Event::PeerDown { peer: ip(FIRST) }));
    let is_others = |sent: &Sent| {
        let named = sent.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
        named == mn("mn8@example.com")
    };
    let update = take_to(&mut world, SECOND).into_iter().find(is_others).expect("an update");
    world.answer(&update, Status::ACCEPTED, 3600, the_same(&update));
    assert_eq!(state_of_other(&world), BindingState::Active);
    assert_eq!(world.forwarding.len(), 1, "the first node's anchor is gone");
}
