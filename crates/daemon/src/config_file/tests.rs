//! What a start refuses for what the text says, `--check` refuses, and the reverse.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::apply::ApplyError;

const LMA: &str = "ipv6 mobile pmipv6-lma LMA domain D\n";
const MAG: &str = "ipv6 mobile pmipv6-mag MAG domain D\n address ipv4 192.0.2.11\n";
const RUNS: &str = "ipv6 mobile pmipv6-lma LMA domain D\n address ipv4 192.0.2.1\n!\n";

/// A service of two customers, in these routing worlds and reached at these addresses.
fn customers(vrfs: &str, one: &str, two: &str) -> String {
    format!(
        "{vrfs}{LMA} mobility-service mobile-local-loop\n  customer A vrf VA\n   transport\n{one}   \
         !\n  !\n  customer B vrf VB\n   transport\n{two}   !\n  !\n !\n!\n"
    )
}

/// A text for each reason, and whether it may be a part of a configuration.
fn unfit() -> Vec<(&'static str, String, bool)> {
    let [va, vb] = [("VA", "netns a"), ("VB", "netns b")]
        .map(|(name, place)| format!("vrf {name}\n {place}\n!\n"));
    let both = format!("{va}{vb}");
    let [first, second] = ["    address ipv4 192.0.2.1\n", "    address ipv4 192.0.2.2\n"];
    let server = |lines: &str| format!("{RUNS}radius-server host 192.0.2.9\n{lines}!\n");
    let tls = " tls\n  ca-file a\n  certificate b\n  private-key c\n";
    let port = |port: u16| {
        format!(
            "{RUNS}aaa server radius dynamic-author\n client 192.0.2.9 server-key k\n port {port}\n!\n"
        )
    };
    let lines = |text: String| format!("{LMA}{text}");
    let many = (0..=kedge_dataplane::MOST_PLACES)
        .map(|n| format!(" address ipv4 10.{}.{}.{}\n", 1 + (n >> 16), (n >> 8) & 255, n & 255));
    vec![
        ("NoAddress", LMA.to_owned(), true),
        ("NoAddress", customers(&both, first, ""), true),
        ("NoAnchor", MAG.to_owned(), true),
        ("NowhereAnchor", format!("{MAG} lma LMA D\n"), true),
        ("NoWorld", customers(&va, first, second), true),
        ("NoWorld", customers(&format!("{va}vrf VB\n!\n"), first, second), true),
        ("NoAccessList", format!("{LMA} address ipv4 192.0.2.1\n tunnel acl L\n"), true),
        (
            "NoPool",
            format!("{LMA} address ipv4 192.0.2.1\n network N\n  pool ipv4 P pfxlen 24\n"),
            true,
        ),
        ("UnreachableAnchor", format!("{MAG} lma LMA D\n  ipv6-address 2001:db8::1\n"), false),
        (
            "SharedAddress",
            format!("{RUNS}{MAG} lma LMA D\n  ipv4-address 192.0.2.2\n").replace(".11", ".1"),
            false,
        ),
        ("NoNamespace", customers(&both.replace("netns b", "netns ../b"), first, second), false),
        (
            "TwoWorlds",
            customers(&both.replace("netns b", "netns b\n device b"), first, second),
            false,
        ),
        ("TakenWorld", customers(&both.replace("netns b", "netns a"), first, second), false),
        (
            "TakenAddress",
            customers(&format!("{both}vrf T1\n netns t\n!\nvrf T2\n netns t\n!\n"), first, first)
                .replacen("transport\n", "transport vrf T1\n", 1)
                .replacen("transport\n", "transport vrf T2\n", 1),
            false,
        ),
        (
            "SeveralTransports",
            format!(
                "{va}{MAG} lma L1 D\n  ipv4-address 192.0.2.1\n lma L2 D\n  ipv4-address \
                 192.0.2.2\n  vrf id VA\n"
            ),
            false,
        ),
        (
            "AddressOutsideVrf",
            customers(&format!("{both}vrf VC\n device c\n!\n"), first, first).replacen(
                "transport\n",
                "transport vrf VC\n",
                1,
            ),
            false,
        ),
        ("OpenManagement", format!("{RUNS}management-api\n listen 192.0.2.1 port 1\n!\n"), false),
        ("UnfitServer", server(""), false),
        ("UnfitServer", server(" tls\n  ca-file a\n"), false),
        ("NoServerName", server(&format!("{tls}  server-name a/b\n")), false),
        ("TakenPort", port(5436), false),
        ("TakenPort", port(5437), false),
        ("NoGroup", format!("{RUNS}aaa accounting mobile default group NONE\n"), false),
        ("TooMany", lines(many.collect()), false),
    ]
}

