//! Acknowledgements that say no, or that are not to be believed (RFC 5213 §6.9.1.2).

use std::time::Duration;

use kedge_mag::{Auth, AuthHome, BindingState, Event, Mag, Refusal, Replay, Settings};
use kedge_model::{Ipv6Net, Sequence};
use kedge_wire::auth::{self, Key};
use kedge_wire::registry::{
    AccessTechnologyType, HandoffIndicatorValue, MnIdSubtype, OptionType, Status,
};
use kedge_wire::{
    AccessTechnology, BaFlags, BindingAcknowledgement, HandoffIndicator, HomeNetworkPrefix,
    Message, MnIdOption, MnLinkLayerId, Options, Packet, TimestampOption,
};

use crate::world::*;

fn state(world: &World) -> BindingState {
    world.mag.bindings(world.now().mono).next().expect("there is a binding").state
}

fn registering() -> (World, Sent) {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    (world, update)
}

#[test]
fn a_rejected_node_gets_no_service_and_is_tried_again_with_growing_patience() {
    let (mut world, update) = registering();
    world.reject(&update, Status::INSUFFICIENT_RESOURCES);
    let refusal = Refusal::Status(Status::INSUFFICIENT_RESOURCES);
    assert_eq!(state(&world), BindingState::Refused(refusal));
    for wait in [10, 20, 40] {
        // The node asks and asks; the anchor is not bothered.
        world.solicit(IF1, NODE);
        world.pass(secs(wait) - Duration::from_millis(1));
        assert!(world.sent.is_empty() && world.frames.is_empty());
        world.pass(Duration::from_millis(1));
        let again = world.take_one();
        world.reject(&again, Status::INSUFFICIENT_RESOURCES);
    }
    assert_eq!(world.count("mag_denied_by_lma", "insufficient_resources"), 4);
    world.pass(secs(80));
    let again = world.take_one();
    world.accept(&again);
    assert_eq!(state(&world), BindingState::Active);
}

#[test]
fn a_refresh_that_is_rejected_ends_the_service() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(300));
    let refresh = world.take_one();
    world.frames.clear();
    world.reject(&refresh, Status::NOT_LMA_FOR_THIS_MOBILE_NODE);
    assert!(world.forwarding.is_empty() && world.access.is_empty());
    let (_, _, end) = world.take_advertisements().pop().expect("the node is told");
    assert_eq!(end.router_lifetime, 0);
    world.pass(secs(9));
    assert!(world.frames.is_empty(), "no advertisement without a binding");
}

#[test]
fn proxy_registration_not_enabled_waits_for_an_operator() {
    let (mut world, update) = registering();
    world.reject(&update, Status::PROXY_REG_NOT_ENABLED);
    world.pass(secs(100_000));
    assert!(world.sent.is_empty());
    world.input(|mag, now| mag.apply(settings(), now));
    world.take_one();
}

