//! What a stranger types wrong.

use std::fs;
use std::path::Path;

use crate::stage::{ANCHOR, Single, look, turn};

/// Every example of the vendors' documents that they do not print broken, and one that they do.
#[test]
fn the_vendors_examples_pass_the_check_as_files() {
    let _turn = turn();
    let stage = Single::set();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/config/tests/examples");
    let mut passed = 0;
    for file in fs::read_dir(folder).expect("the examples").map(|file| file.expect("a file")) {
        let text = fs::read_to_string(file.path()).expect("a text");
        let name = file.file_name().into_string().expect("a name");
        let file = stage.write(&name, &text);
        let ended = stage.run(&format!("$KEDGED --check --config {file}"));
        if ended.status == Some(0) {
            // Most show one feature and leave out the rest.
            let part = "but a part of a configuration: nothing starts from it alone";
            let verdicts = [String::new(), format!(", {part}")]
                .map(|rest| format!("{file}: no errors{rest}\n"));
            assert!(verdicts.contains(&ended.out), "{name}: {ended:?}");
            passed += 1;
        } else {
            let precise = ["incomplete command", "is missing before"];
            assert!(precise.iter().any(|what| ended.err.contains(what)), "{name}: {ended:?}");
        }
    }
    assert_eq!(passed, 27);
}

#[test]
fn a_mistake_is_shown_with_its_line_a_caret_under_the_word_and_what_is_allowed() {
    let _turn = turn();
    let stage = Single::set();
    let wrong = ANCHOR.replace("  service dual", "  service duel");
    let file = stage.write("wrong", &wrong);
    let ended = stage.run(&format!("$KEDGED --check --config {file}"));
    assert_eq!((ended.status, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    let lines: Vec<&str> = ended.err.lines().collect();
    let at = lines.iter().position(|l| l.starts_with(&format!("{file}:4:"))).expect("line 4");
    let shown = lines.iter().position(|l| l.contains("service duel")).expect("the line itself");
    assert!(at < shown, "{ended:?}");
    let caret = lines[shown + 1].find('^').expect("a caret below it");
    assert_eq!(lines[shown].find("duel"), Some(caret), "{ended:?}");
    for allowed in ["ipv4", "ipv6", "dual"] {
        assert!(ended.err.contains(allowed), "{allowed}: {ended:?}");
    }
}

#[test]
fn a_daemon_with_a_wrong_configuration_starts_nothing() {
    let _turn = turn();
    let stage = Single::set();
    let wrong = ANCHOR.replace("dynamic mag learning", "dynamic mag earning");
    stage.write("conf", &wrong);
    let before = look(&stage.host);
    let ended = stage.run("$RUN");
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.err.contains("nothing was started"), "{ended:?}");
    assert_eq!(look(&stage.host), before);
    assert!(!stage.file("sock").exists() && !stage.file("state").exists());
}

#[test]
fn what_reads_well_and_cannot_run_is_refused_in_one_line() {
    let _turn = turn();
    let stage = Single::set();
    let without = |line: &str| ANCHOR.replace(line, "");
    let no_address =
        without(" address ipv4 192.0.2.1\n").replace(" address ipv6 2001:db8:7::1\n", "");
    stage.refused(&no_address, "$RUN", &["lma1", "no address", "address ipv4 A"]);
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_option_that_chooses_another() {
    let _turn = turn();
    let stage = Single::set();
    let ended = stage.run("$KEDGED --check --config /nowhere/kedge.conf");
    assert_eq!(ended.status, Some(1));
    let said = "configuration /nowhere/kedge.conf: No such file or directory \
        (--config FILE chooses another)";
    assert!(ended.err.trim_end().ends_with(said), "{ended:?}");
}