/// A reason more is a line more above.
fn name(fault: &ApplyError) -> &'static str {
    match fault {
        ApplyError::NoAddress { .. } => "NoAddress",
        ApplyError::NoAnchor { .. } => "NoAnchor",
        ApplyError::NowhereAnchor { .. } => "NowhereAnchor",
        ApplyError::NoWorld { .. } => "NoWorld",
        ApplyError::NoPool { .. } => "NoPool",
        ApplyError::NoAccessList { .. } => "NoAccessList",
        ApplyError::UnreachableAnchor { .. } => "UnreachableAnchor",
        ApplyError::SharedAddress { .. } => "SharedAddress",
        ApplyError::NoNamespace { .. } => "NoNamespace",
        ApplyError::TwoWorlds { .. } => "TwoWorlds",
        ApplyError::TakenWorld { .. } => "TakenWorld",
        ApplyError::TakenAddress { .. } => "TakenAddress",
        ApplyError::SeveralTransports { .. } => "SeveralTransports",
        ApplyError::AddressOutsideVrf { .. } => "AddressOutsideVrf",
        ApplyError::OpenManagement { .. } => "OpenManagement",
        ApplyError::UnfitServer { .. } => "UnfitServer",
        ApplyError::NoServerName { .. } => "NoServerName",
        ApplyError::TakenPort { .. } => "TakenPort",
        ApplyError::NoGroup { .. } => "NoGroup",
        ApplyError::TooMany { .. } => "TooMany",
        // `numbers` tests it: it takes a daemon that has had that many.
        ApplyError::TooManyCustomers => "",
    }
}

/// The verdict of a check, and what a start says.
fn both(text: &str) -> (Result<String, StartError>, Result<(Config, String), StartError>) {
    let directory = tempfile::tempdir().expect("a directory");
    let file: PathBuf = directory.path().join("kedge.conf");
    fs::write(&file, text).expect("a file");
    (check(&file), read(&file))
}

fn faults(refused: &StartError) -> &[ApplyError] {
    match refused {
        StartError::Unfit { cause, .. } => &cause.0,
        other => panic!("{other}"),
    }
}

#[test]
fn what_a_start_refuses_for_what_the_text_says_the_check_refuses_or_calls_a_part() {
    let mut seen = BTreeSet::new();
    for (reason, text, is_part) in unfit() {
        let (checked, started) = both(&text);
        let refused = started.map(drop).expect_err(reason);
        let found: Vec<&str> = faults(&refused).iter().map(name).collect();
        assert_eq!(found, [reason], "{refused}");
        match checked {
            Ok(verdict) => {
                assert!(is_part, "{reason}: {verdict}");
                assert!(verdict.ends_with("nothing starts from it alone"), "{verdict}");
            }
            Err(also) => {
                assert!(!is_part, "{also}");
                assert_eq!(also.to_string(), refused.to_string());
            }
        }
        seen.extend(found);
    }
    assert_eq!(seen.len(), 20, "each reason has a text: {seen:?}");
}

#[test]
fn what_runs_is_accepted_by_both() {
    let (checked, started) = both(RUNS);
    assert!(checked.expect("it runs").ends_with(": no errors"));
    started.expect("it runs");
}

#[test]
fn a_part_that_is_wrong_in_itself_is_no_part() {
    let text = format!("{LMA}management-api\n listen 192.0.2.1 port 1\n!\n");
    let (checked, started) = both(&text);
    let [checked, started] = [checked.map(drop), started.map(drop)].map(|refused| {
        let refused = refused.expect_err("it does not run");
        faults(&refused).iter().map(name).collect::<Vec<_>>()
    });
    assert_eq!(checked, ["NoAddress", "OpenManagement"]);
    assert_eq!(started, checked);
}

#[test]
fn the_vendors_examples_are_accepted_and_a_start_names_what_each_leaves_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tests/examples");
    let (mut whole, mut parts) = (0, 0);
    for file in fs::read_dir(folder).expect("the examples").map(|file| file.expect("a file")) {
        let (file, name) = (file.path(), file.file_name());
        let (verdict, started) = match check(&file) {
            // Printed without a word: crates/config/tests/broken says which.
            Err(StartError::Mistakes { .. }) => continue,
            checked => (checked.unwrap_or_else(|error| panic!("{error}")), read(&file)),
        };
        match started {
            Ok(_) => {
                assert!(verdict.ends_with(": no errors"), "{name:?}: {verdict}");
                whole += 1;
            }
            Err(refused) => {
                assert!(verdict.ends_with("nothing starts from it alone"), "{name:?}: {verdict}");
                assert!(faults(&refused).iter().all(ApplyError::is_absence), "{refused}");
                parts += 1;
            }
        }
    }
    assert_eq!((whole, parts), (10, 17));
}
