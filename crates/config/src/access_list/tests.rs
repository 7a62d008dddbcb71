use super::*;
use crate::{Candidate, Config, parse, render};

fn lists(text: &str) -> Vec<AccessList> {
    parse(text, "t").unwrap_or_else(|errors| panic!("{}", errors[0])).0.access_lists
}

/// The one entry of an IPv4 list with this line.
fn of(line: &str) -> AccessEntry {
    lists(&format!("ip access-list extended a\n{line}\n"))[0].entries[0]
}

/// The one entry of an IPv6 list with this line.
fn of6(line: &str) -> AccessEntry {
    lists(&format!("ipv6 access-list a\n{line}\n"))[0].entries[0]
}

/// How the lines of a list are written back.
fn written(text: &str) -> Vec<String> {
    let (config, _) = parse(text, "t").unwrap_or_else(|errors| panic!("{}", errors[0]));
    let text = render(&config);
    assert_eq!(parse(&text, "back").unwrap().0, config, "{text}");
    text.lines().filter_map(|line| line.strip_prefix(' ')).map(str::to_owned).collect()
}

#[test]
fn an_address_fits_when_it_differs_only_in_bits_that_do_not_matter() {
    let entry = of("permit ip 10.1.2.3 0.0.255.255 any");
    let fits = |matched: AddressMatch, address: &str| matched.fits(address.parse().unwrap());
    assert!(fits(entry.source, "10.1.9.9") && !fits(entry.source, "10.2.2.3"));
    assert!(fits(entry.destination, "192.0.2.1") && !fits(entry.destination, "2001:db8::1"));
    let host = of("permit ip host 127.0.0.1 any").source;
    assert!(fits(host, "127.0.0.1") && !fits(host, "127.0.0.2"));
    let entry = of6("permit ipv6 2001:db8::/32 host 2001:db8::1");
    assert!(fits(entry.source, "2001:db8:9::") && !fits(entry.source, "2001:db9::"));
    assert!(fits(entry.destination, "2001:db8::1") && !fits(entry.destination, "2001:db8::2"));
}

#[test]
fn one_entry_in_other_words_is_the_same() {
    for (one, other) in [
        ("permit 6 any any", "permit tcp any any"),
        ("permit ipv4 any any", "permit ip any any"),
        ("permit udp any range 5 5 any", "permit udp any eq 5 any"),
        ("permit ip 10.0.0.0/8 any", "permit ip 10.0.0.0 0.255.255.255 any"),
        ("permit ip 192.0.2.1/32 any", "permit ip host 192.0.2.1 any"),
        ("permit ip 0.0.0.0/0 any", "permit ip any any"),
        ("permit tcp any any eq www", "permit tcp any any eq 80"),
        ("permit tcp any any range ftp-data ftp", "permit tcp any any range 20 21"),
        ("permit icmp any any echo", "permit icmp any any 8"),
        ("permit icmp any any host-unreachable", "permit icmp any any 3 1"),
        ("permit ip any any dscp 46", "permit ip any any dscp ef"),
        ("permit ip any any precedence 5", "permit ip any any precedence critical"),
        ("permit tcp any any log-input established", "permit tcp any any established log"),
        ("permit tcp any any log dscp af11", "permit tcp any any dscp 10 log"),
    ] {
        assert_eq!(of(one), of(other), "{one}");
        assert_eq!(written(&format!("ip access-list extended a\n{one}\n{other}\n")).len(), 1);
    }
    for (one, other) in [
        ("permit ipv6 ::/0 any", "permit ipv6 any any"),
        ("permit icmpv6 any any nd-ns", "permit 58 any any"),
        ("sequence 10 deny tcp any any eq bgp", "deny tcp any any eq 179"),
    ] {
        let with_message = AccessEntry { icmp: of6(one).icmp, ..of6(other) };
        assert_eq!(of6(one), with_message, "{one}");
    }
    assert_eq!(of("deny 88 any any").protocol, Some(88));
}

#[test]
fn ports_are_named_by_number_by_name_and_by_comparison() {
    let ports = |line: &str| of(line).destination_ports.unwrap();
    let eq = ports("permit udp any any eq domain");
    assert!(eq.fits(53) && !eq.fits(54));
    let neq = ports("permit udp any any neq 53");
    assert!(!neq.fits(53) && neq.fits(0) && neq.fits(65535));
    let lt = ports("permit tcp any any lt 1024");
    assert!(lt.fits(1023) && !lt.fits(1024));
    let gt = ports("permit tcp any any gt 1023");
    assert!(gt.fits(1024) && !gt.fits(1023) && gt.fits(65535));
    for line in ["permit tcp any any lt 0", "permit tcp any any gt 65535", "permit ip any any eq 5"]
    {
        let text = format!("ip access-list extended a\n{line}\n");
        assert!(parse(&text, "t").is_err(), "{line}");
    }
    let fault = parse("ip access-list extended a\npermit udp any range 9 5 any\n", "t");
    assert!(fault.unwrap_err()[0].to_string().starts_with("t:2:24: "));
}

#[test]
fn segments_of_a_connection_and_messages_are_told_apart() {
    assert!(of("permit tcp any any established").established);
    assert!(of("permit tcp any eq 22 any gt 1023 established").established);
    assert!(parse("ip access-list extended a\npermit udp any any established\n", "t").is_err());
    let unreachable = of("deny icmp any any packet-too-big").icmp.unwrap();
    assert_eq!((unreachable.kind, unreachable.code), (3, Some(4)));
    let solicitation = of6("permit icmp any any nd-ns").icmp.unwrap();
    assert_eq!((solicitation.kind, solicitation.code), (135, None));
}

