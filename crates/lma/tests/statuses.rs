//! Every status that this anchor refuses an update with, one test each, in the order of their
//! numbers; and what comes back with a refusal (RFC 5213 §5.3.6).

mod kit;

use std::collections::BTreeSet;

use kedge_lma::{
    Authentication, AuthenticationHome, Denial, EncapsulationPolicy, MobileNetworkPool, Profile,
    Service, Settings,
};
use kedge_model::{Ipv4Net, Timestamp};
use kedge_wire::auth::Key;
use kedge_wire::registry::{
    AccessTechnologyType, HandoffIndicatorValue, Ipv4HomeAddressStatus, MnIdSubtype,
};
use kedge_wire::{
    AccessTechnology, AlternateCareOfAddress, BaFlags, BuFlags, DelegatedMobileNetworkPrefix,
    GreKeyOption, HandoffIndicator, HomeNetworkPrefix, Ipv4HomeAddressReply, LinkLocalAddress,
    MagIdentifier, MagMultipathBinding, MessageId, MnIdOption, MnLinkLayerId, ServiceSelection,
    TimestampOption,
};
use kit::*;

#[test]
fn status_128_once_the_data_plane_has_stopped_and_what_is_there_can_be_given_back() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world.lma.handle_forwarding_stopped();
    for update in [attach(MAG1).handoff(5), attach(MAG2).handoff(3), attach(MAG1).mn("b@x")] {
        assert_eq!(world.denied(&update, Denial::ForwardingStopped).status().0, 128);
    }
    assert_eq!(world.count("deny_reasons.unspecified"), 3);
    world.accepted(&attach(MAG1).deregister());
}

#[test]
fn status_129_for_a_registration_that_is_neither_home_nor_proxy() {
    let mut world = World::new();
    let ack = world.denied(&attach(MAG1).flags(BuFlags::A), Denial::HomeBitNotSet);
    assert_eq!(ack.status().0, 129);
    assert!(!ack.body.flags.contains(BaFlags::P), "P answers P alone");
    assert_eq!(world.count("deny_reasons.admin_prohibited"), 1);
    assert_eq!(world.count("deny_admin_prohibited.h_bit_not_set"), 1);
}

#[test]
fn status_129_for_forced_udp_where_it_is_not_accepted() {
    let mut world = World::with(Settings { accept_forced_udp: false, ..settings() });
    let forced = attach(MAG1_V4).flags(BuFlags::A | BuFlags::P | BuFlags::F);
    assert_eq!(world.denied(&forced, Denial::ForcedUdp).status().0, 129);
    assert_eq!(world.count("deny_admin_prohibited.policy_rejected"), 1);

    // RFC 5844 §4.1.3.1 has the F flag before GRE; where the operator wants UDP it forces nothing.
    for encapsulation in [EncapsulationPolicy::AsRequested, EncapsulationPolicy::Gre] {
        let settings = Settings { accept_forced_udp: false, encapsulation, ..settings() };
        let with_key = forced.clone().with(GreKeyOption { key: Some(1) });
        World::with(settings).denied(&with_key, Denial::ForcedUdp);
    }
    let encapsulation = EncapsulationPolicy::Udp;
    World::with(Settings { accept_forced_udp: false, encapsulation, ..settings() })
        .accepted(&forced);
}

#[test]
fn status_129_for_an_option_twice_that_may_be_there_once() {
    let ims = ServiceSelection::new(b"ims").unwrap();
    for twice in [
        attach(MAG1).with(HandoffIndicator(HandoffIndicatorValue(1))),
        attach(MAG1).with(AccessTechnology(AccessTechnologyType(4))),
        attach(MAG1).with(MnIdOption::EMPTY),
        attach(MAG1).with(MnLinkLayerId::new(&[1]).unwrap()),
        attach(MAG1).with(TimestampOption(Timestamp(1))),
        attach(MAG1).with(MULTIPATH).with(MULTIPATH),
        attach(MAG1).with(ims).with(ims),
        attach(MAG1).with(GreKeyOption { key: None }).with(GreKeyOption { key: Some(1) }),
        attach(MAG1).with(LinkLocalAddress(v6("::"))).with(LinkLocalAddress(v6("::"))),
    ] {
        let mut world = World::new();
        assert_eq!(world.denied(&twice, Denial::BadRequest).status().0, 129);
        assert_eq!(world.count("deny_admin_prohibited.bad_request"), 1);
    }
}

