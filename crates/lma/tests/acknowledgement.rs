//! What an acknowledgement carries: RFC 5213 §5.3.6 sentence by sentence, for an update that is
//! accepted and for one that is not, and RFC 5844 §3.1.2.6.

mod kit;

use kedge_lma::{Denial, Settings};
use kedge_model::Ipv4Net;
use kedge_wire::registry::{Ipv4HomeAddressStatus, MnIdSubtype, OptionType};
use kedge_wire::{
    AccessTechnology, AlternateCareOfAddress, BaFlags, DelegatedMobileNetworkPrefix,
    DhcpSupportMode, GreKeyOption, HandoffIndicator, HomeNetworkPrefix, Ipv4DefaultRouter,
    Ipv4HomeAddressReply, LinkLocalAddress, MessageId, MnIdOption, MnLinkLayerId, ServiceSelection,
    TimestampOption,
};
use kit::*;

/// The answers to the same update, of an anchor that accepts and of one that has no profile for
/// the node.
fn both(pbu: &Pbu) -> [Ack; 2] {
    let (accepted, _) = World::new().accepted(pbu);
    let mut refusing = World::with(Settings { default_profile: None, ..settings() });
    [accepted, refusing.denied(pbu, Denial::UnknownNode)]
}

fn kinds(ack: &Ack) -> Vec<OptionType> {
    ack.options.iter().map(|option| option.kind()).collect()
}

#[test]
fn it_goes_from_where_the_update_was_sent_to_back_to_its_source() {
    let other = AlternateCareOfAddress(v6("2001:db8:1::99"));
    for ack in both(&attach(MAG1).with(other)) {
        assert_eq!(ack.path, attach(MAG1).path(), "not to the alternate care-of address");
        assert!(ack.body.flags.contains(BaFlags::P));
    }
}

#[test]
fn the_identifier_comes_back_octet_by_octet_with_its_subtype() {
    let id = MnIdOption::new(MnIdSubtype(4), &[7, 0, 255]).unwrap();
    let mut world = World::new();
    for ack in [
        world.accepted(&Pbu { mn_id: None, ..attach(MAG1) }.with(id)).0,
        world.denied(
            &Pbu { mn_id: None, handoff: None, ..attach(MAG1) }.with(id),
            Denial::MissingHandoffIndicator,
        ),
    ] {
        assert_eq!(ack.options.all::<MnIdOption<'_>>().collect::<Vec<_>>(), [id]);
    }
}

#[test]
fn the_mandatory_options_are_there_once_and_no_other_is() {
    let bare = attach(MAG1).no_link_layer_id().time(Time::None);
    for ack in both(&bare) {
        let mandatory = [
            OptionType::MN_ID,
            OptionType::HOME_NETWORK_PREFIX,
            OptionType::HANDOFF_INDICATOR,
            OptionType::ACCESS_TECHNOLOGY_TYPE,
        ];
        assert_eq!(kinds(&ack), mandatory);
    }
}

#[test]
fn a_rejection_carries_every_prefix_of_the_update_and_one_of_zeros_if_there_was_none() {
    let asked = ["2001:db8:100:5::/64", "::/0", "2001:db8:100:5::/64", "ffff::/16"];
    assert_eq!(both(&attach(MAG1))[1].prefixes(), ["::/0"]);
    let mut world = World::with(Settings { default_profile: None, ..settings() });
    let ack = world.denied(&attach(MAG1).prefixes(&asked), Denial::UnknownNode);
    assert_eq!(ack.prefixes(), asked);
    let ack = world.denied(&attach(MAG1).prefixes::<&str>(&[]), Denial::UnknownNode);
    assert_eq!(ack.prefixes(), ["::/0"]);
}

#[test]
fn an_acceptance_carries_the_sessions_prefixes_whatever_was_asked_for() {
    let mut world = World::with(Settings { hnp_maximum: 2, ..settings() });
    let (first, _) = world.accepted(&attach(MAG1).prefixes(&["::/0", "::/0"]));
    let (refresh, _) = world.accepted(&attach(MAG1).handoff(5));
    assert_eq!(refresh.prefixes(), first.prefixes());
    assert_eq!(first.prefixes().len(), 2);
    let (farewell, _) = world.accepted(&attach(MAG1).deregister());
    assert_eq!(farewell.prefixes(), first.prefixes());
}

#[test]
fn handoff_indicator_and_access_technology_are_those_of_the_update() {
    for (handoff, technology) in [(1, 4), (3, 255), (2, 0)] {
        for ack in both(&attach(MAG1).handoff(handoff).technology(technology)) {
            assert_eq!(ack.options.get::<HandoffIndicator>().unwrap().0.0, handoff);
            assert_eq!(ack.options.get::<AccessTechnology>().unwrap().0.0, technology);
        }
    }
}

#[test]
fn timestamp_link_layer_identifier_and_link_local_address_answer_their_like_alone() {
    let bare = attach(MAG1).no_link_layer_id().time(Time::None);
    let link_local = LinkLocalAddress(v6("fe80::77"));
    for ack in both(&bare.clone().link_layer_id(&[0, 0, 0])) {
        let id = ack.options.get::<MnLinkLayerId<'_>>().unwrap();
        assert_eq!((id.identifier(), kinds(&ack).len()), (&[0, 0, 0][..], 5), "zeros, too");
    }
    for ack in both(&bare.clone().with(link_local)) {
        assert_eq!(ack.options.get::<LinkLocalAddress>(), Some(link_local));
        assert_eq!(kinds(&ack).len(), 5);
    }
    for ack in both(&bare.time(Time::Now)) {
        assert!(ack.options.get::<TimestampOption>().is_some());
        assert_eq!(kinds(&ack).len(), 5);
    }
}

#[test]
fn a_rejection_carries_a_link_local_address_of_zeros_back_as_it_is() {
    let zero = LinkLocalAddress(v6("::"));
    let [accepted, rejected] = both(&attach(MAG1).with(zero));
    assert_eq!(rejected.options.get::<LinkLocalAddress>(), Some(zero));
    let generated = accepted.options.get::<LinkLocalAddress>().unwrap().0;
    assert_eq!(generated, v6("fe80::200:5eff:fe00:5213"), "RFC 6543");
}

#[test]
fn a_link_local_address_of_a_gateway_becomes_the_sessions() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).with(LinkLocalAddress(v6("fe80::77"))));
    let (ack, _) = world.accepted(&attach(MAG2).handoff(3).with(LinkLocalAddress(v6("::"))));
    assert_eq!(ack.options.get::<LinkLocalAddress>().unwrap().0, v6("fe80::77"));
    assert_eq!(world.only_binding().link_local, v6("fe80::77"));
}

