//! Access interfaces that come and go, and the nodes on them.

use std::fs;

use kedge_lab::{
    Capture, Daemon, Domain, Lab, MobileNode,
    domain::{GATEWAYS, Plan},
};
use serde_json::Value;

use crate::stage::{SOON, Site, bindings, counter, json, turn, until};

const GLOBALS: &str = "show ipv6 mobile pmipv6 mag globals";
const STATISTICS: &str = "show mag-service statistics";
const GATEWAY_MAC: &str = "00:00:5e:00:52:13";

#[test]
fn an_access_device_is_taken_when_it_comes_and_given_back_with_its_own_address() {
    let _turn = turn();
    let lab = Lab::new("kgrob").expect("lab");
    let host = lab.host("gw").expect("host");
    host.address("lo", &format!("{}/128", GATEWAYS[0].2)).expect("address");
    let mut daemon =
        Daemon::start(&host, &Domain::mag_config(&Plan::default(), 0)).expect("kedged");
    let present = |wanted: bool| {
        until(
            "the access interface",
            || match &json(&daemon, GLOBALS)["interfaces"][0]["present"] {
                Value::Bool(there) if *there == wanted => Ok(()),
                other => Err(format!("{other}; {}", daemon.log())),
            },
        );
    };
    let mac = || host.exec("cat", &["/sys/class/net/acc0/address"]).expect("a device");
    present(false);
    assert!(daemon.kedge(GLOBALS).expect("globals").contains("there is no such device"));
    let make = |mac: &str| {
        format!(
            "link add acc0 address {mac} type veth peer name far0\nlink set acc0 up\nlink set far0 up\n"
        )
    };
    host.ip_batch(&make("02:00:00:00:00:01")).expect("device");
    present(true);
    until("the gateway's address", || match mac().trim() {
        GATEWAY_MAC => Ok(()),
        other => Err(other.to_owned()),
    });
    // Gone and back under the same name before anybody can look.
    host.ip_batch(&format!("link del acc0\n{}", make("02:00:00:00:00:02"))).expect("another");
    until("the gateway's address on the new device", || match mac().trim() {
        GATEWAY_MAC => Ok(()),
        other => Err(format!("{other}; {}", daemon.log())),
    });
    until("its link-local address", || match host.ip("-6 addr show dev acc0") {
        Ok(local) if local.contains("fe80::200:5eff:fe00:5213") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    daemon.stop().expect("a clean stop");
    assert_eq!(mac().trim(), "02:00:00:00:00:02", "the new device's own");
}

#[test]
fn a_device_that_is_no_ethernet_is_left_alone_and_its_fault_is_shown_while_it_is_there() {
    let _turn = turn();
    let lab = Lab::new("kgrob").expect("lab");
    let host = lab.host("gw").expect("host");
    // Not on the loopback device, which is to be an access interface.
    host.ip("link add tp0 type veth peer name far0").expect("a transport device");
    host.address("tp0", &format!("{}/64", GATEWAYS[0].2)).expect("address");
    host.ip("tuntap add acc0 mode tun").expect("a TUN device");
    let config = Domain::mag_config(&Plan::default(), 0)
        .replace(" interface acc0\n", " interface lo\n !\n interface acc0\n");
    let daemon = Daemon::start(&host, &config).expect("kedged");
    let faults = || {
        let globals = json(&daemon, GLOBALS);
        let ports = globals["interfaces"].as_array().expect("a list");
        ["lo", "acc0"].map(|name| {
            let port = ports.iter().find(|port| port["interface"] == name);
            port.expect("the port")["fault"].as_str().map(str::to_owned)
        })
    };
    let fault = Some("it is no Ethernet device".to_owned());
    assert_eq!(faults(), [fault.clone(), fault.clone()]);
    let loopback = host.ip("link show lo").expect("loopback");
    assert!(loopback.contains("link/loopback 00:00:00:00:00:00"), "{loopback}");
    host.ip("link set lo mtu 1400").expect("a change");
    host.ip("link del acc0").expect("gone");
    until("the fault to be gone with its device", || match faults() {
        [first, None] if first == fault => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let told = daemon.log().matches("access interface lo: ").count();
    assert_eq!(told, 1, "once, not with each change: {}", daemon.log());
}

#[test]
fn a_node_is_served_again_after_its_link_was_down() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let given = site.attach();
    site.answered();
    let gateway = site.domain.mags[0].clone();
    gateway.ip("link set acc0 down").expect("down");
    until("the node to be taken off", || match bindings(&site.mag, "mag").len() {
        0 => Ok(()),
        count => Err(format!("{count} bindings")),
    });
    gateway.ip("link set acc0 up").expect("up");
    site.answered();
    assert_eq!(site.held(), given);
}

/// RFC 6543 §1: whatever is said on the link, by the kernel too, is said in the one name of all
/// gateways, in which alone a node that moves goes on hearing the same router.
#[test]
fn on_its_access_link_a_gateway_has_no_other_name_than_that_of_all_gateways() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let gateway = site.domain.mags[0].clone();
    let capture = Capture::start(&gateway, "acc0", "").expect("capture");
    site.attach();
    site.answered();
    // The link goes away and comes back, and the kernel makes its addresses anew.
    gateway.ip("link set acc0 down").expect("down");
    gateway.ip("link set acc0 up").expect("up");
    site.answered();
    let recording = capture.stop().expect("recording");
    let count = |filter: &str| recording.count(filter).expect("tshark");
    let ours = format!("eth.src == {GATEWAY_MAC}");
    assert!(count(&format!("{ours} && icmpv6.type == 134")) > 0);
    let other_name = "ipv6.src == fe80::/10 && ipv6.src != fe80::200:5eff:fe00:5213";
    let fields = ["ipv6.src", "ipv6.dst", "icmpv6.type", "frame.time_relative"];
    let named = recording.decode(&format!("{ours} && {other_name}"), &fields).expect("tshark");
    assert_eq!(named, Vec::<Vec<String>>::new());
    let told = format!("{ours} && icmpv6.opt.linkaddr && icmpv6.opt.linkaddr != {GATEWAY_MAC}");
    assert_eq!(count(&told), 0, "in the options of Neighbor Discovery");
    let node = kedge_lab::domain::MAC;
    assert_eq!(count(&format!("eth.src != {GATEWAY_MAC} && eth.src != {node}")), 0);
}

/// RFC 5213 §6.8: of all addresses of the link the gateway's own is the one that can collide.
#[test]
fn a_node_that_wants_the_gateways_link_local_address_finds_it_taken() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    let node = site.domain.mn.host();
    // It asks more than once, a second apart: whoever has the address may take its time.
    node.sysctl("net.ipv6.conf.eth0.dad_transmits", "10").expect("sysctl");
    node.ip("-6 addr add fe80::200:5eff:fe00:5213/64 dev eth0").expect("address");
    until("the check to fail", || {
        let listed = node.ip("-6 addr show dev eth0").map_err(|e| e.to_string())?;
        let its = listed.lines().find(|line| line.contains("fe80::200:5eff:fe00:5213"));
        match its {
            Some(line) if line.contains("dadfailed") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    // And the gateway goes on with it: its node is served as before.
    site.answered();
}

#[test]
fn of_two_nodes_on_a_link_the_silent_one_is_taken_off_and_a_stranger_is_never_served() {
    let _turn = turn();
    let mut site = Site::with(
        Plan::default(),
        |lma| lma,
        |mag| {
            mag.replace(
                " interface acc0\n",
                " discover-mn-detach poll interval 10 timeout 4 retries 2\n \
             mobile-node mac 0200.5e10.0002 nai node2@example.net\n interface acc0\n",
            )
        },
    );
    site.attach();
    let air = &site.domain.air;
    let [mut second, mut stranger] = [("mn2", "02:00:5e:10:00:02"), ("mn3", "02:00:5e:10:00:03")]
        .map(|(name, mac)| MobileNode::new(&site.lab, air, name, mac).expect("node"));
    for node in [&mut second, &mut stranger] {
        node.port().plug_into(GATEWAYS[0].0).expect("in range");
        node.start_dhcp().expect("dhclient");
    }
    second.wait_ipv6(SOON).unwrap_or_else(|e| panic!("{e}\n{}", site.logs()));
    second.wait_ipv4(SOON).unwrap_or_else(|e| panic!("{e}\n{}", site.logs()));
    until("both to be served", || match bindings(&site.mag, "mag").len() {
        2 => Ok(()),
        count => Err(format!("{count} bindings")),
    });
    until("the stranger to ask", || {
        match counter(&site.mag, STATISTICS, "/mag_access/unknown_nodes") {
            0 => Err("it has not".to_owned()),
            _ => Ok(()),
        }
    });
    second.port().unplug().expect("out of range");
    until("the silent node to be taken off", || {
        match (
            bindings(&site.mag, "mag").as_slice(),
            counter(&site.mag, STATISTICS, "/mag_access/probes"),
        ) {
            ([left], 1..) if left["mn_id"] == kedge_lab::domain::NAI => Ok(()),
            (left, probes) => Err(format!("{left:?}, {probes} probes")),
        }
    });
    site.answered();
    assert!(stranger.ipv4().expect("list").is_empty());
    assert!(stranger.ipv6().expect("list").is_empty());
}

#[test]
fn a_stock_dhcp_client_is_given_renews_and_is_denied_what_is_not_its_own() {
    let _turn = turn();
    let mut site = Site::with(
        Plan::default(),
        |lma| lma,
        |mag| {
            mag.replace(
                " interface acc0\n",
                " binding lifetime 16\n binding refresh-time 4\n interface acc0\n",
            )
        },
    );
    let (v4, _) = site.attach();
    let dhcp = |key: &str| counter(&site.mag, STATISTICS, &format!("/mag_dhcp/{key}"));
    assert!(dhcp("discover") >= 1 && dhcp("offer") >= 1 && dhcp("ack") >= 1);
    let errors = site.lab.dir().join("mn-dhclient.err");
    until("the lease to be renewed", || match fs::read_to_string(&errors) {
        Ok(log) if log.contains(&format!(" RENEW {v4}")) => Ok(()),
        log => Err(format!("{log:?}")),
    });
    // A client that was elsewhere asks for what it had there.
    site.domain.mn.stop_dhcp().expect("stop");
    let leases = site.lab.dir().join("mn-dhclient.leases");
    let text = fs::read_to_string(&leases).expect("leases");
    let text = text.replace(&v4.to_string(), "203.0.113.77");
    // It asks for it again only while it may think that it is still its own.
    let lasting = text.lines().map(|line| match line.split_whitespace().next() {
        Some(until @ ("renew" | "rebind" | "expire")) => format!("  {until} never;\n"),
        _ => format!("{line}\n"),
    });
    fs::write(&leases, lasting.collect::<String>()).expect("leases");
    site.domain.mn.host().ip("-4 addr flush dev eth0").expect("flush");
    site.domain.mn.start_dhcp().expect("dhclient");
    until("the wrong address to be denied", || match dhcp("nak") {
        0 => Err(fs::read_to_string(&errors).unwrap_or_default()),
        _ => Ok(()),
    });
    assert_eq!(site.domain.mn.wait_ipv4(SOON).expect("the right one"), v4);
}