#[test]
fn status_129_for_an_spi_that_is_not_the_senders() {
    let mut world = World::with(protected());
    let other = Key::new(0x999, b"0123456789abcdef");
    assert_eq!(world.denied(&attach(MAG1).signed(&other), Denial::UnknownSpi).status().0, 129);
    assert_eq!(world.count("deny_admin_prohibited.invalid_mn_ha_spi"), 1);
}

#[test]
fn status_130_when_no_prefix_is_free() {
    let mut settings = settings();
    settings.networks.insert("home".to_owned(), network(24, 64));
    let mut world = World::with(settings);
    world.accepted(&attach(MAG1).mn("a@x"));
    let ack = world.denied(&attach(MAG1).mn("b@x"), Denial::PoolExhausted);
    assert_eq!(ack.status().0, 130);
    assert_eq!(world.count("deny_insufficient_resources.address_allocation_failed"), 1);
}

#[test]
fn status_130_when_no_ipv4_address_is_free_and_the_prefix_is_given_back() {
    let mut settings = settings();
    settings.networks.insert("home".to_owned(), network(30, 63));
    let mut world = World::with(settings);
    world.accepted(&attach(MAG1).mn("a@x").ipv4("0.0.0.0/0"));
    let ack = world.denied(&attach(MAG1).mn("b@x").ipv4("0.0.0.0/0"), Denial::PoolExhausted);
    // RFC 5844 §3.1.2.2: a status of its own in the option.
    let reply = ack.options.get::<Ipv4HomeAddressReply>().unwrap();
    assert_eq!(reply.status, Ipv4HomeAddressStatus::FAILURE_REASON_UNSPECIFIED);
    let (ack, _) = world.accepted(&attach(MAG1).mn("b@x"));
    assert_eq!(ack.prefixes(), ["2001:db8:100:1::/64"]);
}

#[test]
fn status_130_when_the_anchor_has_as_many_bindings_as_it_may() {
    let mut world = World::with(Settings { bce_maximum: 1, ..settings() });
    world.accepted(&attach(MAG1).mn("a@x"));
    assert_eq!(world.denied(&attach(MAG1).mn("b@x"), Denial::TooManyBindings).status().0, 130);
    world.accepted(&attach(MAG1).mn("a@x").handoff(5));
    assert_eq!(world.count("deny_reasons.insufficient_resources"), 1);
    assert_eq!(world.count("deny_insufficient_resources.simultaneous_bindings_exceeded"), 1);
}

#[test]
fn status_130_when_a_node_has_as_many_sessions_as_it_may() {
    let mut world = World::new();
    for interface in 0..8 {
        world.accepted(&attach(MAG1).link_layer_id(&[2, interface]));
    }
    world.denied(&attach(MAG1).link_layer_id(&[2, 8]), Denial::TooManyBindings);
    world.accepted(&attach(MAG1).mn("other@x"));
}

#[test]
fn status_131_for_a_mobile_node_that_registers_itself() {
    let mut world = World::new();
    let own = attach(MAG1).flags(BuFlags::A | BuFlags::H);
    assert_eq!(world.denied(&own, Denial::HomeRegistration).status().0, 131);
    assert_eq!(world.moved("deny_other"), [("home_registration", 1)]);
}

#[test]
fn status_133_for_a_mobile_node_that_gives_up_a_registration_of_its_own() {
    let mut world = World::new();
    let own = attach(MAG1).flags(BuFlags::A | BuFlags::H).lifetime(0);
    assert_eq!(world.denied(&own, Denial::HomeDeregistration).status().0, 133);
    assert_eq!(world.moved("deny_other"), [("not_home_agent", 1)]);
    world.accepted(&attach(MAG1));
    world.denied(&own, Denial::RegistrationTypeChange);
    assert!(world.only_binding().is_active(), "a proxy registration is not the node's to end");
}

