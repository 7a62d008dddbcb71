//! What is tried, one encapsulation after the other.

use anyhow::{Context, Result, ensure};
use kedge_dataplane::{Dataplane, DropReason, Side};
use kedge_dp_user::DpUser;
use kedge_model::{Encapsulation, GreKey};

use crate::row::{Family, Row, UDP_PORT};
use crate::tunnel::{Carriage, Device};
use crate::{customers, granted, probe, transfer, vrfs};

/// A scenario.
pub type Scenario = Box<dyn Fn(&Row) -> Result<()>>;

/// All of them, by name.
pub fn all() -> Vec<(&'static str, Scenario)> {
    let carriages = CARRIAGES.iter().map(|(name, carriage)| -> (_, Scenario) {
        (*name, Box::new(|row| both_understand(row, carriage)))
    });
    let others: [(_, Scenario); 9] = [
        (
            "a_wrong_mobility_header_is_answered_by_one_parameter_problem",
            Box::new(|row| {
                let plain = named(&["ip_in_ip_over_ipv6"]);
                plain.iter().try_for_each(|c| granted::answers_a_wrong_header_once(row, c))
            }),
        ),
        ("wrong_gre_keys_are_refused_over_ipv4", Box::new(|row| refuse_keys(row, Family::V4))),
        ("wrong_gre_keys_are_refused_over_ipv6", Box::new(|row| refuse_keys(row, Family::V6))),
        ("a_vrf_device_has_routes_of_its_own", Box::new(vrf)),
        (
            "vrf_devices_with_the_same_addresses_are_kept_apart",
            Box::new(|_| {
                vrfs::apart(&named(&[
                    "gre_over_ipv4",
                    "ip_in_ip_over_ipv4_with_one_device",
                    "ipv4_in_udp_over_ipv4",
                    "gre_with_keys_over_ipv6",
                    "ip_in_ip_over_ipv6",
                ]))
            }),
        ),
        (
            "vrf_devices_come_and_go_while_others_are_served",
            Box::new(|_| named(&["gre_over_ipv4"]).iter().try_for_each(vrfs::in_service)),
        ),
        (
            "customers_in_vrf_devices_have_the_same_addresses_and_come_and_go_in_service",
            Box::new(|_| customers::in_service()),
        ),
        (
            "routers_in_vrf_devices_bring_networks_that_nobody_has_planned",
            Box::new(|_| customers::routers::of_two_customers()),
        ),
        (
            "what_kedged_made_for_vrf_devices_goes_with_it_and_after_a_crash",
            Box::new(|_| customers::nothing_is_left()),
        ),
    ];
    let granted = GRANTED.iter().map(|(name, carriage)| -> (_, Scenario) {
        (*name, Box::new(|row| granted::carries(row, carriage)))
    });
    carriages.chain(granted).chain(others).collect()
}

/// The encapsulations of these names.
fn named(names: &[&str]) -> Vec<Carriage> {
    let wanted = CARRIAGES.iter().filter(|(name, _)| names.contains(name));
    wanted.map(|(_, carriage)| *carriage).collect()
}

/// The key in packets that we send, and in those we receive; the kernel has them the other way
/// round.
const KEYS: [GreKey; 2] = [16_909_060, 4_294_901_244];

const BOTH: &[Family] = &Family::ALL;
const V4: &[Family] = &[Family::V4];
const V6: &[Family] = &[Family::V6];

const GRE: Encapsulation = Encapsulation::Gre { send_key: None, receive_key: None };
const GRE_KEYS: Encapsulation =
    Encapsulation::Gre { send_key: Some(KEYS[0]), receive_key: Some(KEYS[1]) };
const UDP: Encapsulation = Encapsulation::Udp { local_port: UDP_PORT, peer_port: UDP_PORT };
const IP: Encapsulation = Encapsulation::IpInIp;

