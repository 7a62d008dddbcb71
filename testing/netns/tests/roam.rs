//! The main job on the real kernel: a node keeps its addresses while it roams.
//!
//! The drawing is that of [`kedge_lab::domain`]; `kedged` runs on the anchor's host and on both
//! gateways', the node is the kernel's autoconfiguration and Debian's dhclient.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kedge_lab::{
    Capture, Daemon, Domain, Lab, Ping, Transfer,
    domain::{ANCHOR, CORRESPONDENT, Encapsulation, GATEWAYS, Plan, Transport},
    wait::SOON,
};

const PROBE: Duration = Duration::from_millis(10);
/// A handover is over before anything runs out that could also have ended the silence: the anchor
/// keeps a binding for ten seconds, leases and refreshes are minutes. How long it takes is for the
/// benchmark to say.
const HANDOVER: Duration = Duration::from_secs(9);
const RATE: u64 = 2_000_000;

#[test]
fn over_ipv6_in_ip_the_node_keeps_its_addresses() {
    keeps_its_addresses(Transport::Ipv6, Encapsulation::IpInIp);
}

#[test]
fn over_ipv6_in_gre_the_node_keeps_its_addresses() {
    keeps_its_addresses(Transport::Ipv6, Encapsulation::Gre);
}

#[test]
fn over_ipv6_in_udp_the_node_keeps_its_addresses() {
    keeps_its_addresses(Transport::Ipv6, Encapsulation::Udp);
}

#[test]
fn over_ipv4_in_ip_the_node_keeps_its_addresses() {
    keeps_its_addresses(Transport::Ipv4, Encapsulation::IpInIp);
}

#[test]
fn over_ipv4_in_gre_the_node_keeps_its_addresses() {
    keeps_its_addresses(Transport::Ipv4, Encapsulation::Gre);
}

#[test]
fn over_ipv4_in_udp_the_node_keeps_its_addresses() {
    keeps_its_addresses(Transport::Ipv4, Encapsulation::Udp);
}

#[test]
fn a_gateway_that_was_killed_serves_its_node_again_after_a_restart() {
    let _turn = turn();
    let mut net = Net::set(Plan::default());
    let given = net.attach();
    net.mags[0].kill().expect("kill");
    net.mags[0].restart().expect("restart");
    net.answered(net.probes());
    assert_eq!(net.held(), given);
}

#[test]
fn a_node_whose_anchor_was_out_of_reach_for_a_while_goes_on_with_its_addresses() {
    let _turn = turn();
    let mut net = Net::set(Plan::default());
    let given = net.attach();
    let lma = &net.domain.core.lma;
    lma.ip("link set tp0 down").expect("cut");
    let silent = lma.exec("ping", &["-nqc1", "-W1", &given.0.to_string()]);
    assert!(silent.is_err(), "nothing gets through");
    lma.ip("link set tp0 up").expect("mend");
    lma.address("tp0", &format!("{}/64", ANCHOR.1)).expect("IPv6 goes with the link");
    net.answered(net.probes());
    assert_eq!(net.held(), given);
}

/// Nobody tells a gateway that its node has gone: only the anchor can (RFC 5846 §8.1), and must,
/// or the gateway would take the node's return for nothing new.
#[test]
fn a_node_that_comes_back_to_a_gateway_that_never_saw_it_leave_is_served_again() {
    let _turn = turn();
    let mut net = Net::set(Plan::default());
    let given = net.attach();
    net.domain.air.host().ip("link set pmag2 up").expect("both cells are lit");
    for cell in ["mag2", "mag1", "mag2"] {
        net.domain.mn.port().move_silently(cell).expect("move");
        net.answered(net.probes());
        assert_eq!(net.held(), given);
    }
}