#[test]
fn status_135_for_a_sequence_number_that_does_not_follow() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).sequence(100));
    for old in [100, 99, 100_u16.wrapping_sub(0x7fff)] {
        let ack = world.denied(&attach(MAG1).sequence(old), Denial::SequenceOutOfWindow);
        assert_eq!(
            (ack.status().0, ack.body.sequence.0),
            (135, 100),
            "the last accepted comes back"
        );
        assert!(ack.options.get::<TimestampOption>().is_none());
    }
    world.accepted(&attach(MAG1).sequence(101));
    assert_eq!(world.count("deny_reasons.sequence_out_of_window"), 3);
}

#[test]
fn status_139_for_a_home_registration_of_a_node_with_a_proxy_registration() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    let own = attach(MAG1).flags(BuFlags::A | BuFlags::H);
    assert_eq!(world.denied(&own, Denial::RegistrationTypeChange).status().0, 139);
    assert_eq!(world.count("deny_reasons.registration_type_change"), 1);
}

#[test]
fn status_144_for_a_message_identifier_that_is_not_fresh() {
    let mut world = World::new();
    let ntp = |world: &World| {
        let secs = world.now.wall.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
        (secs.as_secs() + 2_208_988_800) << 32 | 0xabcd_0000
    };
    let base = attach(MAG1).time(Time::None);
    let fresh = base.clone().with(MessageId(ntp(&world)));
    let (ack, _) = world.accepted(&fresh);
    assert_eq!(ack.options.get::<MessageId>(), Some(MessageId(ntp(&world))), "copied when valid");

    let replayed = world.denied(&fresh, Denial::MessageIdMismatch);
    assert_eq!(replayed.status().0, 144);
    let stale = ntp(&world) - (100 << 32);
    let ack = world.denied(&base.mn("new@x").with(MessageId(stale)), Denial::MessageIdMismatch);
    let own = ack.options.get::<MessageId>().unwrap().0;
    assert_eq!((own >> 32, own as u32), (ntp(&world) >> 32, stale as u32), "RFC 4285 §6");
    assert_eq!(world.count("deny_reasons.mismatched_id"), 2);
}

#[test]
fn status_145_for_an_update_without_a_time_where_one_is_required() {
    let mut world = World::with(Settings { timestamp_required: true, ..settings() });
    world.accepted(&attach(MAG1));
    for update in [attach(MAG1).mn("b@x"), attach(MAG1).handoff(5), attach(MAG1).deregister()] {
        let ack = world.denied(&update.sequence(7), Denial::MessageIdRequired);
        assert_eq!((ack.status().0, ack.body.sequence.0), (145, 7));
    }
    assert_eq!(world.count("deny_reasons.message_id_required"), 3);
    let mut accepting = World::new();
    accepting.accepted(&attach(MAG1).mn("b@x").sequence(7));
}

#[test]
fn status_146_for_wrong_authentication_data() {
    let mut world = World::with(protected());
    let wrong = Key::new(KEY_SPI, b"not the secret..");
    let ack = world.denied(&attach(MAG1).signed(&wrong), Denial::AuthenticationFailed);
    assert_eq!(ack.status().0, 146);
    assert_eq!(world.count("deny_reasons.mn_auth_failure"), 1);
    assert!(world.lma.is_empty());
}

#[test]
fn status_151_for_a_service_that_is_not_the_nodes() {
    let apn = Profile { apn: Some("internet".to_owned()), ..profile(Service::Dual) };
    let mut world = World::with(Settings { default_profile: Some(apn), ..settings() });
    let select = |name: &'static [u8]| attach(MAG1).with(ServiceSelection::new(name).unwrap());
    let ack = world.denied(&select(b"ims"), Denial::ServiceNotAuthorized);
    assert_eq!(ack.status().0, 151);
    world.accepted(&select(b"internet"));
    assert_eq!(world.count("deny_reasons.service_authorization_failed"), 1);
}