/// Every encapsulation, and the devices that the kernel has for it.
///
/// Devices over IPv6 put a Tunnel Encapsulation Limit (RFC 2473 §4.1.1) in front of everything
/// unless told not to; we never do, and understand it.
const CARRIAGES: &[(&str, Carriage)] = &[
    ("gre_over_ipv4", over_ipv4(GRE, 1476, &[device("gre", "", BOTH)])),
    (
        "gre_with_keys_over_ipv4",
        over_ipv4(GRE_KEYS, 1472, &[device("gre", "ikey 16909060 okey 4294901244", BOTH)]),
    ),
    (
        "gre_with_keys_checksums_and_sequence_numbers_over_ipv4",
        over_ipv4(
            GRE_KEYS,
            1464,
            &[device("gre", "ikey 16909060 okey 4294901244 ocsum oseq", BOTH)],
        ),
    ),
    ("ip_in_ip_over_ipv4", over_ipv4(IP, 1480, &[device("ipip", "", V4), device("sit", "", V6)])),
    ("ip_in_ip_over_ipv4_with_one_device", over_ipv4(IP, 1480, &[device("sit", "mode any", BOTH)])),
    ("ipv4_in_udp_over_ipv4", over_ipv4(UDP, 1472, &[in_udp("ipip", "", V4, 4)])),
    ("ipv6_in_udp_over_ipv4", over_ipv4(UDP, 1472, &[in_udp("sit", "", V6, 41)])),
    ("gre_over_ipv6", over_ipv6(GRE, 1456, &[device("ip6gre", "encaplimit none", BOTH)])),
    (
        "gre_with_keys_over_ipv6",
        over_ipv6(
            GRE_KEYS,
            1452,
            &[device("ip6gre", "ikey 16909060 okey 4294901244 encaplimit none", BOTH)],
        ),
    ),
    (
        "gre_with_keys_and_encapsulation_limit_over_ipv6",
        over_ipv6(
            GRE_KEYS,
            1444,
            &[device("ip6gre", "ikey 16909060 okey 4294901244 encaplimit 4", BOTH)],
        ),
    ),
    (
        "ip_in_ip_over_ipv6",
        over_ipv6(IP, 1460, &[device("ip6tnl", "mode any encaplimit none", BOTH)]),
    ),
    (
        "ip_in_ip_with_encapsulation_limit_over_ipv6",
        over_ipv6(IP, 1452, &[device("ip6tnl", "mode any encaplimit 4", BOTH)]),
    ),
    (
        "ipv4_in_udp_over_ipv6",
        over_ipv6(UDP, 1452, &[in_udp("ip6tnl", "mode ipip6 encaplimit none", V4, 4)]),
    ),
    (
        "ipv6_in_udp_over_ipv6",
        over_ipv6(UDP, 1452, &[in_udp("ip6tnl", "mode ip6ip6 encaplimit none", V6, 41)]),
    ),
];

/// Every encapsulation that a gateway can ask an anchor for. Its keys are those that it receives
/// with; the anchor chooses the others.
const GRANTED: &[(&str, Carriage)] = &[
    ("kedged_grants_gre_over_ipv4", over_ipv4(GRE, 1476, &[device("gre", "", BOTH)])),
    (
        "kedged_grants_gre_with_keys_over_ipv4",
        over_ipv4(GRE_KEYS, 1472, &[device("gre", "", BOTH)]),
    ),
    (
        "kedged_grants_ip_in_ip_over_ipv4",
        over_ipv4(IP, 1480, &[device("ipip", "", V4), device("sit", "", V6)]),
    ),
    ("kedged_grants_ipv4_in_udp_over_ipv4", over_ipv4(UDP, 1472, &[in_udp("ipip", "", V4, 4)])),
    ("kedged_grants_ipv6_in_udp_over_ipv4", over_ipv4(UDP, 1472, &[in_udp("sit", "", V6, 41)])),
    (
        "kedged_grants_gre_over_ipv6",
        over_ipv6(GRE, 1456, &[device("ip6gre", "encaplimit none", BOTH)]),
    ),
    (
        "kedged_grants_gre_with_keys_over_ipv6",
        over_ipv6(GRE_KEYS, 1452, &[device("ip6gre", "encaplimit none", BOTH)]),
    ),
    (
        "kedged_grants_ip_in_ip_over_ipv6",
        over_ipv6(IP, 1460, &[device("ip6tnl", "mode any encaplimit none", BOTH)]),
    ),
    (
        "kedged_grants_ipv4_in_udp_over_ipv6",
        over_ipv6(UDP, 1452, &[in_udp("ip6tnl", "mode ipip6 encaplimit none", V4, 4)]),
    ),
    (
        "kedged_grants_ipv6_in_udp_over_ipv6",
        over_ipv6(UDP, 1452, &[in_udp("ip6tnl", "mode ip6ip6 encaplimit none", V6, 41)]),
    ),
];

