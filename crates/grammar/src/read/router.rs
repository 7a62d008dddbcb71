//! What a router's configuration has around the commands of this language.
//!
//! A text that is copied from a router begins with what its terminal said, and is mostly about the
//! router itself: its name, its interfaces, its routing. What the terminal said is passed over.
//! What is about the router is refused by its name, in one line for each command, with all that is
//! indented below it. A word that nobody knows is rather a mistake, and is told at length.

use crate::lex::Line;

/// Commands of IOS XR and IOS XE outside of all blocks that are about the router itself.
const WORDS: &[&str] = &[
    "address-family",
    "alias",
    "archive",
    "arp",
    "as-path-set",
    "banner",
    "bfd",
    "boot",
    "boot-end-marker",
    "boot-start-marker",
    "bridge",
    "call-home",
    "card",
    "cdp",
    "class-map",
    "clock",
    "cns",
    "community-set",
    "control-plane",
    "controller",
    "crypto",
    "device-tracking",
    "diagnostic",
    "domain",
    "dot1x",
    "enable",
    "end-policy",
    "end-set",
    "errdisable",
    "event",
    "exception",
    "exit-address-family",
    "explicit-path",
    "extcommunity-set",
    "file",
    "flow",
    "ftp",
    "fhrp",
    "grpc",
    "hostname",
    "hw-module",
    "hw-switch",
    "interface",
    "key",
    "l2vpn",
    "lacp",
    "license",
    "line",
    "lldp",
    "logging",
    "login",
    "mac",
    "mac-address-table",
    "memory",
    "mls",
    "monitor",
    "mpls",
    "multicast-routing",
    "multilink",
    "nat64",
    "netconf",
    "netconf-yang",
    "ntp",
    "object-group",
    "parser",
    "pce",
    "platform",
    "policy-map",
    "port-channel",
    "prefix-set",
    "privilege",
    "rd",
    "rd-set",
    "redundancy",
    "restconf",
    "route-map",
    "route-policy",
    "route-target",
    "router",
    "rsvp",
    "scheduler",
    "sdm",
    "security",
    "segment-routing",
    "service",
    "snmp-server",
    "spanning-tree",
    "ssh",
    "standby",
    "subscriber",
    "system",
    "table-map",
    "tacacs",
    "tacacs-server",
    "taskgroup",
    "tcp",
    "telemetry",
    "telnet",
    "template",
    "tftp",
    "tftp-server",
    "time-range",
    "track",
    "transceiver",
    "udp",
    "usergroup",
    "username",
    "version",
    "vlan",
    "voice",
    "vtp",
    "xml",
    "zone",
];

/// The same of commands that begin like one of this language.
const SECOND_WORDS: &[(&str, &[&str])] = &[
    (
        "aaa",
        &[
            "attribute",
            "authentication",
            "authorization",
            "common-criteria",
            "default-taskgroup",
            "group",
            "local",
            "new-model",
            "password-policy",
            "session-id",
        ],
    ),
    (
        "ip",
        &[
            "address",
            "arp",
            "as-path",
            "bgp-community",
            "bootp",
            "cef",
            "classless",
            "community-list",
            "default-gateway",
            "default-network",
            "dhcp",
            "dns",
            "domain",
            "domain-lookup",
            "domain-name",
            "finger",
            "flow",
            "flow-export",
            "forward-protocol",
            "ftp",
            "gratuitous-arps",
            "host",
            "http",
            "icmp",
            "local",
            "multicast",
            "multicast-routing",
            "name-server",
            "nat",
            "nbar",
            "pim",
            "prefix-list",
            "radius",
            "rcmd",
            "route",
            "routing",
            "scp",
            "sla",
            "source-route",
            "ssh",
            "subnet-zero",
            "tacacs",
            "tcp",
            "tftp",
            "unreachables",
            "vrf",
        ],
    ),
    (
        "ipv4",
        &[
            "address",
            "assembler",
            "conflict-policy",
            "netmask-format",
            "prefix-list",
            "route",
            "source-route",
            "unnumbered",
            "unreachables",
            "virtual",
            "vrf",
        ],
    ),
    (
        "ipv6",
        &[
            "address",
            "cef",
            "dhcp",
            "enable",
            "general-prefix",
            "host",
            "icmp",
            "local",
            "multicast",
            "multicast-routing",
            "nat",
            "nd",
            "neighbor",
            "path-mtu",
            "prefix-list",
            "route",
            "router",
            "source-route",
            "tacacs",
            "unicast-routing",
            "virtual",
        ],
    ),
    ("radius", &["server"]),
];