#[test]
fn status_152_for_a_node_whose_profile_has_no_network() {
    for network in [None, Some("elsewhere".to_owned())] {
        let profile = Profile { network, ..Profile::default() };
        let mut world = World::with(Settings { default_profile: Some(profile), ..settings() });
        assert_eq!(world.denied(&attach(MAG1), Denial::ServiceDisabled).status().0, 152);
        assert_eq!(world.count("deny_reasons.proxy_registration_not_enabled"), 1);
        assert_eq!(world.count("deny_admin_prohibited.no_permission"), 1);
    }
}

#[test]
fn status_153_for_a_node_without_profile() {
    let mut settings = Settings { default_profile: None, ..settings() };
    settings.profiles.insert("one@here".to_owned(), profile(Service::Dual));
    settings.profiles.insert("@realm".to_owned(), profile(Service::Dual));
    let mut world = World::with(settings);
    for stranger in ["two@here", "one@here.example", "realm", "a@sub.realm", "a@realm@else"] {
        let ack = world.denied(&attach(MAG1).mn(stranger), Denial::UnknownNode);
        assert_eq!(ack.status().0, 153, "{stranger}");
    }
    world.accepted(&attach(MAG1).mn("one@here"));
    world.accepted(&attach(MAG1).mn("any@realm"));
    assert_eq!(world.count("deny_reasons.not_lma_for_mobile_node"), 5);
}

#[test]
fn status_154_for_a_gateway_that_is_not_known() {
    let mut world = World::new();
    assert_eq!(world.denied(&attach(STRANGER), Denial::UnknownMag).status().0, 154);
    assert_eq!(world.count("deny_reasons.mag_not_authorized"), 1);
    let mut learning = World::with(Settings { dynamic_mag_learning: true, ..settings() });
    learning.accepted(&attach(STRANGER));
    assert!(learning.lma.peers().any(|p| p.name.is_none() && p.bindings == 1));
}

/// RFC 5213 §8.3: a sender's reserved bits are zero. The L flag of RFC 7864 is one of them.
#[test]
fn a_refused_prefix_comes_back_without_the_flag_that_this_anchor_does_not_know() {
    let mut world = World::new();
    let asked = HomeNetworkPrefix { prefix: "2001:db8:ffff::/64".parse().unwrap(), off_link: true };
    let ack = world.denied(&attach(MAG1).with(asked), Denial::PrefixNotAuthorized);
    let repeated = ack.options.all::<HomeNetworkPrefix>().last().unwrap();
    assert_eq!(repeated, HomeNetworkPrefix::new(asked.prefix));
}

#[test]
fn status_155_for_a_prefix_that_is_not_the_nodes() {
    let mut world = World::with(Settings { hnp_maximum: 2, ..settings() });
    world.accepted(&attach(MAG1).mn("a@x"));
    for prefixes in [
        &["2001:db8:100::/64"][..],                      // another node's
        &["2001:db8:ffff::/64"],                         // no pool's
        &["2001:db8:100:1::/63"],                        // no home network prefix
        &["2001:db8:100:1::/64", "2001:db8:100::/64"],   // one of two
        &["2001:db8:100:1::/64", "2001:db8:100:1::/64"], // the same twice
        &["2001:db8:100:1::/64", "2001:db8:100:2::/64", "2001:db8:100:3::/64"], // too many
    ] {
        let ack =
            world.denied(&attach(MAG1).mn("b@x").prefixes(prefixes), Denial::PrefixNotAuthorized);
        assert_eq!(ack.status().0, 155);
        assert_eq!(ack.prefixes(), prefixes, "all prefixes come back");
    }
    let (ack, _) = world.accepted(&attach(MAG1).mn("b@x").prefixes(&["2001:db8:100:1::/64"]));
    assert_eq!(ack.prefixes(), ["2001:db8:100:1::/64"], "none leaked from the refusals");
    assert_eq!(world.count("deny_reasons.not_authorized_for_hnp"), 6);
}