const fn over_ipv4(ours: Encapsulation, mtu: u16, theirs: &'static [Device]) -> Carriage {
    Carriage { over: Family::V4, ours, mtu, theirs }
}

const fn over_ipv6(ours: Encapsulation, mtu: u16, theirs: &'static [Device]) -> Carriage {
    Carriage { over: Family::V6, ours, mtu, theirs }
}

const fn device(kind: &'static str, options: &'static str, carries: &'static [Family]) -> Device {
    Device { kind, options, carries, in_udp: None }
}

const fn in_udp(
    kind: &'static str,
    options: &'static str,
    carries: &'static [Family],
    protocol: u8,
) -> Device {
    Device { kind, options, carries, in_udp: Some(protocol) }
}

/// Pings and transfers cross in both directions. Our data plane is an anchor and packets cross
/// the cable one by one, as on a wire; then it is a gateway, and they cross in the trains that the
/// kernel's devices make and leave to the hardware to cut.
fn both_understand(row: &Row, carriage: &Carriage) -> Result<()> {
    for (side, offloads) in [(Side::Anchor, "off"), (Side::Gateway, "on")] {
        // No hardware will finish the checksums of GRE that a virtual cable leaves unfinished.
        let offloads = if carriage.has_checksums() { "off" } else { offloads };
        for (host, interface) in row.transport.ends() {
            let features = format!("tx {offloads} tso {offloads} gso {offloads} gro on");
            host.offload(interface, &features)?;
        }
        let mut ours = row.start(side, carriage.mtu)?;
        carriage.bind(&mut ours, side)?;
        let devices = carriage.make(&row.m)?;
        for inner in carriage.families() {
            carried(row, carriage, inner, &ours).with_context(|| {
                let dropped = dropped(&ours, &DropReason::ALL);
                format!("{side:?}, offloads {offloads}, inner {inner:?}, dropped {dropped:?}")
            })?;
        }
        drop(devices);
        let faults = dropped(&ours, &FAULTS);
        ensure!(faults.is_empty(), "{side:?}, offloads {offloads}: dropped {faults:?}");
        ours.stop();
    }
    Ok(())
}

/// What no packet of a good peer is dropped for. The others may be: the kernel sends neighbour
/// discovery of its own through its devices.
const FAULTS: [DropReason; 8] = [
    DropReason::UnknownPeer,
    DropReason::UnknownKey,
    DropReason::ProtocolType,
    DropReason::InvalidLength,
    DropReason::GreHeader,
    DropReason::GreChecksum,
    DropReason::Malformed,
    DropReason::Refused,
];

/// The reasons among these for which packets were dropped, and how many.
fn dropped(ours: &DpUser, reasons: &[DropReason]) -> Vec<(&'static str, u64)> {
    let drops = ours.totals().drops;
    let counted = reasons.iter().map(|reason| (reason.label(), drops.get(*reason)));
    counted.filter(|(_, packets)| *packets > 0).collect()
}

