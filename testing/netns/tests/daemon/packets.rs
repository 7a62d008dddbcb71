//! User packets at the edges: too big for the tunnel, at the end of their hops.

use kedge_lab::{
    Host, Transfer,
    domain::{CORRESPONDENT, Encapsulation, Plan, Transport},
};

use crate::stage::{SOON, Site, turn, until};

const RATE: u64 = 2_000_000;

#[test]
fn packets_too_big_for_the_tunnel_are_told_so_and_tcp_of_large_hosts_gets_through() {
    let _turn = turn();
    for (transport, encapsulation, mtu) in [
        (Transport::Ipv6, Encapsulation::IpInIp, 1460),
        (Transport::Ipv4, Encapsulation::Udp, 1472),
    ] {
        let mut site = Site::set(Plan { transport, encapsulation, ..Plan::default() });
        let (v4, v6) = site.attach();
        let (cn, mn) = (site.domain.core.cn.clone(), site.domain.mn.host().clone());
        // As if the node did not know what its router told it about the link.
        mn.mtu("eth0", 1500).expect("mtu");
        mn.sysctl("net.ipv6.conf.eth0.accept_ra_mtu", "0").expect("sysctl");
        mn.sysctl("net.ipv6.conf.eth0.mtu", "1500").expect("sysctl");
        for (from, to4, to6) in [
            (&mn, CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string()),
            (&cn, v4.to_string(), v6.to_string()),
        ] {
            learns(from, &to4, mtu, 28);
            learns(from, &to6, mtu, 48);
        }
        for (from, address, to) in [(&cn, CORRESPONDENT.1, &mn), (&mn, v6, &cn)] {
            let mut transfer = Transfer::start(from, address.into(), to, RATE).expect("transfer");
            transfer.wait_progress(SOON, RATE / 10).expect("progress");
            let moved = transfer.finish(SOON).expect("intact");
            assert!(moved.octets > 0, "{transport:?} {encapsulation:?}");
        }
    }
}

#[test]
fn packets_at_the_end_of_their_hops_are_answered_by_the_router_that_drops_them() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let (v4, v6) = site.attach();
    site.answered();
    let (cn, mn) = (site.domain.core.cn.clone(), site.domain.mn.host().clone());
    // The tunnel is one hop. What the gateway itself sends does not go through it, so its answer
    // to a correspondent needs a route of its own, which this domain has not.
    for (from, to, answered) in [
        (&mn, CORRESPONDENT.0.to_string(), &["1", "2"][..]),
        (&mn, CORRESPONDENT.1.to_string(), &["1", "2"]),
        (&cn, v4.to_string(), &["1"]),
        (&cn, v6.to_string(), &["1"]),
    ] {
        for hops in answered {
            let said = ping(from, &["-c1", "-W60", "-t", hops, &to]);
            let exceeded = said.contains("Time to live exceeded") || said.contains("Hop limit");
            assert!(exceeded, "{} to {to} after {hops}: {said}\n{}", from.name(), site.logs());
        }
        let said = ping(from, &["-c1", "-W60", "-t", "3", &to]);
        assert!(said.contains("1 received"), "{} to {to}: {said}", from.name());
    }
}

#[test]
fn a_transport_network_that_carries_less_than_ethernet_is_noticed_by_its_errors() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let (v4, v6) = site.attach();
    site.answered();
    for host in [&site.domain.core.lma, &site.domain.mags[0]] {
        host.mtu("tp0", 1400).expect("mtu");
    }
    let (cn, mn) = (site.domain.core.cn.clone(), site.domain.mn.host().clone());
    for (from, address, to) in [(&cn, CORRESPONDENT.1, &mn), (&mn, v6, &cn)] {
        let mut transfer = Transfer::start(from, address.into(), to, RATE).expect("transfer");
        transfer.wait_progress(SOON, RATE / 10).expect("progress");
        transfer.finish(SOON).expect("intact");
    }
    learns(&cn, &v4.to_string(), 1360, 28);
    // The node is told before a packet of its own has to be sent back (RFC 5213 section 6.9.5).
    until("the node to be told", || {
        let mtu =
            mn.exec("cat", &["/proc/sys/net/ipv6/conf/eth0/mtu"]).map_err(|e| e.to_string())?;
        if mtu.trim() == "1360" { Ok(()) } else { Err(mtu) }
    });
}

/// A packet of 1500 octets comes back as an error that names a smaller MTU, and so on down to the
/// tunnel's: the anchor's device has the MTU of the widest tunnel there can be. From then on the
/// host knows, and packets of exactly that size get through.
fn learns(from: &Host, to: &str, mtu: u32, headers: u32) {
    let mut told = 1500;
    while told > mtu {
        let size = (told - headers).to_string();
        let said = ping(from, &["-c1", "-W60", "-M", "do", "-s", &size, to]);
        let next = named_mtu(&said).unwrap_or_else(|| panic!("{} to {to}: {said}", from.name()));
        assert!(next < told, "{} to {to}: {said}", from.name());
        told = next;
    }
    assert_eq!(told, mtu, "{} to {to}", from.name());
    let fits = (mtu - headers).to_string();
    let second = ping(from, &["-c1", "-W60", "-M", "do", "-s", &fits, to]);
    assert!(second.contains("1 received"), "{} to {to}: {second}", from.name());
    // Without the flag the host cuts the packet to size itself.
    // The far end learns with the first answers, which may be lost.
    let cut = ping(from, &["-c4", "-i0.2", "-W60", "-M", "dont", "-s", "3000", to]);
    assert!(!cut.contains(" 0 received"), "{} to {to} in pieces: {cut}", from.name());
}

/// The number in `(mtu = 1480)`, `mtu=1480` or `mtu: 1480`.
fn named_mtu(said: &str) -> Option<u32> {
    let (_, after) = said.split_once("mtu")?;
    let digits = after.trim_start_matches([' ', '=', ':']);
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What `ping` says, whether it is answered or not.
fn ping(from: &Host, args: &[&str]) -> String {
    let mut command = from.command("ping");
    let output = command.arg("-n").args(args).output().expect("ping");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}