/// How many words of a command, of which `words` are known to this language, say that it is about
/// the router itself; `None` when they do not.
pub(super) fn about_the_router(words: &[&str], known: usize) -> Option<usize> {
    let is = |word: &&str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    match (known, words) {
        (0, [first, ..]) => WORDS.iter().any(|word| is(word, first)).then_some(1),
        (1, [first, second, ..]) => {
            let (_, seconds) = SECOND_WORDS.iter().find(|(word, _)| is(word, first))?;
            seconds.iter().any(|word| is(word, second)).then_some(2)
        }
        _ => None,
    }
}

/// Whether a line is what a router's terminal says around a configuration: a date, a line about the
/// configuration, or the command that shows it.
pub(super) fn says_nothing(line: &Line) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    match line.texts()[..] {
        ["Building", "configuration..."] => true,
        ["Current", "configuration", ":", _, "bytes"] | ["[OK]"] => true,
        // What IOS XE answers to `configure terminal`.
        ["Enter", "configuration", "commands,", "one", "per", "line.", ..] => true,
        [day, _, _, time, _] if time.matches(':').count() == 2 => DAYS.contains(&day),
        _ => line.prompted && is_show(line),
    }
}

fn is_show(line: &Line) -> bool {
    let first = line.words.first().map(|word| word.text.to_ascii_lowercase());
    first.is_some_and(|word| word.len() > 1 && "show".starts_with(&word))
}

/// Whether the words are about the session and not about the configuration.
pub(super) fn is_session(words: &[&str]) -> bool {
    let is = |at: usize, word: &str| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word));
    let one = words.len() == 1;
    let begins = |at: usize, whole: &str| {
        let begins =
            |word: &&str| !word.is_empty() && whole.starts_with(&word.to_ascii_lowercase());
        words.get(at).is_none_or(begins)
    };
    let configure = is(0, "configure") || is(0, "configuration") || is(0, "conf");
    one && (is(0, "exit") || is(0, "end") || is(0, "root") || is(0, "enable"))
        || is(0, "commit")
        || configure && words.len() < 3 && begins(1, "terminal")
}

/// Whether the words ask a router to keep its configuration, which is what a commit does here.
pub(super) fn keeps(words: &[&str]) -> bool {
    let words: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["wr" | "write"] => true,
        ["wr" | "write", word] => word.len() > 2 && "memory".starts_with(word),
        ["copy", from, to] => {
            from.len() > 2
                && "running-config".starts_with(from)
                && to.len() > 2
                && "startup-config".starts_with(to)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_the_routers_by_its_first_or_its_first_two_words() {
        assert_eq!(about_the_router(&["hostname", "r1"], 0), Some(1));
        assert_eq!(about_the_router(&["IP", "Name-Server", "192.0.2.1"], 1), Some(2));
        assert_eq!(about_the_router(&["ip", "access-lst", "extended"], 1), None);
        assert_eq!(about_the_router(&["hostnme", "r1"], 0), None);
        assert_eq!(about_the_router(&["hostname"], 1), None);
    }

    #[test]
    fn what_keeps_a_routers_configuration_is_known_abbreviated() {
        for line in ["wr", "write", "wr mem", "write memory", "copy run start"] {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(keeps(&words), "{line}");
        }
        for line in ["write erase", "wr net", "copy run tftp://x", "memory"] {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(!keeps(&words), "{line}");
        }
    }
}