#[test]
fn status_156_for_a_timestamp_out_of_window_and_the_anchors_time_comes_back() {
    let mut world = World::new();
    for off in [-8, 8, -1_000_000] {
        let ack = world.denied(&attach(MAG1).time(Time::Off(off)), Denial::TimestampMismatch);
        assert_eq!(ack.status().0, 156);
        let own = ack.options.get::<TimestampOption>().unwrap().0;
        assert_eq!(own, Timestamp::from_system_time(world.now.wall));
    }
    world.accepted(&attach(MAG1).time(Time::Off(-6)));
    world.accepted(&attach(MAG1).mn("b@x").time(Time::Off(6)));
    assert_eq!(world.count("deny_reasons.timestamp_mismatch"), 3);
}

#[test]
fn status_157_for_a_timestamp_not_after_the_last_one_even_out_of_window() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).time(Time::Off(5)));
    for off in [4, -100] {
        let ack = world.denied(&attach(MAG1).time(Time::Off(off)), Denial::TimestampOld);
        assert_eq!(ack.status().0, 157);
        let own = ack.options.get::<TimestampOption>().unwrap().0;
        assert_eq!(own, Timestamp::from_system_time(world.now.wall));
    }
    assert_eq!(world.count("deny_reasons.timestamp_lower_than_previous"), 2);
}

#[test]
fn a_replayed_update_is_denied() {
    let mut world = World::new();
    let bytes = attach(MAG1).bytes(world.now, 1);
    let path = attach(MAG1).path();
    assert_eq!(world.deliver(path, &bytes).0, Ok(()));
    assert_eq!(world.deliver(path, &bytes).0, Err(Denial::TimestampOld.into()));
}

#[test]
fn without_a_window_only_the_order_of_timestamps_matters() {
    let mut world = World::with(Settings { timestamp_window: None, ..settings() });
    world.accepted(&attach(MAG1).time(Time::Off(-1_000_000)));
    world.accepted(&attach(MAG1).time(Time::Off(-900_000)));
    world.denied(&attach(MAG1).time(Time::Off(-950_000)), Denial::TimestampOld);
}

#[test]
fn status_158_when_no_address_of_either_family_is_asked_for() {
    let mut world = World::new();
    let none: [&str; 0] = [];
    let ack = world.denied(&attach(MAG1).prefixes(&none), Denial::MissingPrefix);
    assert_eq!((ack.status().0, ack.prefixes()), (158, vec!["::/0".to_owned()]));
    assert_eq!(world.count("deny_reasons.missing_hnp"), 1);
}

#[test]
fn status_159_when_the_prefixes_differ_from_the_bindings() {
    let mut world = World::with(Settings { hnp_maximum: 2, ..settings() });
    let (ack, _) = world.accepted(&attach(MAG1).prefixes(&["::/0", "::/0"]));
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64", "2001:db8:100:1::/64"]);
    for prefixes in [
        &["2001:db8:100::/64"][..],
        &["2001:db8:100::/64", "2001:db8:100::/64"],
        &["2001:db8:100::/64", "::/0"],
        &["2001:db8:100::/64", "2001:db8:100:7::/64"],
        &["2001:db8:100::/64", "2001:db8:100:1::/64", "::/0"],
    ] {
        let ack = world.denied(&attach(MAG1).prefixes(prefixes), Denial::PrefixSetMismatch);
        assert_eq!(
            (ack.status().0, ack.prefixes()),
            (159, prefixes.iter().map(|p| (*p).to_owned()).collect())
        );
    }
    world.accepted(&attach(MAG1).prefixes(&["2001:db8:100:1::/64", "2001:db8:100::/64"]));
    assert_eq!(world.count("deny_reasons.bce_prefix_mismatch"), 5);
}

#[test]
fn status_160_without_identifier_and_an_empty_one_comes_back() {
    let mut world = World::new();
    for mn_id in [None, Some(String::new())] {
        let ack = world.denied(&Pbu { mn_id, ..attach(MAG1) }, Denial::MissingMnId);
        assert_eq!(ack.status().0, 160);
        let echoed = ack.options.get::<MnIdOption<'_>>().unwrap();
        assert!(echoed.identifier().is_empty());
    }
    assert_eq!(world.count("deny_reasons.missing_mn_id"), 2);
}

