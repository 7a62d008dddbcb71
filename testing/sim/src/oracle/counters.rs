//! The sums within the counter groups.

use kedge_lma::Lma;
use kedge_mag::Mag;
use kedge_telemetry::Group;

/// received = accepted + denied + discarded + pending, and every sum that a group says.
pub fn check_lma(lma: &Lma) {
    let groups = lma.statistics();
    let of = |group, counters: &[&str]| sum(&groups, group, counters);
    let all = |group| total(&groups, group);
    let received = "binding_updates_received";
    let pending = lma.pending() as u64;
    let handled = of(received, &["accepted", "denied", "discarded"]);
    assert_eq!(of(received, &["total"]), handled + pending, "updates received");
    let acks = "binding_acks_sent";
    assert_eq!(
        of(acks, &["total"]),
        of(acks, &["accepted_registration", "accepted_deregistration", "denied"])
    );
    assert_eq!(of(acks, &["denied"]), of(received, &["denied"]));
    assert_eq!(of(acks, &["total"]), of(received, &["accepted", "denied"]));
    assert_eq!(all("discard_reasons"), of(received, &["discarded"]), "discards");
    let classes = [
        "binding_updates_initial",
        "binding_updates_refresh",
        "binding_updates_deregistration",
        "binding_updates_handoff",
    ];
    let accepted: u64 = classes.iter().map(|class| of(class, &["accepted"])).sum();
    assert_eq!(accepted, of(received, &["accepted"]), "classes");
    for class in classes {
        assert!(of(class, &["received"]) >= of(class, &["accepted", "denied"]), "{class}");
    }
    let revocation = "binding_revocation";
    assert_eq!(all("revocation_triggers_sent"), of(revocation, &["sent"]));
    assert_eq!(all("revocation_ack_status"), of(revocation, &["acks_received"]));
    let discarded = "revocation_ack_discarded";
    assert_eq!(all(discarded), 2 * of(discarded, &["total"]));
}

/// How many bindings an anchor's machine says have ended.
pub fn ended(lma: &Lma) -> u64 {
    total(&lma.statistics(), "disconnects")
}

/// Updates sent, acknowledgements received, nodes attached.
pub fn check_mag(mag: &Mag, present: u64) {
    let groups = mag.statistics();
    let of = |group, counters: &[&str]| sum(&groups, group, counters);
    let sent = "mag_binding_updates_sent";
    let kinds = [
        "initial",
        "initial_retransmitted",
        "refresh",
        "refresh_retransmitted",
        "deregistration",
        "deregistration_retransmitted",
    ];
    assert_eq!(of(sent, &["total"]), of(sent, &kinds), "updates sent");
    let acks = "mag_binding_acknowledgements_received";
    assert_eq!(
        of(acks, &["total"]),
        of(acks, &["errors", "accepted", "denied"]),
        "acknowledgements"
    );
    let replies = ["initial_replies", "refresh_replies", "deregistration_replies"];
    assert_eq!(of(acks, &replies), of(acks, &["accepted", "denied"]));
    assert_eq!(total(&groups, "mag_denied_by_lma"), of(acks, &["denied"]));
    let access = "mag_access";
    assert_eq!(of(access, &["attached"]), of(access, &["detached"]) + present, "nodes");
}

fn group<'a>(groups: &'a [Group], key: &str) -> &'a Group {
    groups.iter().find(|group| group.key == key).expect("the group exists")
}

fn sum(groups: &[Group], key: &str, counters: &[&str]) -> u64 {
    let group = group(groups, key);
    let value = |counter: &&str| {
        let row = group.rows.iter().find(|row| row.key == *counter);
        row.unwrap_or_else(|| panic!("{key} has no {counter}")).value
    };
    counters.iter().map(value).sum()
}

fn total(groups: &[Group], key: &str) -> u64 {
    group(groups, key).rows.iter().map(|row| row.value).sum()
}
