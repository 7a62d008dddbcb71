//! Pools that are defined outside of the anchor, and the networks that name them.

use kedge_config::{parse, render};

/// A text with these pools and an anchor whose networks have these lines.
fn text(pools: &str, networks: &[&str]) -> String {
    let mut text = format!("{pools}ipv6 mobile pmipv6-lma lma1 domain d\n");
    for (nth, lines) in networks.iter().enumerate() {
        text.push_str(&format!(" network n{nth}\n"));
        lines.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
        text.push_str(" !\n");
    }
    text
}

/// What is wrong with it: the line, and the message.
fn faults(text: &str) -> Vec<(usize, String)> {
    let errors = parse(text, "text").expect_err("it is wrong");
    errors.iter().map(|error| (error.place.line, error.fault.to_string())).collect()
}

fn cautions(text: &str) -> Vec<String> {
    let (_, warnings) = parse(text, "text").unwrap_or_else(|errors| panic!("{}", errors[0]));
    let of_pools = warnings.iter().map(|warning| warning.caution.to_string());
    of_pools.filter(|text| text.contains("pool") || text.contains("/64")).collect()
}

const POOLS: &str = "\
ip local pool v4 10.0.0.10 10.0.0.99
ip local pool one 10.9.0.7
ipv6 local pool v6 2001:db8::/48 64
";

#[test]
fn pools_and_what_names_them_are_written_as_they_are_read() {
    let all = text(POOLS, &["pool ipv4 v4 pfxlen 24\npool ipv6 v6 pfxlen 64"]);
    let (config, _) = parse(&all, "text").unwrap_or_else(|errors| panic!("{}", errors[0]));
    let written = render(&config);
    assert!(written.contains(POOLS.lines().next().expect("a line")), "{written}");
    assert!(written.contains("ip local pool one 10.9.0.7\n"), "{written}");
    assert!(written.contains("ipv6 local pool v6 2001:db8::/48 64\n"), "{written}");
    assert_eq!(parse(&written, "written").expect("it reads").0, config);
    assert_eq!(cautions(&all), Vec::<String>::new());
}

#[test]
fn a_pool_that_is_not_in_the_text_is_worth_a_warning() {
    let lines = ["pool ipv4 v4 pfxlen 24\npool ipv6 v6 pfxlen 64"];
    let unknown = |name| format!("no local pool '{name}' is configured");
    assert_eq!(cautions(&text("", &lines)), [unknown("v4"), unknown("v6")]);
}

#[test]
fn a_pool_that_cannot_be_one_is_an_error() {
    for (pools, line, why) in [
        ("ip local pool p 10.0.0.9 10.0.0.8\n", 1, "its last address is before its first"),
        (
            "ip local pool p 10.0.0.1 10.0.0.9\nip local pool p 10.0.0.9 10.0.0.12\n",
            2,
            "another of its lines has some of these addresses",
        ),
        (
            "ipv6 local pool p 2001:db8::/40 64\nipv6 local pool p 2001:db8:7::/48 64\n",
            2,
            "another of its lines has some of these addresses",
        ),
    ] {
        assert_eq!(faults(&text(pools, &[])), [(line, format!("pool 'p': {why}"))]);
    }
    let short = "ipv6 local pool p 2001:db8::/48 40\n";
    let why = "the pool's length is 48, above that of each prefix, which is 40";
    assert_eq!(faults(&text(short, &[])), [(1, why.to_owned())]);
}

#[test]
fn a_network_that_cannot_use_a_pool_is_an_error() {
    let refused = |pools: &str, lines: &[&str]| faults(&text(pools, lines));
    let v4 = "pool 'v4': the addresses of a line are not all of one such subnet";
    assert_eq!(refused(POOLS, &["pool ipv4 v4 pfxlen 26"]), [(6, v4.to_owned())]);
    let v4 = "pool 'v4': home addresses are of a subnet of 8 to 30 bits";
    assert_eq!(refused(POOLS, &["pool ipv4 v4 pfxlen 32"]), [(6, v4.to_owned())]);
    let long = "ipv6 local pool v6 2001:db8::/40 56\n";
    let v6 = "pool 'v6': its prefixes are not /64s, as home network prefixes are";
    assert_eq!(refused(long, &["pool ipv6 v6 pfxlen 64"]), [(4, v6.to_owned())]);
    let both =
        "pool mobile-node ipv4 start-address 10.7.0.1 pool-prefix 24\npool ipv4 v4 pfxlen 24";
    let fault = &refused(POOLS, &[both])[0];
    assert!(fault.1.contains("exclude each other"), "{fault:?}");
    let overlap =
        ["pool mobile-node ipv4 start-address 10.0.0.200 pool-prefix 25", "pool ipv4 v4 pfxlen 24"];
    let fault = &refused(POOLS, &overlap)[0];
    assert!(fault.0 == 9 && fault.1.contains("overlap"), "{fault:?}");
    let twice = ["pool ipv6 v6 pfxlen 64", "pool ipv6 v6 pfxlen 64"];
    assert!(refused(POOLS, &twice)[0].1.contains("overlap"));
}

#[test]
fn a_pool_may_have_several_lines_of_one_subnet_or_of_several() {
    let pools = "ip local pool v4 10.0.0.10 10.0.0.99\nip local pool v4 10.0.0.200 10.0.0.250\n\
        ip local pool v4 10.9.0.7\nipv6 local pool v6 2001:db8::/48 64\n\
        ipv6 local pool v6 2001:db8:9::/48 64\n";
    let lines = ["pool ipv4 v4 pfxlen 24\npool ipv6 v6 pfxlen 64"];
    let all = text(pools, &lines);
    let (config, _) = parse(&all, "text").unwrap_or_else(|errors| panic!("{}", errors[0]));
    let written = render(&config);
    assert!(pools.lines().all(|line| written.contains(line)), "{written}");
    assert_eq!(parse(&written, "written").expect("it reads").0, config);
    // Each of them is the network's, and no other's.
    for other in [
        "pool mobile-node ipv4 start-address 10.9.0.200 pool-prefix 25",
        "pool mobile-node ipv6 start-address 2001:db8:9:7:: pool-prefix 56",
    ] {
        let faults = faults(&text(pools, &[lines[0], other]));
        assert!(faults[0].1.contains("overlap"), "{faults:?}");
    }
}

#[test]
fn another_length_of_home_network_prefixes_is_worth_a_warning() {
    let lines = ["pool ipv6 v6 pfxlen 48"];
    let caution = "each home network prefix is a /64, whatever is said here";
    assert_eq!(cautions(&text(POOLS, &lines)), [caution]);
}