#[test]
fn status_161_without_handoff_indicator_and_zero_comes_back() {
    let mut world = World::new();
    let ack = world.denied(&Pbu { handoff: None, ..attach(MAG1) }, Denial::MissingHandoffIndicator);
    assert_eq!(ack.status().0, 161);
    assert_eq!(ack.options.get::<HandoffIndicator>().unwrap().0.0, 0);
    assert_eq!(world.count("deny_reasons.missing_handoff_indicator"), 1);
}

#[test]
fn status_162_without_access_technology_and_zero_comes_back() {
    let mut world = World::new();
    let ack =
        world.denied(&Pbu { technology: None, ..attach(MAG1) }, Denial::MissingAccessTechnology);
    assert_eq!(ack.status().0, 162);
    assert_eq!(ack.options.get::<AccessTechnology>().unwrap().0.0, 0);
    assert_eq!(world.count("deny_reasons.missing_access_technology"), 1);
}

#[test]
fn status_163_without_gre_key_where_keys_are_agreed_on() {
    let gre = Settings { encapsulation: EncapsulationPolicy::Gre, ..settings() };
    let mut world = World::with(gre);
    assert_eq!(world.denied(&attach(MAG1), Denial::GreKeyRequired).status().0, 163);
    assert_eq!(world.count("deny_reasons.gre_key_required"), 1);
}

#[test]
fn status_170_for_ipv4_that_the_profile_or_the_network_does_not_have() {
    let ask = attach(MAG1).ipv4("0.0.0.0/0");
    let mut by_profile =
        World::with(Settings { default_profile: Some(profile(Service::Ipv6)), ..settings() });
    assert_eq!(by_profile.denied(&ask, Denial::Ipv4NotAuthorized).status().0, 170);
    by_profile.accepted(&attach(MAG1));
    let mut settings = settings();
    settings.networks.get_mut("home").unwrap().ipv4.clear();
    let mut by_network = World::with(settings);
    by_network.denied(&ask, Denial::Ipv4NotAuthorized);
    assert_eq!(by_network.count("deny_admin_prohibited.no_permission"), 1);
    assert_eq!(by_network.moved("deny_other"), [("not_authorized_for_ipv4", 1)]);
}

#[test]
fn status_171_for_an_ipv4_address_that_is_not_the_nodes() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).mn("a@x").ipv4("0.0.0.0/0"));
    for address in ["10.0.0.2/24", "10.0.0.1/24", "10.0.1.7/24", "192.0.2.9/24"] {
        let ask = attach(MAG1).mn("b@x").ipv4(address);
        let ack = world.denied(&ask, Denial::Ipv4AddressNotAuthorized);
        assert_eq!(ack.status().0, 171, "{address}");
        let reply = ack.options.get::<Ipv4HomeAddressReply>().unwrap();
        assert_eq!(reply.status, Ipv4HomeAddressStatus::ADMINISTRATIVELY_PROHIBITED);
        assert_eq!(reply.address, address.parse::<Ipv4Net>().unwrap(), "as asked for");
    }
    world.accepted(&attach(MAG1).mn("b@x").ipv4("10.0.0.77/24"));
    assert_eq!(world.count("deny_admin_prohibited.hoa_not_authorized"), 4);
    assert_eq!(world.moved("deny_other"), [("not_authorized_for_ipv4_address", 4)]);
}

#[test]
fn status_171_for_another_address_than_the_sessions() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    world.denied(
        &attach(MAG1).prefixes(&["2001:db8:100::/64"]).ipv4("10.0.0.9/24"),
        Denial::Ipv4AddressNotAuthorized,
    );
}

#[test]
fn status_172_for_ipv6_that_the_profile_or_the_network_does_not_have() {
    let mut by_profile =
        World::with(Settings { default_profile: Some(profile(Service::Ipv4)), ..settings() });
    assert_eq!(by_profile.denied(&attach(MAG1), Denial::Ipv6NotAuthorized).status().0, 172);
    let mut settings = settings();
    settings.networks.get_mut("home").unwrap().ipv6.clear();
    let mut by_network = World::with(settings);
    by_network.denied(&attach(MAG1), Denial::Ipv6NotAuthorized);
    assert_eq!(by_network.count("deny_admin_prohibited.no_permission"), 1);
    assert_eq!(by_network.moved("deny_other"), [("not_authorized_for_ipv6", 1)]);
}