#[test]
fn lines_are_numbered_by_tens_and_kept_in_the_order_of_their_numbers() {
    let text = "ip access-list extended a\n\
                permit tcp any any\n\
                5 deny ip host 192.0.2.1 any\n\
                remark the rest, and no more\n\
                permit udp any any\n\
                permit tcp any any\n";
    assert_eq!(
        written(text),
        [
            "5 deny ip host 192.0.2.1 any",
            "10 permit tcp any any",
            "20 remark the rest, and no more",
            "30 permit udp any any",
        ]
    );
    let list = &lists(text)[0];
    assert_eq!(list.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [5, 10, 30]);
    assert_eq!(list.remarks[0].text, "the rest, and no more");
}

#[test]
fn a_line_goes_by_its_number_or_by_what_it_says() {
    let list = "ip access-list extended a\n10 permit tcp any any\n20 permit udp any any\n\
                30 permit tcp any any eq 80\n";
    let after = |line: &str| written(&format!("{list}{line}\n"));
    assert_eq!(after("no 20"), ["10 permit tcp any any", "30 permit tcp any any eq www"]);
    let without_first = ["20 permit udp any any", "30 permit tcp any any eq www"];
    assert_eq!(after("no permit tcp any any"), without_first);
    assert_eq!(after("no permit 6 0.0.0.0/0 any"), without_first);
    assert_eq!(after("no 20 permit tcp any any").len(), 3, "another number than it has");
    assert_eq!(after("20 deny udp any any")[1], "20 deny udp any any");
}

#[test]
fn both_spellings_are_one_list_and_ipv6_has_its_own() {
    let text = "ip access-list extended a\npermit tcp any any\nipv4 access-list a\n\
                deny ipv4 any any\nipv6 access-list a\npermit tcp any 2001:DB8::1/32 eq 443\n";
    let found = lists(text);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].family, found[0].entries.len()), (Family::Ipv4, 2));
    assert_eq!((found[1].family, found[1].name.as_str()), (Family::Ipv6, "a"));
    assert_eq!(written(text)[2], "10 permit tcp any 2001:db8::/32 eq 443");
}

#[test]
fn a_number_behind_the_highest_one_is_asked_for() {
    let text = "ip access-list extended a\n2147483647 permit tcp any any\npermit udp any any\n";
    let errors = parse(text, "t").unwrap_err();
    assert!(errors[0].to_string().contains("no number is left for"), "{}", errors[0]);
}

#[test]
fn numbers_are_given_again() {
    let text = "ip access-list extended a\n3 permit tcp any any\n4 remark x\n5 deny udp any any\n";
    let mut candidate = Candidate::of(&Config::default());
    candidate.merge(text, "t").unwrap();
    let lines = |candidate: &Candidate| {
        let (config, _) = candidate.config().unwrap();
        written(&render(&config))
    };
    candidate.line("ip access-list resequence a").unwrap();
    let expected = ["10 permit tcp any any", "20 remark x", "30 deny udp any any"];
    assert_eq!(lines(&candidate), expected);
    candidate.line("ip access-list resequence a 100 5").unwrap();
    assert_eq!(lines(&candidate)[2], "110 deny udp any any");
    candidate.line("resequence ipv4 access-list a 1 1").unwrap();
    assert_eq!(lines(&candidate)[2], "3 deny udp any any");
    assert!(candidate.line("ip access-list resequence b").is_err());
    assert!(candidate.line("ip access-list resequence a 2147483640 100").is_err());
    assert_eq!(lines(&candidate)[2], "3 deny udp any any");
}

#[test]
fn what_marks_packets_and_what_is_logged_is_read_and_written_in_either_family() {
    let entry = of("deny ip 10.0.0.0 0.0.255.255 any precedence internet log");
    assert_eq!(entry.code_points, Some(CodePoints { first: 48, last: 55 }));
    assert!(entry.log);
    let entry = of6("permit tcp any any eq 22 established dscp cs6");
    assert_eq!(entry.code_points, Some(CodePoints { first: 48, last: 48 }));
    assert!(entry.established && !entry.log);
    assert_eq!(of("permit icmp any any echo").code_points, None);
    assert_eq!(
        written(
            "ipv4 access-list a\n deny ip any any log dscp 10\n permit icmp any any echo dscp 1\n \
             permit udp any any eq 53 log-input precedence 0\n"
        ),
        [
            "10 deny ip any any dscp af11 log",
            "20 permit icmp any any echo dscp 1",
            "30 permit udp any any eq domain precedence routine log",
        ]
    );
}

#[test]
fn an_option_that_is_not_known_is_refused_where_it_stands() {
    for (line, column) in [
        ("permit ip any any tos 4", 19),
        ("permit ip any any dscp 64", 24),
        ("permit ip any any precedence 8", 30),
        ("permit ip any any dscp ef precedence 5", 27),
        ("permit udp any any established", 20),
    ] {
        let text = format!("ip access-list extended a\n{line}\n");
        let errors = parse(&text, "t").unwrap_err();
        assert_eq!(
            (errors.len(), errors[0].place.spot.column),
            (1, column),
            "{line}: {}",
            errors[0]
        );
    }
}