#[test]
fn a_timestamp_lower_than_another_gateways_is_followed_by_later_ones_soon_but_not_for_ever_so() {
    let (mut world, update) = registering();
    let time = |sent: &Sent| sent.packet.options.get::<TimestampOption>().unwrap().0;
    let mut last = time(&update);
    world.reject(&update, Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    // Three within a second are all that RFC 6275 §11.8 allows.
    for wait in [50, 100, 850] {
        assert!(world.sent.is_empty(), "not at once: it would be as low");
        world.pass(Duration::from_millis(wait));
        let again = world.take_one();
        assert!(time(&again) > last);
        last = time(&again);
        world.reject(&again, Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
    }
    world.pass(secs(7));
    assert!(world.sent.is_empty(), "the fourth transmission waits eight seconds");
    world.pass(secs(1));
    let again = world.take_one();
    world.accept(&again);
    assert_eq!(state(&world), BindingState::Active);
}

#[test]
fn a_timestamp_mismatch_waits_for_the_clock_to_be_set() {
    let (mut world, update) = registering();
    world.reject(&update, Status::TIMESTAMP_MISMATCH);
    world.pass(secs(9));
    assert!(world.sent.is_empty());
    assert_eq!(world.count("mag_denied_by_lma", "timestamp_mismatch"), 1);
}

#[test]
fn a_sequence_number_out_of_window_is_followed_by_the_next_number() {
    // Also by a gateway that says the time, which an anchor may not look at.
    for replay in [Replay::Sequence, Replay::Timestamp] {
        let mut world = World::new(Settings { replay, ..settings() });
        world.solicit(IF1, NODE);
        let update = world.take_one();
        let has_time = update.packet.options.contains(OptionType::TIMESTAMP);
        assert_eq!(has_time, replay == Replay::Timestamp);
        // The anchor says the number that it accepted last (RFC 6275 §9.5.4)...
        let last = Sequence(update.update().sequence.0.wrapping_add(1000));
        let message = BindingAcknowledgement {
            status: Status::SEQUENCE_NUMBER_OUT_OF_WINDOW,
            flags: BaFlags::P,
            sequence: last,
            lifetime: Default::default(),
        };
        let packet =
            Packet { message: Message::BindingAcknowledgement(message), options: update.echo() };
        world.deliver(update.path, &packet);
        assert_eq!(world.take_one().update().sequence, last.next(), "{replay:?}");
    }
}

#[test]
fn prefixes_that_are_not_the_nodes_any_more_are_given_up_for_what_the_anchor_chooses() {
    for status in [
        Status::NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
        Status::BCE_PBU_PREFIX_SET_DO_NOT_MATCH,
        Status::NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS,
    ] {
        let mut world = World::with_active_node(settings());
        world.pass(secs(300));
        let refresh = world.take_one();
        world.reject(&refresh, status);
        assert!(world.forwarding.is_empty(), "no service meanwhile");
        let again = world.take_one();
        assert_eq!(again.prefixes(), [Ipv6Net::default()]);
        assert_eq!(again.address().unwrap().addr().to_string(), "0.0.0.0");
        // A first update asked for nothing: the same answer is final for now.
        world.reject(&again, status);
        assert!(world.sent.is_empty());
        assert_eq!(state(&world), BindingState::Refused(Refusal::Status(status)));
    }
}

#[test]
fn a_family_that_is_not_authorized_is_left_out() {
    let (mut world, update) = registering();
    world.reject(&update, Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE);
    let again = world.take_one();
    assert_eq!((again.prefixes().len(), again.address()), (1, None));
    world.reject(&again, Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE);
    world.pass(secs(100_000));
    assert!(world.sent.is_empty(), "nothing is left to ask for");

    let (mut world, update) = registering();
    world.reject(&update, Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE);
    let again = world.take_one();
    assert_eq!((again.prefixes().len(), again.address().is_some()), (0, true));
}

/// The answer to an update from before the family was given up, under a number that has come
/// round again: taken for an answer to this one, it would have been the last word.
#[test]
fn a_denial_of_a_family_that_was_not_asked_for_is_not_an_answer() {
    let (mut world, update) = registering();
    world.reject(&update, Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE);
    let again = world.take_one();
    world.reject(&again, Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE);
    assert_eq!(state(&world), BindingState::Registering);
    world.pass(secs(2));
    assert_eq!(world.sent.len(), 1, "it is asked again");
}

#[test]
fn an_anchor_that_requires_gre_keys_is_given_one() {
    let (mut world, update) = registering();
    world.reject(&update, Status::GRE_KEY_OPTION_REQUIRED);
    let again = world.take_one();
    assert!(again.packet.options.contains(OptionType::GRE_KEY));
    world.reject(&again, Status::GRE_KEY_OPTION_REQUIRED);
    assert!(world.sent.is_empty(), "it had one");
}

#[test]
fn old_timestamps_do_not_use_up_the_corrections_of_another_rejection() {
    let (mut world, update) = registering();
    let mut last = update;
    for wait in [50, 100, 850, 8_000] {
        world.reject(&last, Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED);
        world.pass(Duration::from_millis(wait));
        last = world.take_one();
    }
    world.reject(&last, Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE);
    let again = world.take_one();
    assert_eq!((again.prefixes().len(), again.address()), (1, None));
}

#[test]
fn without_times_an_answer_with_another_interface_in_it_is_of_another_session() {
    let mut world = World::new(Settings { replay: Replay::Sequence, ..settings() });
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.answer(&update, Status::ACCEPTED, 3600, echo_but(&update, "link"));
    assert_eq!(world.count("mag_discards", "unmatched"), 1);
    world.pass(Duration::from_secs(1));
    let again = world.take_one();
    world.accept(&again);
    assert_eq!(state(&world), BindingState::Active);
}

#[test]
fn corrections_end() {
    let mut settings = settings();
    settings.replay = Replay::Sequence;
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    for _ in 0..3 {
        let update = world.take_one();
        world.reject(&update, Status::SEQUENCE_NUMBER_OUT_OF_WINDOW);
    }
    assert!(world.sent.is_empty(), "three within a second are the most");
    world.pass(secs(1));
    let update = world.take_one();
    world.reject(&update, Status::SEQUENCE_NUMBER_OUT_OF_WINDOW);
    assert!(world.sent.is_empty(), "the fourth rejection is believed");
    let refusal = Refusal::Status(Status::SEQUENCE_NUMBER_OUT_OF_WINDOW);
    assert_eq!(state(&world), BindingState::Refused(refusal));
}

/// The echo of an update with one option replaced.
fn echo_but(update: &Sent, change: &str) -> Options {
    let options = &update.packet.options;
    let mut echo = Options::new();
    echo.push(options.get::<MnIdOption<'_>>().unwrap());
    let mut handoff = options.get::<HandoffIndicator>().unwrap();
    let mut technology = options.get::<AccessTechnology>().unwrap();
    let mut link = options.get::<MnLinkLayerId<'_>>().unwrap();
    match change {
        "handoff" => handoff = HandoffIndicator(HandoffIndicatorValue::NEW_INTERFACE),
        "technology" => technology = AccessTechnology(AccessTechnologyType::PPP),
        "link" => link = MnLinkLayerId::new(&[1; 6]).unwrap(),
        other => panic!("{other}"),
    }
    echo.push(handoff);
    echo.push(technology);
    echo.push(link);
    if let Some(time) = options.get::<TimestampOption>() {
        echo.push(time);
    }
    echo.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    echo
}

#[test]
fn a_wrong_echo_is_ignored_and_silences_the_gateway_until_an_operator_acts() {
    for change in ["handoff", "technology", "link"] {
        let (mut world, update) = registering();
        world.answer(&update, Status::ACCEPTED, 3600, echo_but(&update, change));
        assert!(world.forwarding.is_empty(), "{change}");
        assert_eq!(state(&world), BindingState::Refused(Refusal::EchoMismatch));
        assert_eq!(world.count("mag_discards", "echo_mismatch"), 1);
        world.solicit(IF1, NODE);
        world.pass(secs(100_000));
        assert!(world.sent.is_empty(), "{change}");
        world.input(|mag, now| mag.apply(settings(), now));
        world.take_one();
    }
}

#[test]
fn a_wrong_echo_to_a_refresh_leaves_the_binding_until_it_runs_out() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(300));
    let refresh = world.take_one();
    world.answer(&refresh, Status::ACCEPTED, 3600, echo_but(&refresh, "technology"));
    world.pass(secs(10));
    world.solicit(IF1, NODE);
    world.pass(secs(3000));
    assert!(world.sent.is_empty());
    assert_eq!(world.forwarding.len(), 1);
    world.pass(secs(400));
    assert!(world.forwarding.is_empty());
    world.pass(secs(10_000));
    assert!(world.sent.is_empty());
}

#[test]
fn an_acknowledgement_for_nothing_that_was_sent_is_ignored() {
    let (mut world, update) = registering();
    let with = |flags, sequence, options: Options| Packet {
        message: Message::BindingAcknowledgement(BindingAcknowledgement {
            status: Status::ACCEPTED,
            flags,
            sequence,
            lifetime: kedge_model::Lifetime::from_secs(3600),
        }),
        options,
    };
    let right = update.update().sequence;
    // Another number; another node; nobody; another time.
    world.deliver(update.path, &with(BaFlags::P, right.next(), update.echo()));
    let mut other = Options::new();
    other.push(MnIdOption::new(MnIdSubtype::NAI, b"mn8@example.com").unwrap());
    world.deliver(update.path, &with(BaFlags::P, right, other));
    world.deliver(update.path, &with(BaFlags::P, right, Options::new()));
    let mut late = Options::new();
    late.push(update.packet.options.get::<MnIdOption<'_>>().unwrap());
    late.push(TimestampOption(kedge_model::Timestamp(1)));
    world.deliver(update.path, &with(BaFlags::P, right, late));
    assert_eq!(world.count("mag_discards", "unmatched"), 4);
    world.deliver(update.path, &with(BaFlags::NONE, right, update.echo()));
    assert_eq!(world.count("mag_discards", "not_proxy"), 1);
    world.deliver(path_from("2001:db8::bad"), &with(BaFlags::P, right, update.echo()));
    assert_eq!(world.count("mag_discards", "unknown_peer"), 1);
    assert!(world.forwarding.is_empty());
    assert_eq!(world.count("mag_binding_acknowledgements_received", "errors"), 5);
    // The real one still counts, once.
    world.accept(&update);
    assert_eq!(world.forwarding.len(), 1);
    world.accept(&update);
    assert_eq!(world.count("mag_discards", "unmatched"), 5);
}

#[test]
fn a_broken_checksum_or_message_is_counted_and_dropped() {
    let mut world = World::new(settings());
    let path = path_from("2001:db8::1");
    let datagram = kedge_model::Datagram { path, dscp: 0, bytes: &[59, 1, 6, 0, 1, 2, 0, 0] };
    world.input(|mag, now| {
        mag.handle_datagram(datagram, now);
    });
    assert_eq!(world.count("mag_discards", "checksum"), 1);
    world.deliver_bytes(path, vec![59, 9, 6, 0, 0, 0, 0, 0]);
    assert_eq!(world.count("mag_discards", "malformed"), 1);
}

fn authenticated(home: AuthHome) -> World {
    let auth = Auth { key: Key::new(0x100, b"0123456789abcdef"), home, updates_only: false };
    World::new(with_lma(settings(), |lma| lma.auth = Some(auth)))
}

/// Signs an acknowledgement as an anchor with `key` does and delivers it.
fn accept_signed(world: &mut World, update: &Sent, key: &Key, home: std::net::IpAddr) {
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    let message = BindingAcknowledgement {
        status: Status::ACCEPTED,
        flags: BaFlags::P,
        sequence: update.update().sequence,
        lifetime: kedge_model::Lifetime::from_secs(3600),
    };
    let mut bytes = Vec::new();
    Packet { message: Message::BindingAcknowledgement(message), options }.encode(&mut bytes);
    auth::sign(&mut bytes, 0, key, update.path.local.ip(), home);
    world.deliver_bytes(update.path, bytes);
}

#[test]
fn with_a_key_updates_are_signed_and_only_signed_acknowledgements_are_believed() {
    let key = Key::new(0x100, b"0123456789abcdef");
    let zero = "::".parse().unwrap();
    let prefix = "2001:db8:1:7::".parse().unwrap();
    let care_of = "2001:db8::11".parse().unwrap();
    for (home, in_update, in_answer) in [
        (AuthHome::CareOf, care_of, care_of),
        (AuthHome::Zero, zero, zero),
        (AuthHome::HomeNetworkPrefix, zero, prefix),
    ] {
        let mut world = authenticated(home);
        world.solicit(IF1, NODE);
        let update = world.take_one();
        let verdict = auth::verify(&update.bytes, |_| Some(&key), care_of, in_update);
        assert_eq!(verdict, auth::AuthVerdict::Valid, "{home:?}");
        world.accept(&update);
        assert_eq!(world.count("mag_discards", "authentication_missing"), 1);
        let other = Key::new(0x101, b"0123456789abcdef");
        accept_signed(&mut world, &update, &other, in_answer);
        assert_eq!(world.count("mag_discards", "authentication_unknown_spi"), 1);
        let wrong = Key::new(0x100, b"another secret..");
        accept_signed(&mut world, &update, &wrong, in_answer);
        assert_eq!(world.count("mag_discards", "authentication_failed"), 1);
        assert!(world.forwarding.is_empty(), "{home:?}");
        accept_signed(&mut world, &update, &key, in_answer);
        assert_eq!(world.forwarding.len(), 1, "{home:?}");
    }
}

#[test]
fn any_octets_from_an_anchor_leave_the_machine_standing() {
    let (mut world, update) = registering();
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    let message = BindingAcknowledgement {
        status: Status::ACCEPTED,
        flags: BaFlags::P,
        sequence: update.update().sequence,
        lifetime: kedge_model::Lifetime::from_secs(3600),
    };
    let mut good = Vec::new();
    Packet { message: Message::BindingAcknowledgement(message), options }.encode(&mut good);
    let mut rng = kedge_sansio::Rng::new(3);
    for _ in 0..5_000 {
        let mut bytes = good.clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len() as u32) as usize;
            bytes[at] = rng.next_u32() as u8;
        }
        world.deliver_bytes(update.path, bytes);
        world.sent.clear();
        world.frames.clear();
    }
    world.pass(secs(1));
    world.input(|mag, now| mag.apply(settings(), now));
    world.input(|mag: &mut Mag, now| {
        mag.clear_all(now);
    });
    world.pass(secs(60));
    assert!(world.mag.is_idle() && world.forwarding.is_empty() && world.access.is_empty());
    assert!(world.events.iter().any(|e| matches!(e, Event::Attached { .. })));
}
