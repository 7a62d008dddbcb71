//! Any octets give a value or an error, and what is written is read back.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::dhcpv4::{self, DhcpOption, MessageType, Op};
use kedge_access_wire::icmpv6::{self, Message, NdOption, PrefixInformation};
use kedge_access_wire::icmpv6::{NeighborAdvertisement, NeighborSolicitation};
use kedge_access_wire::icmpv6::{RouterAdvertisement, RouterSolicitation};
use kedge_access_wire::{Content, Frame};
use kedge_model::{Ipv6Net, MacAddr};
use proptest::collection::vec;
use proptest::prelude::*;

fn mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn ipv4() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from)
}

fn ipv6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(Ipv6Addr::from)
}

fn link_local() -> impl Strategy<Value = Ipv6Addr> {
    any::<u64>().prop_map(|id| Ipv6Addr::from((0xfe80u128 << 112) | u128::from(id)))
}

fn unicast() -> impl Strategy<Value = Ipv6Addr> {
    ipv6().prop_filter("a group", |address| !address.is_multicast())
}

fn nd_option() -> impl Strategy<Value = NdOption> {
    let prefix = (ipv6(), 0..=128u8, any::<(bool, bool, u32, u32)>()).prop_map(
        |(address, len, (on_link, autonomous, valid_lifetime, preferred_lifetime))| {
            NdOption::PrefixInformation(PrefixInformation {
                prefix: Ipv6Net::new(address, len).unwrap().trunc(),
                on_link,
                autonomous,
                valid_lifetime,
                preferred_lifetime,
            })
        },
    );
    prop_oneof![
        mac().prop_map(NdOption::SourceLinkLayerAddress),
        mac().prop_map(NdOption::TargetLinkLayerAddress),
        prefix,
        any::<u32>().prop_map(NdOption::Mtu),
        (any::<u32>(), vec(ipv6(), 1..4))
            .prop_map(|(lifetime, servers)| NdOption::RecursiveDnsServer { lifetime, servers }),
        (6..=8u8, 1..5usize)
            .prop_map(|(kind, units)| NdOption::Unknown { kind, body: vec![kind; units * 8 - 2] }),
    ]
}

fn neighbor_message() -> impl Strategy<Value = Message> {
    let options = || vec(nd_option(), 0..5);
    prop_oneof![
        options().prop_map(|options| Message::RouterSolicitation(RouterSolicitation { options })),
        (any::<(u8, bool, bool, u16, u32, u32)>(), options()).prop_map(|(fields, options)| {
            let (hop_limit, managed, other, router_lifetime, reachable_time, retrans_timer) =
                fields;
            Message::RouterAdvertisement(RouterAdvertisement {
                hop_limit,
                managed,
                other,
                router_lifetime,
                reachable_time,
                retrans_timer,
                options,
            })
        }),
        (unicast(), options()).prop_map(|(target, options)| {
            Message::NeighborSolicitation(NeighborSolicitation { target, options })
        }),
        (any::<[bool; 3]>(), unicast(), options()).prop_map(
            |([router, solicited, overriding], target, options)| {
                Message::NeighborAdvertisement(NeighborAdvertisement {
                    router,
                    solicited,
                    overriding,
                    target,
                    options,
                })
            },
        ),
    ]
}

fn dhcp_option() -> impl Strategy<Value = DhcpOption> {
    prop_oneof![
        ipv4().prop_map(DhcpOption::SubnetMask),
        vec(ipv4(), 1..4).prop_map(DhcpOption::Router),
        vec(ipv4(), 1..70).prop_map(DhcpOption::DomainNameServer),
        (68..=u16::MAX).prop_map(DhcpOption::InterfaceMtu),
        ipv4().prop_map(DhcpOption::RequestedAddress),
        any::<u32>().prop_map(DhcpOption::LeaseTime),
        ipv4().prop_map(DhcpOption::ServerIdentifier),
        vec(any::<u8>(), 1..300).prop_map(DhcpOption::ParameterRequestList),
        "[a-z]{1,40}".prop_map(DhcpOption::Message),
        any::<u32>().prop_map(DhcpOption::RenewalTime),
        any::<u32>().prop_map(DhcpOption::RebindingTime),
        vec(any::<u8>(), 2..40).prop_map(DhcpOption::ClientIdentifier),
        (62..=80u8, vec(any::<u8>(), 0..300))
            .prop_map(|(code, body)| DhcpOption::Unknown { code, body }),
    ]
}