fn carried(row: &Row, carriage: &Carriage, inner: Family, ours: &DpUser) -> Result<()> {
    let mtu = carriage.mtu;
    let before = ours.totals();
    let ends = [(&row.a, &row.b, inner.b()), (&row.b, &row.a, inner.a())];
    for (from, _, address) in ends {
        probe::forget_path_mtus(from, inner)?;
        probe::until_answered(from, address)?;
        probe::told_too_big(from, address, mtu + 1, mtu)?;
    }
    for (from, to, address) in ends {
        probe::answered(from, address, mtu, true)?;
        probe::answered(from, address, 3000, false)?;
        transfer::run(from, to, address)?;
    }
    let (after, kind) = (ours.totals(), carriage.kind(inner)?);
    let sent = after.sent.data.bytes(kind) - before.sent.data.bytes(kind);
    let received = after.received.data.bytes(kind) - before.received.data.bytes(kind);
    ensure!(sent > transfer::OCTETS as u64, "only {sent} octets counted as sent");
    ensure!(received > transfer::OCTETS as u64, "only {received} octets counted as received");
    Ok(())
}

/// Who is to refuse a packet with a wrong key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refuser {
    Ours,
    Theirs,
}

/// Devices of the kernel that have another key than our data plane in one direction.
const WRONG_KEYS: [(Refuser, &[Device; 2]); 3] = [
    (Refuser::Ours, &either("ikey 16909060 okey 4294901245")),
    (Refuser::Ours, &either("ikey 16909060")),
    (Refuser::Theirs, &either("ikey 16909061 okey 4294901244")),
];
const RIGHT_KEYS: &[Device; 2] = &either("ikey 16909060 okey 4294901244");

/// The device over IPv4, and that over IPv6.
const fn either(options: &'static str) -> [Device; 2] {
    [device("gre", options, BOTH), device("ip6gre", options, BOTH)]
}

/// No packet with a wrong key gets through, to either side; with the right ones they do.
fn refuse_keys(row: &Row, over: Family) -> Result<()> {
    let carriage = |devices: &'static [Device; 2]| {
        let theirs = std::slice::from_ref(over.pick(&devices[0], &devices[1]));
        Carriage { over, ours: GRE_KEYS, mtu: 1444, theirs }
    };
    let mut ours = row.start(Side::Anchor, 1444)?;
    carriage(RIGHT_KEYS).bind(&mut ours, Side::Anchor)?;
    let unknown = |ours: &DpUser| ours.totals().drops.get(DropReason::UnknownKey);
    for inner in Family::ALL {
        for (refuser, devices) in WRONG_KEYS {
            let before = unknown(&ours);
            let theirs = carriage(devices).make(&row.m)?;
            let what = || format!("{:?}, inner {inner:?}", devices[0].options);
            if refuser == Refuser::Ours {
                probe::unanswered(&row.b, inner.a()).with_context(what)?;
                let refused = unknown(&ours) - before;
                ensure!(refused >= 2, "{}: {refused} refusals were counted", what());
            } else {
                probe::unanswered(&row.a, inner.b()).with_context(what)?;
                ensure!(theirs.received()? == 0, "{}: the kernel took a packet", what());
            }
        }
        let _theirs = carriage(RIGHT_KEYS).make(&row.m)?;
        probe::until_answered(&row.a, inner.b())?;
    }
    Ok(())
}

/// The kernel has VRF devices: one with a route of its own to A, which no one else has.
fn vrf(row: &Row) -> Result<()> {
    row.m.ip("link add blue type vrf table 10")?;
    row.m.ip("link set blue up")?;
    row.m.ip("link set to-b master blue")?;
    let inside = row.m.ip("route get vrf blue 10.64.0.5")?;
    let outside = row.m.ip("route get 10.64.0.5");
    row.m.ip("link delete blue")?;
    ensure!(inside.contains("dev to-b"), "in the VRF: {inside}");
    ensure!(outside.is_err(), "the route is in the main table, too: {outside:?}");
    Ok(())
}
