//! What the scenarios have to show together: every reason to refuse, everything that octets can
//! be wrong in, every counter.

use std::collections::BTreeSet;

use kedge_lma::{Denial, Lma, PeerCounters, Settings};
use kedge_scenario::{Seen, files, play};
use kedge_telemetry::Group;

/// Counters of what does not exist yet, zero until it does. A row leaves this list with the
/// scenario that moves it.
const STILL: &[&str] = &[
    // What RADIUS does not tell (RFC 6572), and the MN-AAA option of RFC 4285.
    "deny_admin_prohibited.invalid_mn_aaa_spi",
    "deny_admin_prohibited.mn_aaa_option_missing",
    "deny_unspecified.newer_session_aaa",
    "deny_unspecified.newer_session_pcrf",
    "deny_unspecified.newer_session_pcs",
    // Workers and their start.
    "deny_admin_prohibited.congestion_control_denied",
    "deny_insufficient_resources.no_session_manager",
    "deny_insufficient_resources.session_manager_rejected",
    "discard_reasons.manager_not_ready",
    "revocation_ack_discarded.manager_not_ready",
    // Home registrations (RFC 6275) and several care-of addresses (RFC 5648).
    "deny_reasons.dad_failed",
    "deny_reasons.mcoa_unknown_coa",
    "deny_reasons.not_home_subnet",
];

#[test]
fn every_denial_is_provoked() {
    let seen = everything();
    let missing: Vec<_> = Denial::ALL.iter().filter(|d| !seen.denials.contains(d)).collect();
    assert!(missing.is_empty(), "no scenario provokes {missing:?}");
}

#[test]
fn every_reason_to_discard_is_provoked() {
    let seen = everything();
    // Of an update that is superseded while it waits, nobody is told but its counter.
    let superseded = seen.counters.contains("discard_reasons.superseded");
    let is_shown =
        |name: &&&str| seen.discards.contains(**name) || **name == "superseded" && superseded;
    let missing: Vec<_> = Seen::DISCARDS.iter().filter(|name| !is_shown(name)).collect();
    assert!(missing.is_empty(), "no scenario provokes {missing:?}");
}

#[test]
fn every_fault_of_octets_is_provoked() {
    let seen = everything();
    let missing: Vec<_> = Seen::FAULTS.iter().filter(|f| !seen.faults.contains(*f)).collect();
    assert!(missing.is_empty(), "no scenario provokes {missing:?}");
}

#[test]
fn every_counter_of_the_anchor_is_moved_by_its_event() {
    let seen = everything();
    let mut groups = Lma::new(Settings::default(), 0).statistics();
    groups.push(Group::of(&PeerCounters::default()));
    let rows = groups.iter().flat_map(|group| group.rows.iter().map(move |row| (group, row)));
    let all: BTreeSet<String> =
        rows.map(|(group, row)| format!("{}.{}", group.key, row.key)).collect();
    let still: BTreeSet<String> = STILL.iter().map(|name| (*name).to_owned()).collect();
    let unmoved: BTreeSet<_> = all.difference(&seen.counters).cloned().collect();
    let missing: Vec<_> = unmoved.difference(&still).collect();
    assert!(missing.is_empty(), "no scenario moves {missing:#?}");
    let stale: Vec<_> = still.difference(&unmoved).collect();
    assert!(stale.is_empty(), "these move, or are none: {stale:#?}");
}

/// What all scenarios show.
fn everything() -> Seen {
    let mut seen = Seen::default();
    for file in files("lma").expect("the folder of the anchor's scenarios") {
        // One that fails is another test's failure.
        if let Ok(one) = play(&file) {
            seen.join(one);
        }
    }
    seen
}
