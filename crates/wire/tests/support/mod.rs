//! Arbitrary messages: every kind, every option, all of their fields.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_model::{IpNet, Ipv4Net, Ipv6Net, Lifetime, Sequence, Timestamp};
use kedge_wire::registry::*;
use kedge_wire::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// A message that fits, with up to 12 options.
pub fn packet() -> impl Strategy<Value = Packet> {
    let known = (message(), vec(option(), 0..12)).prop_map(|(message, lists)| {
        let mut options = Options::new();
        lists.iter().for_each(|one| options.extend(one));
        Packet { message, options }
    });
    let unknown =
        unknown_message().prop_map(|m| Packet { message: m.into(), options: Options::new() });
    prop_oneof![9 => known, 1 => unknown].prop_filter("too long", |packet| {
        let longest: usize = packet.options.iter().map(|o| wire_len(&o) + 7).sum();
        longest + 24 <= MAX_UNSIGNED
    })
}

/// The octets an option takes, found by writing it alone and taking off what is not its own.
fn wire_len(option: &MobilityOption<'_>) -> usize {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, BindingRefreshRequest);
    encoder.option(*option);
    encoder.finish().len
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let any_sequence = || any::<u16>().prop_map(Sequence);
    let any_lifetime = || any::<u16>().prop_map(Lifetime::from_units);
    prop_oneof![
        Just(BindingRefreshRequest.into()),
        (any_sequence(), any::<u16>(), any_lifetime()).prop_map(|(sequence, flags, lifetime)| {
            BindingUpdate { sequence, flags: BuFlags::from_bits(flags), lifetime }.into()
        }),
        (any::<u8>(), any::<u8>(), any_sequence(), any_lifetime()).prop_map(
            |(status, flags, sequence, lifetime)| {
                let (status, flags) = (Status(status), BaFlags::from_bits(flags));
                BindingAcknowledgement { status, flags, sequence, lifetime }.into()
            }
        ),
        any::<(u8, Ipv6Addr)>().prop_map(|(status, home_address)| {
            BindingError { status: BindingErrorStatus(status), home_address }.into()
        }),
        any::<(u16, u32)>().prop_map(|(flags, sequence)| {
            Heartbeat { flags: HeartbeatFlags::from_bits(flags), sequence }.into()
        }),
        (any::<u8>(), any_sequence(), any::<u16>()).prop_map(|(trigger, sequence, flags)| {
            let (trigger, flags) = (RevocationTrigger(trigger), RevocationFlags::from_bits(flags));
            BindingRevocationIndication { trigger, sequence, flags }.into()
        }),
        (any::<u8>(), any_sequence(), any::<u16>()).prop_map(|(status, sequence, flags)| {
            let (status, flags) = (RevocationStatus(status), RevocationFlags::from_bits(flags));
            BindingRevocationAcknowledgement { status, sequence, flags }.into()
        }),
    ]
}

fn unknown_message() -> impl Strategy<Value = UnknownMessage<'static>> {
    (any::<u8>(), 0usize..30, any::<u8>())
        .prop_map(|(kind, units, fill)| {
            UnknownMessage::new(MhType(kind), vec![fill; units * 8 + 2])
        })
        .prop_filter_map("a known type", |message| message)
}

/// One option, held in a list because what an option borrows must live somewhere.
pub fn option() -> BoxedStrategy<Options> {
    prop_oneof![base_option(), identity_option(), proxy_option(), ipv4_option(), further_option()]
        .boxed()
}

fn one<'a>(option: impl Into<MobilityOption<'a>>) -> Options {
    Options::from_iter([option.into()])
}

fn octets(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![9 => vec(any::<u8>(), 0..40.min(longest)), 1 => vec(any::<u8>(), longest)]
}

fn ipv4_net() -> impl Strategy<Value = Ipv4Net> {
    (any::<Ipv4Addr>(), 0u8..=32).prop_map(|(address, len)| Ipv4Net::new(address, len).unwrap())
}

fn ipv6_net() -> impl Strategy<Value = Ipv6Net> {
    (any::<Ipv6Addr>(), 0u8..=128).prop_map(|(address, len)| Ipv6Net::new(address, len).unwrap())
}

fn base_option() -> impl Strategy<Value = Options> {
    prop_oneof![
        any::<u16>().prop_map(|units| one(BindingRefreshAdvice(Lifetime::from_units(units)))),
        any::<Ipv6Addr>().prop_map(|address| one(AlternateCareOfAddress(address))),
        any::<(u16, u16)>().prop_map(|(home, care_of)| one(NonceIndices { home, care_of })),
        octets(255).prop_map(|data| one(BindingAuthorizationData::new(&data).unwrap())),
        (0u8..=255, octets(255)).prop_filter_map("a known type", |(kind, body)| {
            UnknownOption::new(OptionType(kind), &body).map(one)
        }),
        (60u8..=61, 0usize..=255).prop_map(|(kind, words)| {
            one(UnknownOption::new(OptionType(kind), &vec![7; 2 + 4 * words]).unwrap())
        }),
    ]
}

