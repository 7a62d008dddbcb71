//! A gateway whose tunnels are in another network namespace than its nodes.
//!
//! ```text
//!   node ──► acc0 │ namespace of the gateway │ namespace outside │ tp0 ══► anchor
//!                 └──► kedge-mag ──► forwarder ──► sockets ──────┘
//! ```

use kedge_lab::domain::{ANCHOR, Domain, GATEWAYS, Plan};
use kedge_lab::{Daemon, Host, Lab};

use crate::commits::settled;
use crate::stage::{Single, Site, complaint, json, look, turn, until};

/// The domain, the first gateway's transport interface in a namespace of its own.
fn draw() -> (Lab, Domain, Host) {
    let lab = Lab::new("kgrob").expect("lab");
    let domain = Domain::draw(&lab).expect("domain");
    let outside = lab.host("outside").expect("host");
    let mag = &domain.mags[0];
    mag.ip(&format!("link set tp0 netns {}", outside.namespace())).expect("moved");
    outside.ip("link set tp0 up").expect("up");
    let (_, v4, v6) = GATEWAYS[0];
    outside.address("tp0", &format!("{v4}/24")).expect("IPv4 address");
    outside.address("tp0", &format!("{v6}/64")).expect("IPv6 address");
    (lab, domain, outside)
}

/// The gateway's configuration with its anchor in a VRF that is this namespace.
fn through(namespace: &str) -> String {
    let config = Domain::mag_config(&Plan::default(), 0);
    let anchor = format!("  ipv6-address {}\n", ANCHOR.1);
    assert!(config.contains(&anchor), "{config}");
    let vrf = format!("vrf outside\n netns {namespace}\n!\n");
    vrf + &config.replace(&anchor, &format!("{anchor}  vrf id outside\n"))
}

#[test]
fn tunnels_in_a_namespace_carry_a_nodes_packets_and_leave_nothing_there() {
    let _turn = turn();
    let (lab, domain, outside) = draw();
    let before = settled(&outside);
    let lma = Domain::lma_config(&Plan::default());
    let mut site = Site::on(lab, domain, [&lma, &through(outside.namespace())]);
    site.attach();
    site.answered();
    let care_of = format!("[{}]:135", GATEWAYS[0].2);
    let (inside, there) = (look(&site.domain.mags[0]), look(&outside));
    assert!(there.contains(&care_of) && !inside.contains(&care_of), "{there}");
    assert!(there.contains("net.ipv6.conf.all.forwarding = 1"), "{there}");
    site.mag.stop().expect("a clean stop");
    assert_eq!(settled(&outside), before);
}

#[test]
fn a_namespace_in_service_takes_a_privilege_that_is_kept_only_if_the_start_asked_for_it() {
    let _turn = turn();
    let (lab, domain, outside) = draw();
    let mag = domain.mags[0].clone();
    // A start that names no namespace: as if the transport were here.
    let (_, _, v6) = GATEWAYS[0];
    mag.address("lo", &format!("{v6}/128")).expect("an address");
    let daemon = Daemon::start(&mag, &Domain::mag_config(&Plan::default(), 0)).expect("kedged");
    json(&daemon, "show version"); // Once it answers, it has made everything.
    let all = || {
        let text = daemon.kedge("show running-config").expect("text");
        (settled(&mag), settled(&outside), text)
    };
    let before = all();
    let lines = format!(
        "configure\nvrf outside\n netns {}\n!\nipv6 mobile pmipv6-mag mag1 domain example.net\n \
         lma lma1 example.net\n  vrf id outside\ncommit\n",
        outside.namespace()
    );
    let why = complaint(daemon.script(&lines));
    for words in ["nothing is committed", outside.namespace(), "needs CAP_SYS_ADMIN", "restart it"]
    {
        assert!(why.contains(words), "no {words:?} in {why}");
    }
    assert_eq!(all(), before);
    drop(lab);
}

/// The kernel tells of devices in the daemon's own namespace only; elsewhere the data plane is the
/// one that notices.
#[test]
fn a_device_that_somebody_removes_in_a_customers_namespace_is_named() {
    let _turn = turn();
    let stage = Single::set();
    let world = stage.another("world");
    let config = format!(
        "vrf red\n netns {}\n!\nipv6 mobile pmipv6-domain D1\n lma LMA\n !\n!\n\
         ipv6 mobile pmipv6-lma LMA domain D1\n mobility-service mobile-local-loop\n  \
         customer RED vrf red\n   auth-option spi 100 key ascii secret\n   \
         network authorized RED\n    \
         pool mobile-node ipv4 start-address 10.10.10.1 pool-prefix 24\n   !\n   \
         transport\n    address ipv6 2001:db8:7::1\n   !\n  !\n !\n!\n",
        world.namespace()
    );
    let mut daemon = Daemon::start(&stage.host, &config).expect("kedged");
    json(&daemon, "show version"); // Once it answers, it has made everything.
    let links = world.ip("-o link show type tun").expect("devices");
    let device = links.split(": ").nth(1).expect("one in the namespace").to_owned();
    world.ip(&format!("link del {device}")).expect("removed");
    until("its end", || match daemon.alive() {
        true => Err(daemon.log()),
        false => Ok(()),
    });
    let log = daemon.log();
    assert!(log.contains(&format!("somebody has removed the device {device}")), "{log}");
}

#[test]
fn a_world_that_cannot_be_used_is_named() {
    let _turn = turn();
    let stage = Single::set();
    let vrf = |block: &str| through("never-made").replace("netns never-made", block);
    for (config, words) in [
        (vrf("netns never-made"), &["/run/netns/never-made", "`ip netns add` makes one"][..]),
        (vrf("device never"), &["find device never", "`ip link add never type vrf table N`"]),
        (vrf("device lo"), &["use as VRF device lo", "this device is none"]),
        (vrf("!"), &["vrf outside", "add 'netns NAME' or 'device NAME'"]),
    ] {
        stage.refused(&config, "$RUN", words);
    }
}
