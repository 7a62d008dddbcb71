//! A gateway's configuration: what of it comes from the text, from its domain, from the table.

use std::net::IpAddr;
use std::time::Duration;

use kedge_config::{
    AccessTechnology, AuthHomeAddress, Caution, Config, Encap, ReplayWindow, parse, render,
};

const GATEWAY: &str = "\
ipv6 mobile pmipv6-domain example.net
 encap udptunnel
 auth-option spi decimal 300 key hex 00ff home-address hnp updates-only
 replay-protection timestamp window 20
 lma lma2
  ipv4-address 192.0.2.2
  ipv6-address 2001:db8::2
!
ipv6 mobile pmipv6-mag mag1 domain example.net
 address ipv4 192.0.2.11
 address ipv6 2001:db8::11
 bce maximum 500
 role LTE
 mobile-node mac 0200.0000.0001 nai mn1@example.net
 mobile-node mac 02:00:00:00:00:02 nai mn2@example.net
 lma lma1 example.net
  ipv6-address 2001:db8::1
  ipv4-address 192.0.2.1
  auth-option spi 87E key ascii key2
  encap gre-ipv4
 lma lma2 example.net
 interface GigabitEthernet 0/0/0
  device eth0
  access-technology ethernet
 interface wlan0
  nai only@example.net
  attach static
";

fn load() -> Config {
    let (config, warnings) = parse(GATEWAY, "gateway").unwrap_or_else(|e| panic!("{}", e[0]));
    assert!(warnings.is_empty(), "{}", warnings[0]);
    config
}

#[test]
fn what_a_peer_does_not_say_comes_from_the_domain() {
    let config = load();
    let mag = config.mag.as_ref().unwrap();
    let [first, second] = mag.lmas.as_slice() else { panic!("{mag:?}") };
    assert_eq!(config.lma_encap(first), Some(Encap::GreIpv4));
    assert_eq!(config.lma_encap(second), Some(Encap::Udp));
    assert_eq!(config.lma_auth(first).unwrap().spi, 0x87e);
    let domains = config.lma_auth(second).unwrap();
    assert_eq!((domains.spi, domains.key.expose()), (300, [0x00, 0xff].as_slice()));
    assert_eq!((domains.home_address, domains.updates_only), (AuthHomeAddress::Hnp, true));
    let addresses = |texts: [&str; 2]| texts.map(|text| text.parse::<IpAddr>().unwrap());
    assert_eq!(config.lma_addresses(first), addresses(["2001:db8::1", "192.0.2.1"]));
    assert_eq!(config.lma_addresses(second), addresses(["2001:db8::2", "192.0.2.2"]));
    let window = ReplayWindow::Within(Duration::from_secs(20));
    assert_eq!(config.mag_replay_window(mag), window);
}

#[test]
fn what_nobody_says_is_the_default_of_the_documents() {
    let config = load();
    let mag = config.mag.as_ref().unwrap();
    assert_eq!(mag.binding_maximum, 500, "by XE's other name");
    assert_eq!(mag.times.lifetime, Duration::from_secs(3600));
    assert_eq!(mag.times.refresh, Duration::from_secs(300));
    assert_eq!(mag.times.init_retx, Duration::from_millis(1000));
    assert_eq!(mag.times.max_retx, Duration::from_millis(32000));
    assert_eq!(mag.detach_poll.interval, Duration::from_secs(10));
    assert_eq!(mag.detach_poll.timeout, Duration::from_secs(2));
    assert_eq!(mag.detach_poll.retries, 2);
    assert!(mag.generate_grekey && !mag.ignore_grekey && !mag.ignore_home_address);
}

#[test]
fn interfaces_have_a_device_a_technology_and_perhaps_one_node() {
    let config = load();
    let mag = config.mag.as_ref().unwrap();
    let [wired, wireless] = mag.interfaces.as_slice() else { panic!("{mag:?}") };
    assert_eq!((wired.name.as_str(), wired.device()), ("GigabitEthernet0/0/0", "eth0"));
    assert_eq!(mag.technology(wired), AccessTechnology::Ethernet);
    assert_eq!((wired.nai.as_deref(), wired.attach_static), (None, false));
    assert_eq!(wireless.device(), "wlan0");
    assert_eq!(mag.technology(wireless).number(), 8, "E-UTRAN, of the role");
    assert_eq!((wireless.nai.as_deref(), wireless.attach_static), (Some("only@example.net"), true));
    let nodes: Vec<String> =
        mag.mobile_nodes.iter().map(|node| format!("{} {}", node.mac, node.nai)).collect();
    assert_eq!(nodes, ["02:00:00:00:00:01 mn1@example.net", "02:00:00:00:00:02 mn2@example.net"]);
}

#[test]
fn it_is_written_back_as_the_same() {
    let config = load();
    assert_eq!(parse(&render(&config), "again").unwrap().0, config);
}

#[test]
fn the_default_profile_is_a_profile_of_the_domain() {
    let text = "ipv6 mobile pmipv6-domain d\nnai @r\nipv6 mobile pmipv6-lma l domain d\n\
                address ipv4 192.0.2.1\ndefault profile ";
    assert!(parse(&format!("{text}@r"), "t").unwrap().1.is_empty());
    let (_, warnings) = parse(&format!("{text}@other"), "t").unwrap();
    let unknown = Caution::UnknownProfile { profile: "@other".to_owned() };
    assert_eq!(warnings.iter().map(|w| &w.caution).collect::<Vec<_>>(), [&unknown]);
}

#[test]
fn networks_that_aaa_is_to_name_are_worth_a_warning_where_aaa_is_not_asked() {
    let text = |domain: &str| {
        format!(
            "{domain}ipv6 mobile pmipv6-lma l domain d\naddress ipv4 192.0.2.1\n\
             mobile-network aaa-authorized\n"
        )
    };
    let cautions = |domain: &str| {
        let (_, warnings) = parse(&text(domain), "t").unwrap();
        warnings.into_iter().map(|warning| warning.caution).collect::<Vec<_>>()
    };
    let domain = "ipv6 mobile pmipv6-domain d\n";
    let (command, other) = ("mobile-network aaa-authorized", "mn-profile-load-aaa");
    assert_eq!(cautions(domain), [Caution::Needs { command, other }]);
    assert_eq!(cautions(&format!("{domain}mn-profile-load-aaa\n")), []);
    let unknown = Caution::UnknownDomain { domain: "d".to_owned() };
    assert_eq!(cautions(""), [unknown], "a fragment says nothing of AAA");
}

#[test]
fn a_node_without_a_profile_has_that_of_its_realm() {
    let text = "ipv6 mobile pmipv6-domain d\nnai a@r\nnetwork own\nnai @r\nnetwork realms\n";
    let (config, _) = parse(text, "profiles").unwrap();
    let domain = config.domain("d").unwrap();
    let network = |nai: &str| domain.profile(nai).and_then(|profile| profile.network.as_deref());
    assert_eq!(network("a@r"), Some("own"));
    assert_eq!(network("b@r"), Some("realms"));
    assert_eq!(network("b@other"), None);
    assert_eq!(network("nobody"), None);
}