/// Options of one code are one option on the wire (RFC 3396), so each code comes once.
fn dhcp_options() -> impl Strategy<Value = Vec<DhcpOption>> {
    vec(dhcp_option(), 0..8).prop_map(|mut options| {
        let mut seen = std::collections::HashSet::new();
        options.retain(|option| {
            let code = match option {
                DhcpOption::Unknown { code, .. } => Some(*code),
                _ => None,
            };
            seen.insert((std::mem::discriminant(option), code))
        });
        options
    })
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in vec(any::<u8>(), 0..600)) {
        let _ = Frame::decode(&octets);
    }

    /// Octets that get past the first checks.
    #[test]
    fn any_octets_behind_a_plausible_head_are_read_without_a_panic(
        ethertype in prop_oneof![Just([8u8, 0]), Just([8, 6]), Just([0x86, 0xdd])],
        octets in vec(any::<u8>(), 0..400),
        next in prop_oneof![Just(58u8), Just(17)],
    ) {
        let mut frame = vec![2; 12];
        frame.extend(ethertype);
        frame.extend(&octets);
        if ethertype == [0x86, 0xdd] && octets.len() > 40 {
            frame[14] = 0x60;
            let length = (octets.len() - 40) as u16;
            frame[18..20].copy_from_slice(&length.to_be_bytes());
            frame[20] = next;
        }
        let _ = Frame::decode(&frame);
    }

    #[test]
    fn neighbor_messages_are_read_back_and_survive_no_cut(
        source in link_local(),
        destination in link_local(),
        message in neighbor_message(),
        cut in any::<prop::sample::Index>(),
    ) {
        let route = icmpv6::Route {
            source_mac: MacAddr([2; 6]),
            destination_mac: MacAddr([4; 6]),
            source,
            destination,
        };
        let mut octets = Vec::new();
        icmpv6::encode_frame(&route, &message, &mut octets);
        let frame = Frame::decode(&octets).unwrap();
        prop_assert_eq!(frame.ethernet.source, route.source_mac);
        let Content::Neighbor { ip, message: read } = frame.content else { panic!("{frame:?}") };
        prop_assert_eq!((ip.source, ip.destination), (source, destination));
        prop_assert_eq!(read, message);
        // Behind the type octet, which says what the message is, nothing may be missing.
        let at = 55 + cut.index(octets.len() - 55);
        prop_assert!(Frame::decode(&octets[..at]).is_err());
    }

    #[test]
    fn dhcp_messages_are_read_back_and_survive_no_cut(
        kind in 1..=8u8,
        fields in any::<(u32, u16, bool)>(),
        addresses in (ipv4(), ipv4(), ipv4(), ipv4()),
        chaddr in mac(),
        options in dhcp_options(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (xid, secs, broadcast) = fields;
        let (ciaddr, yiaddr, siaddr, giaddr) = addresses;
        let message = dhcpv4::Message {
            op: Op::Reply,
            message_type: MessageType(kind),
            xid, secs, broadcast, ciaddr, yiaddr, siaddr, giaddr, chaddr, options,
        };
        let route = dhcpv4::Route {
            source_mac: MacAddr([2; 6]),
            destination_mac: chaddr,
            source: siaddr,
            destination: yiaddr,
        };
        let mut octets = Vec::new();
        dhcpv4::encode_frame(&route, &message, &mut octets);
        let frame = Frame::decode(&octets).unwrap();
        let Content::Dhcpv4 { message: read, .. } = frame.content else { panic!("{frame:?}") };
        prop_assert_eq!(*read, message);
        let at = 42 + cut.index(octets.len() - 42);
        prop_assert!(Frame::decode(&octets[..at]).is_err());
    }

    #[test]
    fn arp_packets_are_read_back(
        reply in any::<bool>(),
        macs in (mac(), mac(), mac()),
        addresses in (ipv4(), ipv4()),
    ) {
        let operation = if reply { Operation::Reply } else { Operation::Request };
        let arp = Arp {
            operation,
            sender_mac: macs.0,
            sender: addresses.0,
            target_mac: macs.1,
            target: addresses.1,
        };
        let mut octets = Vec::new();
        arp::encode_frame(macs.0, macs.2, &arp, &mut octets);
        prop_assert_eq!(Frame::decode(&octets).unwrap().content, Content::Arp(arp));
    }
}