fn identity_option() -> impl Strategy<Value = Options> {
    prop_oneof![
        (any::<u8>(), octets(254)).prop_map(|(subtype, id)| one(MnIdOption::new(
            MnIdSubtype(subtype),
            &id
        )
        .unwrap())),
        (any::<u8>(), any::<u32>(), octets(250)).prop_map(|(subtype, spi, data)| {
            one(Authentication::new(AuthenticationSubtype(subtype), spi, &data).unwrap())
        }),
        any::<u64>().prop_map(|time| one(MessageId(time))),
        (any::<u32>(), any::<u8>(), octets(250)).prop_map(|(vendor, subtype, data)| {
            one(VendorSpecific::new(vendor, subtype, &data).unwrap())
        }),
        octets(255).prop_filter_map("empty", |id| ServiceSelection::new(&id).map(one)),
        octets(253).prop_map(|id| one(MnLinkLayerId::new(&id).unwrap())),
        (any::<u8>(), octets(253)).prop_map(|(subtype, id)| one(MagIdentifier::new(
            MnIdSubtype(subtype),
            &id
        )
        .unwrap())),
    ]
}

fn proxy_option() -> impl Strategy<Value = Options> {
    prop_oneof![
        (ipv6_net(), any::<bool>())
            .prop_map(|(prefix, off_link)| one(HomeNetworkPrefix { prefix, off_link })),
        any::<u8>().prop_map(|value| one(HandoffIndicator(HandoffIndicatorValue(value)))),
        any::<u8>().prop_map(|value| one(AccessTechnology(AccessTechnologyType(value)))),
        any::<Ipv6Addr>().prop_map(|address| one(LinkLocalAddress(address))),
        any::<u64>().prop_map(|time| one(TimestampOption(Timestamp(time)))),
        any::<u32>().prop_map(|count| one(RestartCounter(count))),
        any::<Option<u32>>().prop_map(|key| one(GreKeyOption { key })),
    ]
}

fn ipv4_option() -> impl Strategy<Value = Options> {
    prop_oneof![
        any::<(bool, u32)>().prop_map(|(force_udp, refresh_time)| {
            one(NatDetection { force_udp, refresh_time })
        }),
        any::<Ipv4Addr>().prop_map(|address| one(Ipv4CareOfAddress(address))),
        any::<IpAddr>().prop_map(|address| one(LmaAddress(address))),
        ipv4_net().prop_map(|address| one(Ipv4HomeAddressRequest { address })),
        (any::<u8>(), ipv4_net()).prop_map(|(status, address)| {
            one(Ipv4HomeAddressReply { status: Ipv4HomeAddressStatus(status), address })
        }),
        any::<Ipv4Addr>().prop_map(|address| one(Ipv4DefaultRouter(address))),
        any::<bool>().prop_map(|server| one(DhcpSupportMode { server })),
    ]
}

fn further_option() -> impl Strategy<Value = Options> {
    prop_oneof![
        any::<(u8, u32)>().prop_map(|(subtype, group)| {
            one(MobileNodeGroupId { subtype: MnGroupSubtype(subtype), group })
        }),
        ipv4_net().prop_map(|net| one(DelegatedMobileNetworkPrefix { prefix: IpNet::V4(net) })),
        ipv6_net().prop_map(|net| one(DelegatedMobileNetworkPrefix { prefix: IpNet::V6(net) })),
        any::<[Option<(u16, u16, u16)>; 2]>().prop_map(|[reregistration, heartbeat]| {
            one(LmaControlledMagParameters {
                reregistration: reregistration.map(|(start_time, first, last)| {
                    let (initial_retransmission, max_retransmission) = (first, last);
                    ReregistrationControl { start_time, initial_retransmission, max_retransmission }
                }),
                heartbeat: heartbeat.map(|(interval, retransmission_delay, most)| {
                    let max_retransmissions = most;
                    HeartbeatControl { interval, retransmission_delay, max_retransmissions }
                }),
            })
        }),
        any::<(u8, u8, u8, bool, bool)>().prop_map(|(technology, label, bid, bulk, overwrite)| {
            one(MagMultipathBinding {
                technology: AccessTechnologyType(technology),
                label,
                bid,
                bulk_reregistration: bulk,
                overwrite,
            })
        }),
    ]
}
