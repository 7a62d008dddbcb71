//! What this crate does to packets is what the reference forwarder does: trains and unfinished
//! packets become, once they are cut and finished, the very octets it makes of each packet.

use std::sync::Arc;
use std::time::Instant;

use kedge_dataplane::inner::Inner;
use kedge_dataplane::{
    Arrived, Carried, Forwarder, Load, Local, Marking, Policy, Side, Tables, TunnelEnd, Verdict,
    unwrap,
};
use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel, VrfId};
use proptest::prelude::*;

use crate::merge::unfinished;
use crate::out_of_tunnels::change;
use crate::split::{Cut, finish_checksum};
use crate::trains::{segments, train};
use crate::virtio::{Train, VirtioHeader};

const PORT: u16 = 5437;

/// An anchor whose node has the destination of [`train`]'s packets, or their source.
fn anchor(policy: &Policy, node: &str) -> Forwarder {
    let (local, peer) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let own = Local { vrf: VrfId(2), address: local, udp_port: PORT, signalling_port: None };
    let mut tables = Tables::new(Side::Anchor);
    tables.add_device(VrfId(1)).unwrap();
    tables.add_local(own).unwrap();
    let encapsulation = Encapsulation::Udp { local_port: PORT, peer_port: PORT };
    let tunnel = Tunnel { transport: VrfId(2), local, peer, encapsulation, mtu: 1200 };
    let want = Forwarding {
        vrf: VrfId(1),
        inner: vec![node.parse().unwrap()],
        paths: vec![Path { tunnel, weight: 1 }],
    };
    tables.bind(BindingId(1), &want, 0).unwrap();
    tables.set_policy(VrfId(1), policy.clone()).unwrap();
    Forwarder::new(tables, Arc::default())
}

fn policies() -> impl Strategy<Value = Policy> {
    let marking = prop_oneof![
        Just(Marking::Inherit),
        Just(Marking::Uniform),
        (0u8..64).prop_map(Marking::Pipe)
    ];
    (any::<bool>(), marking).prop_map(|(clamp_mss, marking)| Policy {
        clamp_mss,
        marking,
        ..Policy::default()
    })
}

/// A train with these flags, octet of service and options, which are as long as those it had.
fn dressed(
    v4: bool,
    flags: u8,
    tos: u8,
    options: &[u8; 12],
    data: usize,
) -> (VirtioHeader, Vec<u8>) {
    let (header, mut packet) = train(v4, "tcp", 700, data);
    let tcp = usize::from(header.checksum_start);
    packet[tcp + 13] = flags;
    packet[tcp + 20..tcp + 32].copy_from_slice(options);
    kedge_dataplane::ecn::set_tos(&mut packet, tos);
    (header, packet)
}

fn options() -> impl Strategy<Value = [u8; 12]> {
    let size = any::<[u8; 2]>();
    prop_oneof![
        size.prop_map(|[a, b]| [2, 4, a, b, 1, 3, 3, 7, 1, 1, 1, 1]),
        size.prop_map(|[a, b]| [1, 2, 4, a, b, 3, 3, 7, 1, 1, 1, 0]),
        prop::array::uniform12(prop::sample::select(vec![0u8, 1, 2, 4, 5, 200])),
    ]
}

proptest! {
    #[test]
    fn the_segments_of_a_train_enter_a_tunnel_as_the_reference_sends_each(
        v4 in any::<bool>(), flags in any::<u8>(), tos in any::<u8>(), options in options(),
        data in 1usize..3000, policy in policies(),
    ) {
        let node = if v4 { "10.0.0.2/32" } else { "202:202:202:202::/64" };
        let (header, mut packet) = dressed(v4, flags, tos, &options, data);
        let now = Instant::now();

        let mut reference = anchor(&policy, node);
        let mut expected = Vec::new();
        for segment in segments(&header, &packet) {
            let Verdict::Forward(outer) = reference.encapsulate(VrfId(1), &segment, now) else {
                return Err(TestCaseError::fail("it is bound and fits"));
            };
            expected.push((outer[0].bytes[1], outer[0].bytes[28..].to_vec()));
        }

        let mut ours = anchor(&policy, node);
        let inner = Inner::parse(&packet).unwrap();
        let cut = Cut::new(&header, &inner, &packet).unwrap();
        let Verdict::Forward(out) = ours.outbound(VrfId(1), &inner, &packet, cut.load(), now) else {
            return Err(TestCaseError::fail("it is bound and fits"));
        };
        if let Some(clamp) = out.clamp {
            clamp.apply(&mut packet);
        }
        let sent: Vec<_> =
            segments(&header, &packet).into_iter().map(|s| (out.marks.tos, s)).collect();
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(ours.cells().read(), reference.cells().read());
    }

    #[test]
    fn a_packet_whose_checksum_is_unfinished_leaves_a_tunnel_as_the_reference_takes_out_the_finished(
        v4 in any::<bool>(), flags in any::<u8>(), tos in any::<u8>(), outer_tos in any::<u8>(),
        options in options(), data in 1usize..1000, policy in policies(), finished in any::<bool>(),
    ) {
        let node = if v4 { "10.0.0.1/32" } else { "101:101:101:101::/64" };
        let (header, mut packet) = dressed(v4, flags, tos, &options, data);
        let single = VirtioHeader { train: Train::None, segment: 0, ..header };
        let mut whole = packet.clone();
        prop_assert!(finish_checksum(&single, &mut whole));
        if finished {
            packet.clone_from(&whole);
        }
        let (local, peer) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();

        let mut reference = anchor(&policy, node);
        let carried = Carried::Udp { to: PORT, from: PORT, payload: &whole };
        let arrived = Arrived { transport: VrfId(2), local, peer, tos: outer_tos, carried };
        let expected = match reference.decapsulate(&arrived, now) {
            Verdict::Forward(inner) => Some(inner.bytes),
            _ => None,
        };

        let mut ours = anchor(&policy, node);
        let carried = Carried::Udp { to: PORT, from: PORT, payload: &packet };
        let (carrier, is_ipv4, _) = unwrap(carried, PORT).unwrap();
        let key = TunnelEnd { transport: VrfId(2), local, peer, carrier };
        let end = ours.end(&key, 1).unwrap();
        let Ok(inbound) = ours.inbound(end, outer_tos, is_ipv4, &packet, now) else {
            prop_assert_eq!(expected, None);
            return Ok(());
        };
        let to_finish = unfinished(&packet, &inbound.inner, || u16::MAX);
        change(&mut packet, &inbound, to_finish.is_some());
        if let Some(header) = to_finish {
            prop_assert!(finish_checksum(&header, &mut packet));
        }
        prop_assert_eq!(Some(packet), expected);
        prop_assert_eq!(ours.cells().read(), reference.cells().read());
    }
}

#[test]
fn a_single_packet_and_a_train_of_it_are_the_same_load() {
    let (header, packet) = train(true, "tcp", 700, 700);
    let inner = Inner::parse(&packet).unwrap();
    let cut = Cut::new(&header, &inner, &packet).unwrap();
    assert_eq!(cut.load(), Load::one(&inner));
}
