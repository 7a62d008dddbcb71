//! A scenario that says something wrong, or leaves something out, fails at the line where it does.

use kedge_scenario::play_text;

fn fails(text: &str) -> String {
    play_text("lma", text).expect_err("a scenario that is wrong fails")
}

#[test]
fn a_scenario_begins_with_the_rule_it_shows() {
    assert_eq!(
        fails("mag1 sends PBU\n"),
        "1: begins with no comment that says which rule it shows"
    );
}

#[test]
fn a_scenario_that_asserts_nothing_fails() {
    assert_eq!(fails("# A rule.\ngiven lifetime 100\nwait 1s\n"), "1: asserts nothing");
}

#[test]
fn a_message_that_nobody_has_named_fails_the_next_sentence() {
    let why = fails("# A rule.\nmag1 sends PBU\nwait 1s\nanchor holds 1 binding\n");
    assert!(why.starts_with("3: it also sent to [2001:db8:1::1]:0: PBA status 0"), "{why}");
}

#[test]
fn a_message_that_nobody_has_named_fails_the_end() {
    let why = fails("# A rule.\nmag1 sends PBU\nanchor holds 1 binding\n");
    assert!(why.starts_with("3: it also sent"), "{why}");
}

#[test]
fn a_refusal_that_nobody_has_named_fails() {
    let why = fails("# A rule.\nmag1 sends PBU checksum wrong\nanchor holds 0 bindings\nwait 1s\n");
    assert_eq!(why, "4: it refused the message before: discarded: checksum is wrong");
}

#[test]
fn an_answer_with_another_status_fails() {
    let why = fails("# A rule.\nmag1 sends PBU\nanchor answers 1\n");
    assert!(why.starts_with("3: status is not 1 in: status 0"), "{why}");
}

#[test]
fn a_denial_for_another_reason_fails() {
    let why = fails("# A rule.\nmag1 sends PBU no att\nanchor denies with 162: no such thing\n");
    let is = "denies with 162: no access technology type option";
    assert_eq!(why, format!("3: it did not deny that, but: {is}"));
}

#[test]
fn a_field_with_another_value_or_one_too_many_fails() {
    for said in ["hnp 2001:db8:100:9::/64", "hnp any hnp any", "no hnp", "ipv4 any"] {
        let why = fails(&format!("# A rule.\nmag1 sends PBU\nanchor answers 0 {said}\n"));
        assert!(why.contains(", in: status 0"), "{said}: {why}");
    }
}

#[test]
fn an_answer_to_somebody_else_fails() {
    let why = fails("# A rule.\nmag1 sends PBU\nanchor sends PBA to mag2\n");
    assert!(why.starts_with("3: it sent this to [2001:db8:1::1]:0: PBA"), "{why}");
}

#[test]
fn a_counter_that_moved_and_is_not_named_fails() {
    let moved = "binding_updates_received total +1, discarded +1";
    let reason = "discard_reasons checksum +1";
    let told = |counters: &str| {
        let dropped = "mag1 sends PBU checksum wrong\nanchor discards: checksum is wrong\n";
        play_text("lma", &format!("# A rule.\n{dropped}counters\n{counters}\n"))
    };
    assert!(told(&format!("  {moved}\n  {reason}")).is_ok());
    for wrong in [
        format!("  {moved}"),
        format!("  {reason}"),
        format!("  {moved}\n  {reason}\n  deny_reasons unspecified +1"),
        format!("  {moved}\n  discard_reasons checksum +2"),
    ] {
        let why = told(&wrong).expect_err("the counters are others");
        assert!(why.starts_with("4: the counters that moved are these:"), "{why}");
    }
}

#[test]
fn words_that_mean_nothing_fail() {
    for (text, why) in [
        ("# A rule.\nmag1 sings\n", "2: “sings” is not understood"),
        ("# A rule.\nmag9 sends PBU\n", "2: there is no station “mag9”"),
        ("# A rule.\ngiven patience\n", "2: there is no setting “patience”"),
        ("# A rule.\nmag1 sends PBU colour red\n", "2: there is no field “colour”"),
        ("# A rule.\n  mag1 sends PBU\n", "2: goes on with no sentence"),
        ("# A rule.\nanchor says nothing at all\n", "2: “at all” is not understood"),
    ] {
        assert_eq!(fails(text), why);
    }
}
