//! The traffic helpers against plain kernel forwarding: no part of Kedge is in here.
//!
//! ```text
//!   cn eth0 ──── eth0 gw acc0 ──── cell one ──── eth0 node      and a cell named nowhere
//!                (kernel forwarding, access.py for RA and DHCPv4)
//! ```

use std::time::Duration;

use kedge_lab::wait::{self, SOON};
use kedge_lab::{Host, Lab, Link, MobileNode, Ping, Process, Switch, Transfer};

const PROBE: Duration = Duration::from_millis(10);

struct Net {
    cn: Host,
    node: MobileNode,
    _access: Process,
    // Last: it removes the rest.
    _lab: Lab,
}

#[test]
fn a_node_configures_itself_and_its_traffic_survives_a_dead_spot_with_the_losses_counted() {
    let mut net = net();
    net.node.start_dhcp().expect("dhclient");
    net.node.port().plug_into("one").expect("in range");
    let v6 = net.node.wait_ipv6(SOON).expect("IPv6");
    assert_eq!(v6.to_string(), "2001:db8:1::5eff:fe10:1", "formed from the MAC address");
    let v4 = net.node.wait_ipv4(SOON).expect("IPv4");
    assert!(v4.to_string().starts_with("203.0.113."), "{v4}");

    let host = net.node.host().clone();
    let pings = ["198.51.100.10", "2001:db8:c::10"]
        .map(|to| Ping::start(&host, &format!("ping-{}", to.len()), to, PROBE).expect("ping"));
    let address = "198.51.100.10".parse().expect("literal");
    let mut transfer = Transfer::start(&net.cn, address, &host, 2_000_000).expect("transfer");
    for ping in &pings {
        ping.wait_steady(SOON, 0, 10).expect("answers");
    }
    transfer.wait_progress(SOON, 500_000).expect("progress");

    let before = pings.each_ref().map(Ping::newest);
    // Silently: a node that sees its carrier go keeps its packets in a queue and loses none.
    net.node.port().move_silently("nowhere").expect("out of range");
    // As long as some fifteen probes take, and until so many of each have been sent.
    let sent = || host.counter("eth0", "tx_packets").expect("a counter");
    let first = sent();
    wait::pause(PROBE * 15);
    wait::until(SOON, "probes to be lost", || match sent() - first {
        20.. => Ok(()),
        count => Err(format!("{count} packets sent")),
    })
    .expect("probes");
    net.node.port().move_silently("one").expect("back");
    for (ping, before) in pings.iter().zip(before) {
        let after = ping.wait_steady(SOON, before, 10).expect("answers again");
        let span = ping.span(before, after);
        // Without answers to wake it, ping rounds its interval up to the clock tick.
        assert!(span.lost >= 5, "{span:?}");
        assert!(span.silence >= PROBE * 10 && span.silence < SOON, "{span:?}");
        // It sends no more in the silence than fit into it.
        assert!(PROBE * span.lost as u32 <= span.silence + PROBE, "{span:?}");
    }
    transfer.wait_progress(SOON, 500_000).expect("progress after the dead spot");
    let outcome = transfer.finish(SOON).expect("intact");
    assert!(outcome.octets >= 1_000_000 && outcome.longest_stall >= PROBE * 10, "{outcome:?}");
}

#[test]
fn a_transfer_through_a_host_that_alters_a_byte_is_reported() {
    let lab = Lab::new("kglab").expect("lab");
    let (from, to) = (lab.host("from").expect("from"), lab.host("to").expect("to"));
    Link::between(&from, "eth0", &to, "eth0").expect("link");
    from.address("eth0", "192.0.2.1/24").expect("address");
    to.address("eth0", "192.0.2.2/24").expect("address");
    // Not the pattern: nothing but letters, from a sender that is not ours.
    let lying = "import socket\ns=socket.create_server(('192.0.2.1',5002))\nprint('listening',\
                 flush=True)\nc,_=s.accept()\nc.sendall(b'x'*4096)\n";
    let mut liar = from.spawn("liar", "python3", &["-c", lying]).expect("liar");
    liar.wait_output(SOON, "the liar to listen", |log| log.contains("listening").then_some(()))
        .expect("listening");
    let lab_program = env!("CARGO_BIN_EXE_kedge-lab");
    let refused = to.exec(lab_program, &["tcp-receive", "192.0.2.1:5002"]);
    let text = refused.expect_err("the bytes are wrong").to_string();
    assert!(text.contains("wrong octet at 0"), "{text}");
}

fn net() -> Net {
    let lab = Lab::new("kglab").expect("lab");
    let (cn, gw) = (lab.host("cn").expect("cn"), lab.host("gw").expect("gw"));
    Link::between(&cn, "eth0", &gw, "eth0").expect("link");
    let air = Switch::new(&lab, "air", &["one", "nowhere"]).expect("air");
    gw.router().expect("router");
    air.plug(&gw, "acc0", "one").expect("gateway's port");
    for (host, interface, address) in [
        (&cn, "eth0", "198.51.100.10/24"),
        (&cn, "eth0", "2001:db8:c::10/64"),
        (&gw, "eth0", "198.51.100.1/24"),
        (&gw, "eth0", "2001:db8:c::1/64"),
        (&gw, "acc0", "203.0.113.1/24"),
        (&gw, "acc0", "2001:db8:1::1/64"),
    ] {
        host.address(interface, address).expect("address");
    }
    cn.route("default via 198.51.100.1").expect("route");
    cn.route("default via 2001:db8:c::1").expect("route");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/access.py");
    let args = [script, "acc0", "2001:db8:1::", "203.0.113.1", "203.0.113.50"];
    let mut access = gw.spawn("access", "python3", &args).expect("access router");
    access
        .wait_output(SOON, "the access router", |log| log.contains("ready").then_some(()))
        .expect("ready");
    let node = MobileNode::new(&lab, &air, "node", "02:00:5e:10:00:01").expect("node");
    Net { cn, node, _access: access, _lab: lab }
}