fn keeps_its_addresses(transport: Transport, encapsulation: Encapsulation) {
    let _turn = turn();
    let mut net = Net::set(Plan { transport, encapsulation, ..Plan::default() });
    let capture = Capture::start(&net.domain.core.lma, "tp0", "").expect("capture");
    let given = net.attach();
    let pings = net.probes();
    let node = net.domain.mn.host().clone();
    let from = &net.domain.core.cn;
    let mut transfer =
        Transfer::start(from, CORRESPONDENT.1.into(), &node, RATE).expect("transfer");
    for ping in &pings {
        ping.wait_steady(SOON, 0, 20).expect("answers before the move");
    }
    transfer.wait_progress(SOON, RATE / 10).expect("progress before the move");
    for (from, to) in [(0, 1), (1, 0)] {
        let before = pings.each_ref().map(Ping::newest);
        net.domain.roam(from, to).expect("roam");
        for (ping, before) in pings.iter().zip(before) {
            let after = ping.wait_steady(SOON, before, 20).expect("answers after the move");
            let span = ping.span(before, after);
            assert!(span.silence < HANDOVER, "{span:?} {transport:?}");
        }
        transfer.wait_progress(SOON, RATE / 10).expect("progress after the move");
        assert_eq!(net.held(), given);
    }
    let outcome = transfer.finish(SOON).expect("intact");
    assert!(outcome.octets > RATE / 10 * 3, "{outcome:?}");
    for daemon in net.mags.iter_mut().chain([&mut net.lma]) {
        daemon.stop().expect("a clean stop");
    }

    let recording = capture.stop().expect("capture");
    let speakers = match transport {
        Transport::Ipv4 => [ANCHOR.0, GATEWAYS[0].1, GATEWAYS[1].1].map(IpAddr::V4),
        Transport::Ipv6 => [ANCHOR.1, GATEWAYS[0].2, GATEWAYS[1].2].map(IpAddr::V6),
    };
    let wanted = match (encapsulation, transport) {
        (Encapsulation::Gre, _) => "gre",
        (Encapsulation::Udp, _) => "udp.dstport == 5437",
        (Encapsulation::IpInIp, Transport::Ipv4) => "ip.proto == 4 || ip.proto == 41",
        (Encapsulation::IpInIp, Transport::Ipv6) => "ipv6.nxt == 4 || ipv6.nxt == 41",
    };
    let crossed = recording.octets(wanted).expect("tshark");
    assert!(crossed > outcome.octets, "the traffic crossed as it was told to: {crossed} octets");
    assert!(recording.count("mip6.mhtype == 6").expect("tshark") >= 3, "three registrations");
    for speaker in speakers {
        let judged = recording.malformed_from(speaker).expect("tshark");
        assert_eq!(judged, Vec::<String>::new(), "{speaker}");
    }
}

/// The whole domain with its daemons.
struct Net {
    domain: Domain,
    lma: Daemon,
    mags: [Daemon; 2],
    // Last: it removes the rest.
    _lab: Lab,
}

impl Net {
    fn set(plan: Plan) -> Self {
        let lab = Lab::new("kglab").expect("lab");
        let domain = Domain::draw(&lab).expect("domain");
        let lma = Daemon::start(&domain.core.lma, &Domain::lma_config(&plan)).expect("anchor");
        let [mag1, mag2] = &domain.mags;
        let mags = [(mag1, 0), (mag2, 1)].map(|(host, index)| {
            Daemon::start(host, &Domain::mag_config(&plan, index)).expect("gateway")
        });
        Self { domain, lma, mags, _lab: lab }
    }

    /// The node comes into range of the first gateway; the addresses it gets.
    fn attach(&mut self) -> (Ipv4Addr, Ipv6Addr) {
        self.domain.attach(0).expect("in range");
        self.domain.mn.start_dhcp().expect("dhclient");
        let logs = |net: &Self| format!("lma: {}\nmag1: {}", net.lma.log(), net.mags[0].log());
        let v6 = self.domain.mn.wait_ipv6(SOON).unwrap_or_else(|e| panic!("{e}\n{}", logs(self)));
        let v4 = self.domain.mn.wait_ipv4(SOON).unwrap_or_else(|e| panic!("{e}\n{}", logs(self)));
        (v4, v6)
    }

    /// The addresses the node has.
    fn held(&self) -> (Ipv4Addr, Ipv6Addr) {
        let (v4, v6) = (self.domain.mn.ipv4().expect("list"), self.domain.mn.ipv6().expect("list"));
        match (&v4[..], &v6[..]) {
            ([v4], [v6]) => (*v4, *v6),
            _ => panic!("one address of each family, not {v4:?} and {v6:?}"),
        }
    }

    /// A steady ping of each family from the node to the correspondent.
    fn probes(&self) -> [Ping; 2] {
        let (v4, v6) = (CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string());
        [("ping4", v4), ("ping6", v6)]
            .map(|(name, to)| Ping::start(self.domain.mn.host(), name, &to, PROBE).expect("ping"))
    }

    /// Both families get through.
    fn answered(&self, pings: [Ping; 2]) {
        for ping in pings {
            if let Err(error) = ping.wait_steady(SOON, 0, 20) {
                panic!("{error}\nlma: {}\nmag1: {}", self.lma.log(), self.mags[0].log());
            }
        }
    }
}

/// One domain at a time: handovers are timed, and two cores are few.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
