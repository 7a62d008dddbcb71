//! The example blocks of the vendors' documents, as printed there.
//!
//! What three of them say; `examples.rs` reads all of them.

use std::net::Ipv4Addr;
use std::time::Duration;

use kedge_config::{
    Accounting, Config, Encap, Heartbeat, Ipv4Pool, Ipv6Pool, ReplayWindow, Service, Warning,
    parse, render,
};

const DOMAIN: &str = include_str!("examples/xr-domain.txt");
const PEER_MAG: &str = include_str!("examples/xr-lma-peer-mag.txt");
const DYNAMIC: &str = include_str!("examples/xr-lma-dynamic-mag-learning.txt");

fn load(text: &str) -> (Config, Vec<Warning>) {
    parse(text, "example").unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(ToString::to_string).collect::<String>())
    })
}

/// The first line of each message.
fn heads<T: ToString>(messages: &[T]) -> Vec<String> {
    let head = |message: &T| message.to_string().lines().next().unwrap_or_default().to_owned();
    messages.iter().map(head).collect()
}

#[test]
fn the_domain_example_loads() {
    let (config, warnings) = load(DOMAIN);
    let domain = config.domain("cisco.com").unwrap();
    let auth = domain.auth.as_ref().unwrap();
    assert_eq!((auth.spi, auth.key.expose()), (0x67, b"key1".as_slice()));
    let [first, second] = domain.nais.as_slice() else { panic!("{domain:?}") };
    assert_eq!((first.nai.as_str(), first.network.as_deref()), ("example@cisco", Some("network2")));
    assert_eq!(first.service, Service::Ipv4);
    assert_eq!((second.nai.as_str(), second.network.as_deref()), ("example@ctc", Some("network3")));
    assert_eq!((second.service, second.customer.as_deref()), (Service::Dual, Some("CUST1")));
    assert!(warnings.is_empty(), "{:?}", heads(&warnings));
}

#[test]
fn the_anchor_with_a_peer_gateway_loads() {
    let (config, warnings) = load(PEER_MAG);
    let lma = config.lma.as_ref().unwrap();
    assert_eq!((lma.id.as_str(), lma.domain.as_str()), ("lma1", "cisco.com"));
    assert_eq!((&lma.ipv4, &lma.ipv6), (&vec![], &vec!["2001:db8::1".parse().unwrap()]));
    assert_eq!((lma.hnp_maximum, lma.bce_maximum), (2, 2500));
    assert_eq!(lma.bce_lifetime, Duration::from_secs(2500));
    assert_eq!(lma.bce_delete_wait, Duration::from_millis(100));
    assert_eq!(lma.bce_create_wait, Duration::from_millis(1500), "the default");
    assert_eq!(config.lma_replay_window(lma), ReplayWindow::Within(Duration::from_secs(18)));
    assert_eq!(lma.default_profile.as_deref(), Some("profile1"));
    assert_eq!(lma.accounting, Some(Accounting { interim: Some(Duration::from_secs(120)) }));
    assert!(!lma.dynamic_mag_learning);
    let [mag] = lma.mags.as_slice() else { panic!("{lma:?}") };
    assert_eq!((mag.id.as_str(), mag.domain.as_str()), ("mag1", "dn1"));
    assert_eq!((mag.ipv4, mag.ipv6), (Some(Ipv4Addr::new(192, 168, 0, 4)), None));
    let auth = config.mag_auth(mag).unwrap();
    assert_eq!((auth.spi, auth.key.expose()), (0x87e, b"key2".as_slice()));
    assert_eq!(config.mag_encap(mag), Some(Encap::GreIpv6));
    assert_eq!(mag.tunnel_interface.as_deref(), Some("tunnel-ip097"));
    assert_eq!(
        heads(&warnings),
        [
            "example:2:36: warning: no domain 'cisco.com' is configured: no keys and no profiles \
             come from it",
            "example:9:17: warning: the domain has no nai 'profile1': nodes without a profile have \
             none",
            "example:10:1: warning: 'aaa accounting' is accepted; it has no effect yet",
            "example:12:10: warning: no domain 'dn1' is configured: no keys and no profiles come \
             from it",
            "example:15:7: warning: encap gre-ipv6, and 'mag1' has no IPv6 address",
        ]
    );
}

#[test]
fn the_anchor_that_learns_its_gateways_loads() {
    let (config, warnings) = load(DYNAMIC);
    let lma = config.lma.as_ref().unwrap();
    assert!(lma.dynamic_mag_learning);
    assert_eq!(
        lma.heartbeat,
        Some(Heartbeat {
            interval: Duration::from_secs(100),
            retries: 5,
            timeout: Duration::from_secs(10)
        })
    );
    let network = lma.network("network1").unwrap();
    let start = Ipv4Addr::new(192, 168, 0, 2);
    assert_eq!(network.ipv4, Some(Ipv4Pool { start, prefix_len: 8 }));
    let start = "2002:10::1".parse().unwrap();
    assert_eq!(network.ipv6, Some(Ipv6Pool { start, prefix_len: 62 }));
    assert_eq!(warnings.len(), 3, "{:?}", heads(&warnings));
}

#[test]
fn the_three_together_are_one_configuration() {
    let text = [DOMAIN, PEER_MAG, DYNAMIC].concat();
    let (config, warnings) = load(&text);
    assert_eq!(config.domains.len(), 1);
    let lma = config.lma.as_ref().unwrap();
    assert_eq!((lma.mags.len(), lma.networks.len(), lma.ipv6.len()), (1, 1, 1));
    let pool = "no network 'network2': the node gets no addresses";
    assert!(heads(&warnings).iter().any(|head| head.ends_with(pool)), "{:?}", heads(&warnings));
}

#[test]
fn what_is_written_back_loads_as_the_same_and_shows_no_key() {
    for text in [DOMAIN, PEER_MAG, DYNAMIC] {
        let (config, _) = load(text);
        let written = render(&config);
        assert_eq!(load(&written).0, config);
        assert_eq!(render(&load(&written).0), written);
        assert!(!written.contains("key1") && !written.contains("key2"), "{written}");
        let debug = format!("{config:?}");
        assert!(!debug.contains("key1") && !debug.contains("key2"), "{debug}");
    }
}

#[test]
fn the_running_configuration_is_indented_and_in_table_order() {
    let text = "ipv6 mobile pmipv6-lma lma1 domain d\nnetwork n\n\
                pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 24\nbce lifetime 3600\n\
                no generate grekey\nmag m d\nencap udptunnel\nipv4-address 192.0.2.1\n\
                address ipv4 192.0.2.9\nipv6 mobile pmipv6-domain d\nauth-option spi decimal 256 \
                key hex 6b6579\n";
    assert_eq!(
        render(&load(text).0),
        "\
! keys behind '7' are obfuscated, not encrypted: treat this text as you treat the keys
ipv6 mobile pmipv6-domain d
 auth-option spi 100 key 7 ascii 09474B10
!
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 192.0.2.9
 no generate grekey
 mag m d
  ipv4 address 192.0.2.1
  encap udptunnel
 !
 network n
  pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 24
 !
!
"
    );
}
