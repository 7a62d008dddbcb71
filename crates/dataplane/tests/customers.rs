//! A thousand customers of one transport network: their nodes have the same addresses, their
//! gateway is the same host, and their anchors chose the same GRE key. What tells them apart is the
//! address of the anchor at which each one's tunnels end.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use kedge_dataplane::{Arrived, Carried, DropReason, Forwarder, Local, Side, Tables, Verdict};
use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel, VrfId};

const CUSTOMERS: u32 = 1_000;
const TRANSPORT: VrfId = VrfId(1);
const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const NODE: Ipv4Addr = Ipv4Addr::new(10, 10, 10, 2);
const HOST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
const KEY: u32 = 7;

fn inner(customer: u32) -> VrfId {
    VrfId(10_000 + customer)
}

fn anchor_of(customer: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0f00_0000 + customer).into()
}

fn anchor() -> Forwarder {
    let mut tables = Tables::new(Side::Anchor);
    for customer in 0..CUSTOMERS {
        let (vrf, address) = (TRANSPORT, anchor_of(customer));
        tables.add_device(inner(customer)).unwrap();
        let signalling_port = Some(5436);
        tables.add_local(Local { vrf, address, udp_port: 5437, signalling_port }).unwrap();
        let encapsulation = Encapsulation::Gre { send_key: Some(KEY), receive_key: Some(KEY) };
        let tunnel = Tunnel {
            transport: TRANSPORT,
            local: address,
            peer: GATEWAY,
            encapsulation,
            mtu: 1400,
        };
        let inner_net = format!("{NODE}/32").parse().unwrap();
        let paths = vec![Path { tunnel, weight: 1 }];
        let want = Forwarding { vrf: inner(customer), inner: vec![inner_net], paths };
        tables.bind(BindingId(u64::from(customer) << 48), &want, customer).unwrap();
    }
    Forwarder::new(tables, Arc::default())
}

fn packet(from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0x11, 0x22, 0x40, 0, 63, 17, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    let sum = kedge_dataplane::checksum::Sum::default().bytes(&packet).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.resize(40, 0);
    packet
}

#[test]
fn the_address_that_a_tunnel_ends_at_says_whose_packet_it_is_and_the_key_does_not() {
    let mut anchor = anchor();
    let mut gre = vec![0x20, 0, 8, 0];
    gre.extend(KEY.to_be_bytes());
    gre.extend(packet(NODE, HOST));
    for customer in 0..CUSTOMERS {
        let down = anchor.encapsulate(inner(customer), &packet(HOST, NODE), Instant::now());
        let Verdict::Forward(outer) = down else { panic!("{customer}: {down:?}") };
        let IpAddr::V4(from) = anchor_of(customer) else { panic!("IPv4") };
        assert_eq!(outer[0].bytes[12..16], from.octets(), "it leaves from its own address");

        let carried = Carried::Gre(&gre);
        let (transport, local, peer) = (TRANSPORT, anchor_of(customer), GATEWAY);
        let up = anchor
            .decapsulate(&Arrived { transport, local, peer, tos: 0, carried }, Instant::now());
        let Verdict::Forward(out) = up else { panic!("{customer}: {up:?}") };
        assert_eq!(out.vrf, inner(customer));
    }
    for customer in 0..CUSTOMERS {
        let slot = anchor.tables.find(inner(customer), NODE.into()).unwrap();
        let counters = anchor.tables.cells(anchor.tables.held(slot).unwrap()).read();
        assert_eq!((counters.sent_packets, counters.received_packets), (1, 1), "{customer}");
    }
    // An address of no customer is nobody's tunnel end.
    let carried = Carried::Gre(&gre);
    let (transport, local, peer) = (TRANSPORT, anchor_of(CUSTOMERS), GATEWAY);
    let nobody =
        anchor.decapsulate(&Arrived { transport, local, peer, tos: 0, carried }, Instant::now());
    assert!(matches!(nobody, Verdict::Drop(DropReason::UnknownPeer)), "{nobody:?}");
}