#[test]
fn nothing_else_of_an_update_comes_back_with_a_rejection() {
    let pbu = attach(MAG1)
        .no_link_layer_id()
        .time(Time::None)
        .with(GreKeyOption { key: Some(7) })
        .with(ServiceSelection::new(b"ims").unwrap())
        .with(DelegatedMobileNetworkPrefix { prefix: "::/0".parse().unwrap() });
    assert_eq!(kinds(&both(&pbu)[1]).len(), 4);
}

#[test]
fn a_message_identifier_comes_back_whatever_the_answer() {
    let mut world = World::with(Settings { timestamp_window: None, ..settings() });
    let id = MessageId(7 << 40);
    let (ack, _) = world.accepted(&attach(MAG1).time(Time::None).with(id));
    assert_eq!(ack.options.get::<MessageId>(), Some(id));
    let pbu = attach(MAG1).mn("b@x").time(Time::None).with(id);
    let ack = world.denied(&Pbu { technology: None, ..pbu }, Denial::MissingAccessTechnology);
    assert_eq!(ack.options.get::<MessageId>(), Some(id), "RFC 4285 §6: it MUST be included");
}

/// RFC 5844 §3.1.2.2 and §3.1.2.6: the option has a status of its own beside the message's.
#[test]
fn an_ipv4_request_is_answered_with_two_statuses() {
    let reply = |ack: &Ack| {
        let reply = ack.options.get::<Ipv4HomeAddressReply>().expect("a reply");
        assert!(ack.options.get::<Ipv4DefaultRouter>().is_none() || ack.status().0 == 0);
        (ack.status().0, reply.status)
    };
    let (prohibited, unspecified) = (
        Ipv4HomeAddressStatus::ADMINISTRATIVELY_PROHIBITED,
        Ipv4HomeAddressStatus::FAILURE_REASON_UNSPECIFIED,
    );
    let mut settings = settings();
    settings.networks.insert("home".to_owned(), network(30, 48));
    let mut world = World::with(settings);
    let ask = |node: &str| attach(MAG1).mn(node).ipv4("0.0.0.0/0");
    let (ack, _) = world.accepted(&ask("a@x"));
    assert_eq!(reply(&ack), (0, Ipv4HomeAddressStatus::SUCCESS));
    assert_eq!(reply(&world.denied(&ask("b@x"), Denial::PoolExhausted)), (130, unspecified));
    let named = attach(MAG1).mn("b@x").ipv4("10.0.0.2/30");
    assert_eq!(reply(&world.denied(&named, Denial::Ipv4AddressNotAuthorized)), (171, prohibited));
    let late = ask("b@x").time(Time::Off(-60));
    assert_eq!(reply(&world.denied(&late, Denial::TimestampMismatch)), (156, unspecified));
}

#[test]
fn an_ipv4_acceptance_says_all_that_the_node_needs() {
    let mut world = World::new();
    let (ack, _) = world.accepted(&attach(MAG1).prefixes::<&str>(&[]).ipv4("10.0.0.9/32"));
    let reply = ack.options.get::<Ipv4HomeAddressReply>().unwrap();
    assert_eq!(reply.address, "10.0.0.9/24".parse::<Ipv4Net>().unwrap(), "the subnet's length");
    let router = ack.options.get::<Ipv4DefaultRouter>().unwrap();
    assert_eq!(router.0, std::net::Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(ack.options.get::<DhcpSupportMode>(), Some(DhcpSupportMode { server: true }));
    assert!(ack.options.get::<HomeNetworkPrefix>().is_none(), "RFC 5844 §3.1.2.6");
}

#[test]
fn an_ipv6_acceptance_of_a_dual_session_says_nothing_of_ipv4() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let (ack, _) = world.accepted(&attach(MAG1).handoff(5));
    for kind in [
        OptionType::IPV4_HOME_ADDRESS_REPLY,
        OptionType::IPV4_DEFAULT_ROUTER_ADDRESS,
        OptionType::IPV4_DHCP_SUPPORT_MODE,
    ] {
        assert!(!kinds(&ack).contains(&kind));
    }
}
