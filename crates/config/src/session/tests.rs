//! Commands about sessions, as they are typed.

use super::*;

fn inside(line: &str) -> SessionCommand {
    parse_session_command(line, true).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_session_is_entered_and_left_as_on_a_router() {
    let enter = |line| parse_session_command(line, false).unwrap();
    assert_eq!(enter("conf t"), SessionCommand::Configure { exclusive: false });
    assert_eq!(enter("configuration terminal"), enter("configure terminal"));
    assert_eq!(enter("enable"), SessionCommand::Enable);
    assert!(parse_session_command("configurationx", false).is_err());
    assert_eq!(enter("configure"), SessionCommand::Configure { exclusive: false });
    assert_eq!(enter("configure exclusive"), SessionCommand::Configure { exclusive: true });
    assert!(parse_session_command("commit", false).is_err());
    assert_eq!(inside("end"), SessionCommand::End);
    assert_eq!(inside("ex"), SessionCommand::Exit);
    assert_eq!(inside("abort"), SessionCommand::Abort);
    assert_eq!(inside("clear"), SessionCommand::Clear);
    assert_eq!(inside("pwd"), SessionCommand::Where);
}

#[test]
fn commits_are_final_checked_or_to_be_confirmed() {
    let commit = |how, comment: Option<&str>| SessionCommand::Commit {
        how,
        comment: comment.map(str::to_owned),
    };
    assert_eq!(inside("commit"), commit(CommitKind::Final, None));
    assert_eq!(inside("comm check"), commit(CommitKind::Check, None));
    let confirmed = CommitKind::Confirmed { minutes: 5 };
    assert_eq!(inside("commit confirmed 5"), commit(confirmed, None));
    let why = r#"commit confirmed 5 comment "more pools""#;
    assert_eq!(inside(why), commit(confirmed, Some("more pools")));
    assert_eq!(inside("commit comment x"), commit(CommitKind::Final, Some("x")));
    assert_eq!(inside("commit comment x y  z"), commit(CommitKind::Final, Some("x y z")));
    assert!(parse_session_command("commit confirmed 0", true).is_err());
}

#[test]
fn history_is_shown_and_returned_to() {
    assert_eq!(inside("show configuration"), SessionCommand::ShowChanges);
    assert_eq!(inside("show conf merge"), SessionCommand::ShowCandidate);
    assert_eq!(inside("show configuration commit list"), SessionCommand::ShowCommits);
    for (line, which) in [
        ("show configuration commit changes 3", Which::One(3)),
        ("show configuration commit changes since 3", Which::Since(3)),
        ("sh conf com ch l 3", Which::Last(3)),
    ] {
        assert_eq!(inside(line), SessionCommand::ShowCommitChanges(which), "{line}");
        let outside = parse_session_command(line, false).unwrap();
        assert_eq!(outside, SessionCommand::ShowCommitChanges(which), "{line}");
    }
    assert!(parse_session_command("show configuration commit changes last 0", true).is_err());
    assert!(parse_session_command("show configuration commit changes last", true).is_err());
    assert_eq!(inside("rollback configuration to 3"), SessionCommand::Rollback(3));
    assert_eq!(inside("rollback configuration 3"), SessionCommand::Rollback(3));
    assert_eq!(inside("rollback configuration last 2"), SessionCommand::RollbackLast(2));
}

#[test]
fn sessions_are_shown_and_ended_within_and_outside() {
    for is_inside in [false, true] {
        let read = |line| parse_session_command(line, is_inside).unwrap();
        assert_eq!(read("sh conf sess"), SessionCommand::ShowSessions);
        assert_eq!(read("clear conf sess 7"), SessionCommand::ClearSession(7));
        assert!(parse_session_command("clear configuration sessions", is_inside).is_err());
    }
    assert_eq!(inside("clear"), SessionCommand::Clear);
}

#[test]
fn texts_are_loaded_in_addition_or_instead() {
    let load = |file: &str, replace| SessionCommand::Load { file: file.to_owned(), replace };
    assert_eq!(inside("load site.conf"), load("site.conf", false));
    assert_eq!(inside("load terminal merge"), load("terminal", false));
    assert_eq!(inside("load /tmp/x replace"), load("/tmp/x", true));
    assert_eq!(inside("save /tmp/x"), SessionCommand::Save);
}

#[test]
fn every_word_has_a_help() {
    for (line, within) in [("", true), ("commit ", true), ("show ", true), ("", false)] {
        for hint in complete_session(line, within) {
            assert!(!hint.help.is_empty(), "{line}{}", hint.what);
        }
    }
}

#[test]
fn what_negates_stands_first_and_only_the_configurations_commands_follow_it() {
    let words = |line: &str| {
        complete_session(line, true).into_iter().map(|hint| hint.what).collect::<Vec<_>>()
    };
    for form in ["no", "default", "do"] {
        assert!(words("").contains(&form.to_owned()), "{form}");
        assert!(words(&format!("{form} ")).is_empty(), "{form}");
    }
    assert_eq!(words("d"), ["default", "do"]);
    assert!(!complete_session("", false).iter().any(|hint| hint.what == "no"));
}

#[test]
fn what_keeps_a_routers_configuration_has_a_meaning_outside_of_a_session() {
    for line in ["write", "wr mem", "copy running-config startup-config", "copy run start"] {
        let read = parse_session_command(line, false);
        assert_eq!(read.unwrap_or_else(|error| panic!("{error}")), SessionCommand::Keep, "{line}");
        assert!(parse_session_command(line, true).is_err(), "{line}");
    }
}

#[test]
fn a_line_of_the_configuration_is_told_by_its_first_word() {
    for line in [
        "commit",
        "comm check",
        "e",
        "ex",
        "end",
        "show conf",
        "sh",
        "do show version",
        "d",
        "n",
        "pwd",
        "load f",
        "save f",
        "rollback conf 1",
        "abort",
        "clear",
    ] {
        assert!(may_be_about_session(line), "{line}");
    }
    for line in [
        "no customer C1",
        "default bce lifetime",
        "customer C1 vrf V1",
        "nai @x",
        "vrf V1",
        "network N",
        "auth-option spi 1 key ascii k",
        "exitt",
        "commits",
    ] {
        assert!(!may_be_about_session(line), "{line}");
        assert!(parse_session_command(line, true).is_err(), "{line}");
    }
}