#[test]
fn status_173_for_two_ipv4_home_addresses() {
    let mut world = World::new();
    let ask = attach(MAG1).ipv4("0.0.0.0/0").ipv4("10.0.0.9/24");
    let ack = world.denied(&ask, Denial::MultipleIpv4);
    assert_eq!(ack.status().0, 173);
    assert_eq!(ack.options.all::<Ipv4HomeAddressReply>().count(), 2);
    assert_eq!(world.moved("deny_other"), [("multiple_ipv4_addresses", 1)]);
}

#[test]
fn status_174_for_a_care_of_address_that_nothing_can_be_sent_to() {
    let mut world = World::new();
    for address in ["::", "ff02::1", "fe80::1"] {
        let ask = attach(MAG1).with(AlternateCareOfAddress(v6(address)));
        assert_eq!(world.denied(&ask, Denial::InvalidCareOf).status().0, 174, "{address}");
    }
    assert_eq!(world.moved("deny_other"), [("invalid_care_of_address", 3)]);
}

#[test]
fn status_180_for_several_paths_and_the_request_for_them_comes_back_without_its_sender() {
    let mut world = World::new();
    let sender = MagIdentifier::new(MnIdSubtype(1), b"mag1@example.com").unwrap();
    let asked = attach(MAG1).with(MULTIPATH).with(sender);
    let ack = world.denied(&asked, Denial::MultipathNotSupported);
    assert_eq!(ack.status().0, 180);
    assert_eq!(ack.options.get::<MagMultipathBinding>(), Some(MULTIPATH));
    assert!(ack.options.get::<MagIdentifier<'_>>().is_none(), "RFC 8278 §4.4");
    assert_eq!(world.moved("deny_other"), [("multipath_not_supported", 1)]);
    let alone = attach(MAG1).with(sender);
    world.accepted(&alone);
}

#[test]
fn the_checks_are_made_in_the_order_of_rfc_5213() {
    // Everything is wrong with this update; each repair brings up the next complaint.
    let mut settings = protected();
    settings.default_profile = None;
    settings
        .profiles
        .insert(MN.to_owned(), Profile { apn: Some("a".to_owned()), ..Profile::default() });
    settings.profiles.insert("ok@x".to_owned(), profile(Service::Ipv6));
    settings.profiles.insert("dual@x".to_owned(), profile(Service::Dual));
    let start = "172.16.0.0".parse().unwrap();
    settings.networks.get_mut("home").unwrap().mobile_networks =
        vec![MobileNetworkPool { start, pool_len: 16, network_len: 24 }];
    let mut world = World::with(settings);
    let none: [&str; 0] = [];
    let mut pbu = Pbu { mn_id: None, handoff: None, technology: None, ..attach(STRANGER) }
        .prefixes(&none)
        .time(Time::Off(99))
        .with(ServiceSelection::new(b"b").unwrap())
        .signed(&Key::new(KEY_SPI, b"wrong"));
    world.denied(&pbu, Denial::AuthenticationFailed);
    pbu = pbu.signed(&key());
    world.denied(&pbu, Denial::MissingMnId);
    pbu = pbu.mn("who@x");
    world.denied(&pbu, Denial::UnknownMag);
    pbu.from = attach(MAG1).from;
    world.denied(&pbu, Denial::UnknownNode);
    pbu = pbu.mn(MN);
    world.denied(&pbu, Denial::ServiceNotAuthorized);
    pbu.more = Default::default();
    world.denied(&pbu, Denial::ServiceDisabled);
    pbu = pbu.mn("ok@x");
    world.denied(&pbu, Denial::TimestampMismatch);
    pbu = pbu.time(Time::Now);
    world.denied(&pbu, Denial::MissingPrefix);
    pbu = pbu.prefixes(&["2001:db8:ffff::/64"]);
    world.denied(&pbu, Denial::MissingHandoffIndicator);
    pbu = pbu.handoff(1);
    world.denied(&pbu, Denial::MissingAccessTechnology);
    pbu = pbu.technology(4).ipv4("192.0.2.9/24").ipv4("0.0.0.0/0").with(MULTIPATH);
    world.denied(&pbu, Denial::Ipv4NotAuthorized);
    pbu = pbu.mn("dual@x");
    world.denied(&pbu, Denial::MultipleIpv4);
    pbu.ipv4.pop();
    world.denied(&pbu, Denial::MultipathNotSupported);
    pbu.more = Default::default();
    pbu = pbu.with(DelegatedMobileNetworkPrefix { prefix: "192.0.2.0/24".parse().unwrap() });
    world.denied(&pbu, Denial::PrefixNotAuthorized);
    pbu = pbu.prefixes(&["::/0"]);
    world.denied(&pbu, Denial::Ipv4AddressNotAuthorized);
    pbu.ipv4.clear();
    world.denied(&pbu, Denial::DelegatedPrefixInUse);
    pbu.more = Default::default();
    world.accepted(&pbu);
}

#[test]
fn a_refusal_echoes_what_the_update_carried() {
    let mut world = World::with(Settings { default_profile: None, ..settings() });
    let asked = ["2001:db8:9::/64", "::/0", "2001:db8:8::/48"];
    let pbu = attach(MAG1)
        .handoff(3)
        .prefixes(&asked)
        .link_layer_id(&[9, 8, 7])
        .sequence(77)
        .time(Time::Now)
        .with(LinkLocalAddress(v6("fe80::77")));
    let ack = world.denied(&pbu, Denial::UnknownNode);
    assert_eq!(ack.prefixes(), asked);
    assert_eq!(ack.body.sequence.0, 77);
    assert!(ack.body.flags.contains(BaFlags::P) && ack.body.lifetime.is_zero());
    assert_eq!(ack.options.get::<MnIdOption<'_>>().unwrap().identifier(), MN.as_bytes());
    assert_eq!(ack.options.get::<HandoffIndicator>().unwrap().0.0, 3);
    assert_eq!(ack.options.get::<AccessTechnology>().unwrap().0.0, 4);
    assert_eq!(ack.options.get::<MnLinkLayerId<'_>>().unwrap().identifier(), [9, 8, 7]);
    assert_eq!(ack.options.get::<LinkLocalAddress>().unwrap().0, v6("fe80::77"));
    let time = ack.options.get::<TimestampOption>().unwrap().0;
    assert_eq!(time, Timestamp::from_system_time(world.now.wall));
}

#[test]
fn an_update_with_ipv4_alone_is_refused_without_a_prefix() {
    let mut world = World::with(Settings { default_profile: None, ..settings() });
    let none: [&str; 0] = [];
    let ack = world.denied(&attach(MAG1).prefixes(&none).ipv4("0.0.0.0/0"), Denial::UnknownNode);
    assert!(ack.options.get::<HomeNetworkPrefix>().is_none(), "RFC 5844 §3.1.2.6");
    assert!(ack.options.get::<Ipv4HomeAddressReply>().is_some());
}

#[test]
fn these_statuses_are_the_ones_an_update_is_denied_with() {
    let statuses: BTreeSet<u8> = Denial::ALL.iter().map(|denial| denial.status().0).collect();
    let expected = [128, 129, 130, 131, 133, 135, 139].into_iter().chain(144..=146);
    let expected = expected.chain(151..=163).chain(170..=174).chain([177, 178, 180]);
    assert_eq!(statuses, expected.collect());
}

const MULTIPATH: MagMultipathBinding = MagMultipathBinding {
    technology: AccessTechnologyType(8),
    label: 3,
    bid: 17,
    bulk_reregistration: false,
    overwrite: true,
};

const KEY_SPI: u32 = 0x67;

fn key() -> Key {
    Key::new(KEY_SPI, b"0123456789abcdef")
}

fn protected() -> Settings {
    let authentication = Authentication {
        key: key(),
        home_address: AuthenticationHome::CareOf,
        updates_only: false,
    };
    Settings { authentication: Some(authentication), ..settings() }
}
