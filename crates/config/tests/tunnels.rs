//! What is said about the packets in the tunnels.

use kedge_config::{Config, TunnelDscp, parse, render};

fn read(lines: &str) -> Config {
    let text = format!("ipv6 mobile pmipv6-lma lma1 domain d\n{lines}");
    let (config, _) = parse(&text, "t").unwrap();
    assert_eq!(parse(&render(&config), "back").unwrap().0, config, "{text}");
    config
}

#[test]
fn segment_sizes_are_lowered_unless_that_is_turned_off_and_nothing_else_is_done_by_itself() {
    let silent = read("").lma.unwrap().tunnels;
    assert!(silent.clamp_mss);
    assert_eq!((silent.dscp, silent.acl, silent.acl_in), (None, None, None));
    assert!(!read(" no tunnel mss-clamping\n").lma.unwrap().tunnels.clamp_mss);
}

#[test]
fn the_two_models_of_rfc_2983_are_told_apart_and_the_later_line_holds() {
    let dscp = |lines: &str| read(lines).lma.unwrap().tunnels.dscp;
    assert_eq!(dscp(" tunnel dscp uniform\n"), Some(TunnelDscp::Uniform));
    assert_eq!(dscp(" tunnel dscp pipe 0\n"), Some(TunnelDscp::Pipe(0)));
    assert_eq!(dscp(" tunnel dscp uniform\n tunnel dscp pipe 63\n"), Some(TunnelDscp::Pipe(63)));
    assert_eq!(dscp(" tunnel dscp uniform\n no tunnel dscp\n"), None);
    let wrong = "ipv6 mobile pmipv6-lma lma1 domain d\n tunnel dscp pipe 64\n";
    assert!(parse(wrong, "t").is_err());
}

#[test]
fn a_list_for_each_direction_is_kept_apart_from_the_other() {
    let lists = |lines: &str| {
        let tunnels = read(lines).lma.unwrap().tunnels;
        [tunnels.acl, tunnels.acl_in].map(Option::unwrap_or_default)
    };
    assert_eq!(lists(" tunnel acl a\n tunnel acl b in\n"), ["a", "b"]);
    assert_eq!(lists(" tunnel acl b in\n"), ["", "b"]);
    assert_eq!(lists(" tunnel acl a\n tunnel acl b in\n no tunnel acl b in\n"), ["a", ""]);
}

#[test]
fn a_static_tunnel_may_be_named_at_both_ends() {
    let config = read(" mag m d\n  ipv4 address 192.0.2.2\n  tunnel interface tunnel-ip 097\n");
    let mag = &config.lma.unwrap().mags[0];
    assert_eq!(mag.tunnel_interface.as_deref(), Some("tunnel-ip097"));
    let text = "ipv6 mobile pmipv6-mag m domain d\n lma l d\n  tunnel interface tunnel-ip 97\n";
    let (config, _) = parse(text, "t").unwrap();
    let lma = &config.mag.unwrap().lmas[0];
    assert_eq!(lma.tunnel_interface.as_deref(), Some("tunnel-ip97"));
}
