//! Whole transcripts: what an operator sees for a text with mistakes in it.

use kedge_config::parse;

/// Every message about a text that is wrong.
fn errors(text: &str) -> String {
    let errors = parse(text, "kedge.conf").expect_err("the text is wrong");
    errors.iter().map(ToString::to_string).collect()
}

/// Every warning about a text that is right.
fn warnings(text: &str) -> String {
    let (_, warnings) = parse(text, "kedge.conf").unwrap_or_else(|errors| panic!("{}", errors[0]));
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_number_out_of_range_is_shown_with_the_range() {
    assert_eq!(
        errors("ipv6 mobile pmipv6-lma lma1 domain d\n bce lifetime 5\n"),
        "\
kedge.conf:2:15: not a value for SECONDS
  in ipv6 mobile pmipv6-lma lma1 domain d
     bce lifetime 5
                  ^
  allowed here:
    SECONDS  Longest lifetime granted (10-65535 seconds)
"
    );
}

#[test]
fn a_misspelled_command_is_shown_with_what_was_meant() {
    assert_eq!(
        errors("ipv6 mobile pmipv6-domain d\n lma a\n  ipv4-adress 192.0.2.1\n"),
        "\
kedge.conf:3:3: unknown command 'ipv4-adress'
  in ipv6 mobile pmipv6-domain d > lma a
      ipv4-adress 192.0.2.1
      ^^^^^^^^^^^
  did you mean 'ipv4-address'?
  commands here: ipv4-address, ipv6-address, ipv4, ipv6
"
    );
}

#[test]
fn a_command_of_another_mode_is_shown_with_that_mode() {
    assert_eq!(
        errors("bce lifetime 100\n"),
        "\
kedge.conf:1:1: unknown command 'bce'
    bce lifetime 100
    ^^^
  it is a command of: pmipv6-lma, pmipv6-lma-mll-cust, pmipv6-mag
  commands here: vrf, management-api, radius-server, aaa, ip, ipv4, ipv6
"
    );
}

#[test]
fn an_ambiguous_abbreviation_lists_the_candidates() {
    assert_eq!(
        errors("ipv6 mobile pmipv6-lma lma1 domain d\nbce ma 5\nno d\na ipv4 192.0.2.1\n"),
        "\
kedge.conf:3:4: 'd' is ambiguous
  in ipv6 mobile pmipv6-lma lma1 domain d
    no d
       ^
  it may begin:
    default  What holds for others
    dynamic  What need not be configured
    dscp     Differentiated services code point
kedge.conf:4:1: 'a' is ambiguous
  in ipv6 mobile pmipv6-lma lma1 domain d
    a ipv4 192.0.2.1
    ^
  it may begin:
    address  Addresses of this service
    accept   What updates may ask for
    aaa      Authentication, authorization and accounting
    ani      Access network identifiers (RFC 6757)
"
    );
}

#[test]
fn a_line_that_ends_early_has_its_caret_behind_it() {
    assert_eq!(
        errors("RP/0/RSP0/CPU0:router(config)# ipv6 mobile pmipv6-lma lma1 domain\n"),
        "\
kedge.conf:1:67: incomplete command
    RP/0/RSP0/CPU0:router(config)# ipv6 mobile pmipv6-lma lma1 domain
                                                                      ^
  to come:
    DOMAIN  name of a domain (name of 1-125 characters)
"
    );
}

#[test]
fn what_may_be_a_key_is_never_shown() {
    let text = "\
ipv6 mobile pmipv6-domain d
 auth-option spi 67 kye ascii sesame
 auth-optoin spi 67 key ascii sesame
 auth-option spi 67 key ascii \"sesame\" extra
 auth-option spi 67 key hex sesame
 auth-option spi 67 key 5 sesame
 auth-option spi 67 key \"sesame
 auth-option spi 0 key ascii sesame
 /* it was sesame */ encap nothing
radius-server host 192.0.2.1
 key 7 sesame
 ky sesame
 key ascii sesame /* sesame
";
    let shown = errors(text);
    assert!(!shown.contains("sesame"), "{shown}");
    assert_eq!(shown.matches("kedge.conf:").count(), 12, "{shown}");
    assert!(
        shown.contains(
            "\
kedge.conf:4:40: unexpected word
  in ipv6 mobile pmipv6-domain d
     auth-option spi 67 key ascii ****** ******
                                         ^^^^^^
"
        ),
        "{shown}"
    );
}

#[test]
fn every_mistake_is_reported_once_and_none_hides_another() {
    let text = "\
ipv6 mobile pmipv6-domain cisco.com
 encap greipv4
!
ipv6 mobile pmipv6-lma lma1 domian cisco.com
 hnp maximum 7
 address ipv4 300.1.1.1
 network n1
  pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 24
 network n2
  pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 31
!
router bgp 65000
 address-family ipv4
ipv6 mobile pmipv6-mag mag1 domain cisco.com
 binding init-retx-time 5000
 binding max-retx-time 100
 interface eth0
  attach static
 multipath
 end of it
";
    let errors = parse(text, "f").unwrap_err();
    let lines: Vec<usize> = errors.iter().map(|error| error.place.line).collect();
    assert_eq!(lines, [2, 4, 5, 6, 10, 12, 15, 18, 20]);
}

#[test]
fn settings_that_contradict_each_other_are_shown_where_they_are() {
    assert_eq!(
        errors(
            "\
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma lma1 domain e
 bri delay min 3000
 mag m d
  encap gre-ipv4
  ipv6 address 2001:db8::2
 network a
  pool mobile-node ipv6 start-address 2001:db8:1::1 pool-prefix 48
 network b
  pool mobile-node ipv6 start-address 2001:db8:1:8::1 pool-prefix 62
"
        ),
        "\
kedge.conf:2:36: no domain 'e' is configured; configured: d
    ipv6 mobile pmipv6-lma lma1 domain e
                                       ^
kedge.conf:3:16: bri delay min is 3000, above bri delay max, which is 2000
  in ipv6 mobile pmipv6-lma lma1 domain e
     bri delay min 3000
                   ^^^^
kedge.conf:5:9: encap gre-ipv4 needs an IPv4 address of 'm'
  in ipv6 mobile pmipv6-lma lma1 domain e > mag m d
      encap gre-ipv4
            ^^^^^^^^
kedge.conf:10:39: this pool and that of network 'a' on line 8 overlap
  in ipv6 mobile pmipv6-lma lma1 domain e > network b
      pool mobile-node ipv6 start-address 2001:db8:1:8::1 pool-prefix 62
                                          ^^^^^^^^^^^^^^^
"
    );
}

#[test]
fn an_address_that_no_host_can_have_is_refused() {
    let text = "\
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 224.0.0.1
 address ipv4 127.0.0.1
 address ipv6 ::
 address ipv6 fe80::1
 mag m d
  ipv4 address 255.255.255.255
ipv6 mobile pmipv6-mag mag1 domain d
 address ipv6 ff02::1
 lma lma1 d
  ipv4-address 0.0.0.0
";
    let errors = parse(text, "f").unwrap_err();
    let lines: Vec<usize> = errors.iter().map(|error| error.place.line).collect();
    assert_eq!(lines, [3, 5, 6, 8, 10, 12]);
    assert_eq!(
        errors[0].to_string(),
        "\
f:3:15: 224.0.0.1 is not a host's address that others can reach
  in ipv6 mobile pmipv6-lma lma1 domain d
     address ipv4 224.0.0.1
                  ^^^^^^^^^
"
    );
}

#[test]
fn two_gateways_with_one_address_are_worth_a_warning() {
    let text = "\
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 192.0.2.1
 mag m d
  ipv4 address 192.0.2.11
 mag n d
  ipv4 address 192.0.2.11
";
    assert_eq!(
        warnings(text),
        "\
kedge.conf:6:2: warning: 192.0.2.11 is also that of 'm': what comes from there is taken for one of them
  in ipv6 mobile pmipv6-lma lma1 domain d
     mag n d
     ^^^
"
    );
}

#[test]
fn a_pool_with_the_anchors_own_address_is_worth_a_warning() {
    let text = "\
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 10.0.0.1
 network home
  pool mobile-node ipv4 start-address 10.0.0.0 pool-prefix 16
  pool mobile-node ipv6 start-address 2001:db8:100:: pool-prefix 48
";
    assert_eq!(
        warnings(text),
        "\
kedge.conf:5:39: warning: 10.0.0.1 is the anchor's own, and of this pool: a node may be given it
  in ipv6 mobile pmipv6-lma lma1 domain d > network home
      pool mobile-node ipv4 start-address 10.0.0.0 pool-prefix 16
                                          ^^^^^^^^
"
    );
}

#[test]
fn second_services_and_devices_are_refused() {
    let text = "\
ipv6 mobile pmipv6-lma lma1 domain d
 mag m d
 mag n d
  ipv4 address 192.0.2.1
ipv6 mobile pmipv6-lma lma2 domain d
ipv6 mobile pmipv6-mag mag1 domain d
 interface Ethernet 0/0
  device eth0
 interface eth0
 interface eth1
  attach static
";
    assert_eq!(
        errors(text),
        "\
kedge.conf:5:1: only one 'ipv6 mobile pmipv6-lma' is possible; another is on line 1
    ipv6 mobile pmipv6-lma lma2 domain d
    ^^^^
kedge.conf:9:2: device 'eth0' is also that of the interface on line 7
  in ipv6 mobile pmipv6-mag mag1 domain d
     interface eth0
     ^^^^^^^^^
kedge.conf:11:3: attach static needs the node's identifier: nai USER@REALM
  in ipv6 mobile pmipv6-mag mag1 domain d > interface eth1
      attach static
      ^^^^^^
"
    );
}

#[test]
fn an_odd_lifetime_a_small_mtu_and_a_repeated_line_are_worth_a_warning() {
    let text = "\
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 192.0.2.1
 bce lifetime 99
 tunnel mtu 1000
 bce maximum 5
 bce maximum 6
";
    assert_eq!(
        warnings(text),
        "\
kedge.conf:4:15: warning: the wire counts in units of 4 seconds: 99 is 96
  in ipv6 mobile pmipv6-lma lma1 domain d
     bce lifetime 99
                  ^^
kedge.conf:5:13: warning: an MTU below 1280 does not carry IPv6
  in ipv6 mobile pmipv6-lma lma1 domain d
     tunnel mtu 1000
                ^^^^
kedge.conf:7:2: warning: this 'bce maximum' takes the place of the one on line 6
  in ipv6 mobile pmipv6-lma lma1 domain d
     bce maximum 6
     ^^^
"
    );
}

#[test]
fn an_interface_with_a_routers_name_needs_a_device() {
    let text = "\
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-mag m domain d
 address ipv4 192.0.2.1
 interface GigabitEthernet0/0/0
  device eth0
 interface Ethernet 0/2
";
    assert_eq!(
        warnings(text),
        "\
kedge.conf:6:2: warning: no Linux device is called 'Ethernet0/2': name it with 'device'
  in ipv6 mobile pmipv6-mag m domain d
     interface Ethernet 0/2
     ^^^^^^^^^
"
    );
}

#[test]
fn ten_mistakes_in_a_file_are_ten_errors_and_each_says_what_is_allowed_or_meant() {
    let text = "\
ipv6 mobile pmipv6-domain d
 encap gre-ipv5
 replay-protection timestamp window 300
!
ipv6 mobile pmipv6-lma lma1 domain d
 adress ipv4 192.0.2.1
 address ipv4 192.0.2.300
 bce maximum 0
 heartbeat interval 10 retries
 hnp maximum 1 1
 d profile p
 network n
  pool mobile-node ipv4 start-address pool-prefix 24
 bri delay min 3000
";
    let expected = [
        ("2:8", "^^^^^^^^", "did you mean 'gre-ipv4'?"),
        ("3:37", "^^^", "(3-255 seconds)"),
        ("6:2", "^^^^^^", "did you mean 'address'?"),
        ("7:15", "^^^^^^^^^^^", "IPv4 address, A.B.C.D"),
        ("8:14", "^", "(1-16000000 bindings)"),
        ("9:32", "^", "RETRIES"),
        ("10:16", "^", "the command ends before '1'"),
        ("11:2", "^", "it may begin"),
        ("13:39", "^^^^^^^^^^^", "ADDRESS is missing before 'pool-prefix'"),
        ("14:16", "^^^^", "above bri delay max, which is 2000"),
    ];
    let errors = parse(text, "f").unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for (shown, (place, caret, says)) in shown.iter().zip(expected) {
        assert!(shown.starts_with(&format!("f:{place}: ")), "{place}: {shown}");
        assert!(shown.lines().any(|line| line.trim() == caret), "{caret}: {shown}");
        assert!(shown.contains(says), "{says}: {shown}");
    }
    assert_eq!(shown.len(), 10, "{}", shown.concat());
}

#[test]
fn a_device_is_an_access_link_or_a_mobile_network_and_not_both() {
    let text = "\
ipv6 mobile pmipv6-mag m domain d
 address ipv6 2001:db8::1
 logical-mn a@r
  home interface lo
  mobile network lan0 learn-prefix serve-hosts
  mobile network lan1 skip-register
  service dual
  reverse-tunnel route ipv4 10.0.0.0 8 5
 !
 mobility-service mobile-local-loop
  ignore home-address
  reverse-tunnel default-route 7
 !
 interface eth1
 !
";
    assert!(!warnings(text).contains("no effect"), "{}", warnings(text));
    let both = errors(&text.replace("interface eth1", "interface lan1"));
    let message = "kedge.conf:14:2: 'interface' and 'mobile network' exclude each other; the other \
                   is on line 6";
    assert!(both.starts_with(message), "{both}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let (config, _) = parse("\u{feff}vrf blue\n", "t").unwrap();
    assert_eq!(config.vrfs[0].name, "blue");
    let error = parse("\u{feff}bogus\n", "t").unwrap_err();
    assert!(error[0].to_string().starts_with("t:1:1: "), "{}", error[0]);
}

#[test]
fn of_many_mistakes_the_first_hundred_are_shown_and_all_are_counted() {
    let errors = parse(&"bogus\n".repeat(5000), "t").unwrap_err();
    assert_eq!(errors.len(), 5000);
    let shown = kedge_config::listed(&errors);
    assert_eq!(shown.len(), 101);
    assert!(shown[99].starts_with("t:100:1: "), "{}", shown[99]);
    assert_eq!(shown[100], "and 4,900 more\n");
    assert_eq!(kedge_config::listed(&errors[..100]).len(), 100);
}

#[test]
fn a_text_of_nothing_but_mistakes_is_read_to_a_bound() {
    for line in ["bogus\n", "radius-server timeout 1\nradius-server timeout 2\n"] {
        let errors = parse(&line.repeat(6_000), "t").unwrap_err();
        let last = errors.last().unwrap().to_string();
        assert!(errors.len() <= 5_001, "{}", errors.len());
        assert!(last.contains("there is too much to say about this text"), "{last}");
    }
}

/// An anchor with two customers at one address, each in the transport VRF of its name.
fn customers(transports: [&str; 2]) -> String {
    let mut text = "ipv6 mobile pmipv6-lma a domain d\n dynamic mag learning\n \
         mobility-service mobile-local-loop\n"
        .to_owned();
    for (number, transport) in transports.into_iter().enumerate() {
        text += &format!(
            "  customer C{number} vrf V{number}\n   transport vrf {transport}\n    \
             address ipv4 192.0.2.1\n   !\n  !\n"
        );
    }
    text
}

#[test]
fn two_customers_may_have_one_address_in_two_transports_and_not_in_one() {
    let said = errors(&customers(["T", "T"]));
    assert!(said.contains("this address is that of customer 'C0' on line 6"), "{said}");
    assert_eq!(said.matches("no two may share one").count(), 1, "{said}");
    assert!(!warnings(&customers(["T", "U"])).contains("share"));
}

/// Its nodes would be nobody's.
#[test]
fn a_profile_of_a_customer_that_the_anchor_has_not_is_refused() {
    let domain = "ipv6 mobile pmipv6-domain d\n nai @a\n  customer C9\n !\n!\n";
    let anchor = customers(["T", "U"]);
    assert_eq!(
        errors(&format!("{domain}{anchor}")),
        "\
kedge.conf:3:12: the anchor has no customer 'C9'
  in ipv6 mobile pmipv6-domain d > nai @a
      customer C9
               ^^
"
    );
    // Another anchor's customers are not this one's to know, and a part of a text is no mistake.
    let elsewhere = domain.replace("customer", "lma other\n  customer");
    assert!(!warnings(&format!("{elsewhere}{anchor}")).contains("C9"));
    let part = "ipv6 mobile pmipv6-lma lma1 domain d\n mobility-service mobile-local-loop\n";
    let said = warnings(&format!("{domain}{part}"));
    assert!(said.contains("no customer 'C9'"), "{said}");
}

#[test]
fn a_service_that_is_sent_as_labels_has_a_name_that_can_be() {
    let mag = "ipv6 mobile pmipv6-mag m domain d\n ssmo-format label\n";
    assert!(warnings(mag).contains("does nothing without 'apn'"));
    let long = "a".repeat(64);
    for name in ["a..b", ".a", "a.", long.as_str()] {
        let said = errors(&format!("{mag} apn {name}\n"));
        assert!(said.contains("cannot be sent as labels"), "{said}");
    }
    assert!(!warnings(&format!("{mag} apn internet.example.net\n")).contains("labels"));
}
