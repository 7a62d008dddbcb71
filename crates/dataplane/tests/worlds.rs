//! A thousand customers whose nodes, anchors and gateways all have the same addresses: each
//! customer's inner and transport routing worlds tell them apart, and nothing else does.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use kedge_dataplane::{
    AccessList, Addresses, Arrived, Between, DropReason, Forwarder, Local, Marking, Policy, Rule,
    Side, Tables, TunnelError, TunnelFault, Verdict,
};
use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel, VrfId};

const CUSTOMERS: u32 = 1_000;
const NODE: &str = "10.64.0.5";
const HOST: &str = "10.1.0.2";

fn inner(customer: u32) -> VrfId {
    VrfId(10_000 + customer)
}

fn transport(customer: u32) -> VrfId {
    VrfId(20_000 + customer)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn want(customer: u32) -> Forwarding {
    let tunnel = Tunnel {
        transport: transport(customer),
        local: ip("192.0.2.1"),
        peer: ip("192.0.2.2"),
        encapsulation: Encapsulation::IpInIp,
        mtu: 1480,
    };
    let inner_net = format!("{NODE}/32").parse().unwrap();
    let paths = vec![Path { tunnel, weight: 1 }];
    Forwarding { vrf: inner(customer), inner: vec![inner_net], paths }
}

fn anchor() -> Forwarder {
    let mut tables = Tables::new(Side::Anchor);
    for customer in 0..CUSTOMERS {
        let (vrf, address) = (transport(customer), ip("192.0.2.1"));
        tables.add_device(inner(customer)).unwrap();
        tables
            .add_local(Local { vrf, address, udp_port: 5437, signalling_port: Some(5436) })
            .unwrap();
        tables.bind(BindingId(customer.into()), &want(customer), customer).unwrap();
    }
    Forwarder::new(tables, Arc::default())
}

fn packet(from: &str, to: &str, octets: u16) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(octets.to_be_bytes());
    packet.extend([0x11, 0x22, 0x40, 0, 63, 17, 0, 0]);
    for address in [from, to] {
        let IpAddr::V4(v4) = ip(address) else { panic!("IPv4") };
        packet.extend(v4.octets());
    }
    let sum = kedge_dataplane::checksum::Sum::default().bytes(&packet).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.resize(octets.into(), 0);
    packet
}

#[test]
fn each_packet_stays_with_its_customer_in_both_directions() {
    let mut anchor = anchor();
    let now = Instant::now();
    for customer in 0..CUSTOMERS {
        let down = anchor.encapsulate(inner(customer), &packet(HOST, NODE, 100), now);
        let Verdict::Forward(outer) = down else { panic!("{customer}: {down:?}") };
        assert_eq!(outer[0].transport, transport(customer));

        let up = packet(NODE, HOST, 100);
        let mut arrived = Arrived::parse(transport(customer), &outer[0].bytes).unwrap();
        arrived.carried = kedge_dataplane::Carried::Ipv4(&up);
        (arrived.local, arrived.peer) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let Verdict::Forward(out) = anchor.decapsulate(&arrived, now) else { panic!("{customer}") };
        assert_eq!(out.vrf, inner(customer));
    }
    for customer in 0..CUSTOMERS {
        let slot = anchor.tables.find(inner(customer), ip(NODE)).unwrap();
        let counters = anchor.tables.cells(anchor.tables.held(slot).unwrap()).read();
        assert_eq!((counters.sent_packets, counters.received_packets), (1, 1), "{customer}");
    }
}

#[test]
fn an_error_about_one_customers_tunnel_is_told_in_its_world_and_narrows_no_other() {
    let mut anchor = anchor();
    let now = Instant::now();
    let big = packet(HOST, NODE, 1400);
    for customer in [0, 17, CUSTOMERS - 1] {
        let error = TunnelError {
            transport: transport(customer),
            local: ip("192.0.2.1"),
            peer: ip("192.0.2.2"),
            fault: TunnelFault::TooBig { outer_mtu: 1320 },
            inner: &big,
        };
        let (vrf, _) = anchor.tunnel_error(&error, now).expect("its sender is told");
        assert_eq!(vrf, inner(customer));
    }
    for customer in 0..CUSTOMERS {
        let slot = anchor.tables.find(inner(customer), ip(NODE)).unwrap();
        let expected = if [0, 17, CUSTOMERS - 1].contains(&customer) { 1300 } else { 1480 };
        let held = anchor.tables.held(slot).unwrap();
        assert_eq!(anchor.tables.mtu(held, now), expected, "{customer}");
    }
}

#[test]
fn a_world_that_goes_takes_its_bindings_and_no_others() {
    let mut anchor = anchor();
    let place = anchor.tables.remove_device(inner(3)).unwrap();
    anchor.tables.remove_local(transport(5), ip("192.0.2.1")).unwrap();
    for customer in 0..CUSTOMERS {
        let held = anchor.tables.find(inner(customer), ip(NODE)).is_some();
        assert_eq!(held, ![3, 5].contains(&customer), "{customer}");
    }
    let now = Instant::now();
    let lost = anchor.encapsulate(inner(5), &packet(HOST, NODE, 100), now);
    assert!(
        matches!(
            lost,
            Verdict::Drop(DropReason::NoBinding) | Verdict::Reply(DropReason::NoBinding, _)
        ),
        "{lost:?}"
    );
    // Its place is the next one's, and nothing of it is left there.
    assert_eq!(anchor.tables.add_device(VrfId(99)).unwrap(), place);
    assert_eq!(anchor.tables.find(VrfId(99), ip(NODE)), None);
}

/// What a list says that lets nothing pass.
fn nothing() -> Arc<AccessList> {
    let any = Addresses { address: Ipv4Addr::UNSPECIFIED, wildcard: Ipv4Addr::BROADCAST };
    Arc::new(AccessList::new([Rule {
        permit: false,
        protocol: None,
        between: Between::Ipv4 { source: any, destination: any },
        source_ports: None,
        destination_ports: None,
        messages: None,
        established: false,
        code_points: None,
        log: false,
    }]))
}

fn denied(anchor: &mut Forwarder, vrf: VrfId) -> bool {
    let verdict = anchor.encapsulate(vrf, &packet(HOST, NODE, 100), Instant::now());
    matches!(verdict, Verdict::Reply(DropReason::AccessList, _))
}

#[test]
fn worlds_with_one_list_count_in_it_together_and_others_are_not_asked() {
    let mut anchor = anchor();
    let list = nothing();
    for customer in [2, 4] {
        let policy = Policy { into_tunnels: Some(Arc::clone(&list)), ..Policy::default() };
        anchor.tables.set_policy(inner(customer), policy).unwrap();
    }
    let other = Policy { marking: Marking::Pipe(46), ..Policy::default() };
    anchor.tables.set_policy(inner(3), other).unwrap();
    for customer in 0..CUSTOMERS {
        assert_eq!(denied(&mut anchor, inner(customer)), [2, 4].contains(&customer), "{customer}");
    }
    assert_eq!(list.rules().map(|(_, packets)| packets).collect::<Vec<_>>(), [2]);

    let now = Instant::now();
    let marks = [1, 3].map(|customer| {
        let down = anchor.encapsulate(inner(customer), &packet(HOST, NODE, 100), now);
        let Verdict::Forward(outer) = down else { panic!("{customer}: {down:?}") };
        outer[0].bytes[1] >> 2
    });
    assert_eq!(marks, [0, 46]);

    anchor.tables.set_policy(inner(2), Policy::default()).unwrap();
    assert_eq!([2, 4].map(|customer| denied(&mut anchor, inner(customer))), [false, true]);
}

#[test]
fn a_world_takes_its_policy_with_it() {
    let mut anchor = anchor();
    let policy = Policy { into_tunnels: Some(nothing()), ..Policy::default() };
    anchor.tables.set_policy(inner(3), policy).unwrap();
    assert!(denied(&mut anchor, inner(3)));
    let place = anchor.tables.remove_device(inner(3)).unwrap();
    assert_eq!(anchor.tables.add_device(inner(3)).unwrap(), place);
    anchor.tables.bind(BindingId(3), &want(3), 3).unwrap();
    assert!(!denied(&mut anchor, inner(3)));
}
