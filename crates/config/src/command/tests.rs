//! Lines of the terminal, and what becomes of them.

use super::*;
use crate::pipe::{Pattern, Pipe};

fn command(line: &str) -> Command {
    parse_command(line).unwrap_or_else(|error| panic!("{error}")).command
}

#[test]
fn commands_may_be_abbreviated_and_have_arguments() {
    let section = |words: &[&str]| {
        let section = words.iter().map(|word| (*word).to_owned()).collect();
        Command::ShowRunningConfig { section }
    };
    assert_eq!(command("sh run"), section(&[]));
    assert_eq!(command("sh run customer A"), section(&["customer", "A"]));
    assert_eq!(command("SHOW Version"), Command::ShowVersion);
    assert_eq!(command("show man"), Command::ShowManagementApi);
    let nai = "mn1@example.com".to_owned();
    assert_eq!(
        command("show ipv6 mobile pmipv6 lma binding nai mn1@example.com"),
        bindings(None, BindingFilter::Nai(nai), Extent::default())
    );
    for mag in ["mag1", "2001:db8::5", "192.0.2.5"] {
        let line = format!("show ipv6 mobile pmipv6 lma bindings mag {mag}");
        let filter = BindingFilter::Mag(mag.to_owned());
        let shown = bindings(None, filter.clone(), Extent::default());
        assert_eq!(command(&line), shown);
        let extent = Extent { detail: true, from: Some(1001) };
        let shown = bindings(None, filter.clone(), extent);
        assert_eq!(command(&format!("{line} detail from 1001")), shown);
        let line = format!("clear ipv6 mobile pmipv6 lma bindings mag {mag}");
        assert_eq!(command(&line), clear(None, filter));
    }
    let unnamed = Command::ShowLmaStatistics { name: None, customer: None };
    assert_eq!(command("show ipv6 mobile pmipv6 lma stat"), unnamed);
    assert_eq!(
        command("show ipv6 mobile pmipv6 lma stat mag mag1"),
        Command::ShowLmaPeerStatistics { mag: "mag1".to_owned(), customer: None }
    );
    assert_eq!(
        command("clear ipv6 mobile pmipv6 lma bindings all"),
        clear(None, BindingFilter::All)
    );
    assert_eq!(
        command("clear ipv6 mob pm lma bind nai @r"),
        clear(None, BindingFilter::Nai("@r".to_owned()))
    );
    assert_eq!(
        command("clear ipv6 mobile pmipv6 mag bindings all"),
        Command::ClearMagBindings { nai: None }
    );
    assert_eq!(
        command("clear ipv6 mob pm mag bind nai a@r"),
        Command::ClearMagBindings { nai: Some("a@r".to_owned()) }
    );
    assert_eq!(command("show lma-service statistics"), unnamed);
    assert_eq!(
        command("show mag-service stat name mag1"),
        Command::ShowMagStatistics { name: Some("mag1".to_owned()) }
    );
}

/// The routers' other spellings are read, and do not stand in the way of an abbreviation.
#[test]
fn what_the_routers_call_otherwise_is_read_and_what_is_not_supported_says_why() {
    let lma = "ipv6 mobile pmipv6 lma";
    for (one, other) in [
        (format!("show {lma} stats"), "show lma-service statistics".to_owned()),
        (format!("show {lma} stat customer C1"), format!("show {lma} statistics customer C1")),
        ("show ipv6 mobile pmipv6 mag stats".into(), "show mag-service statistics".into()),
        (format!("clear {lma} stats"), "clear lma-service statistics".to_owned()),
        ("clear ipv6 mobile pmipv6 mag stats".into(), "clear mag-service statistics".into()),
        (format!("show {lma} tunnel"), format!("show {lma} tunnels")),
        (format!("show {lma} heartbeat"), format!("show {lma} heartbeats")),
        (format!("clear {lma} binding nai a@r"), format!("clear {lma} bindings nai a@r")),
        ("show lma-service all".into(), format!("show {lma} globals")),
        ("show lma-service session".into(), format!("show {lma} bindings")),
    ] {
        assert_eq!(command(&one), command(&other), "{one}");
    }
    let imsi = BindingFilter::Imsi("001010123456789".to_owned());
    let line = format!("{lma} bindings imsi 001010123456789");
    assert_eq!(command(&format!("show {line}")), bindings(None, imsi.clone(), Extent::default()));
    assert_eq!(command(&format!("clear {line}")), clear(None, imsi));
    for line in [
        "show services ha statistics interface ge-0/0/0",
        "show services ha detail",
        "clear services ha statistics",
        "show lma-service name lma1",
        "debug ipv6 mobile lma events",
        "debug ipv6 mobile mag api",
        "debug ipv6 mobile packets",
    ] {
        assert!(matches!(command(line), Command::Unsupported(_)), "{line}");
    }
}

#[test]
fn pipes_follow_each_other_and_quotes_protect_them() {
    let request = parse_command(r#"show version | include "a | b" |count"#).unwrap();
    let pattern = |text: &str| Pattern::new(text).expect("an expression");
    assert_eq!(request.pipes, [Pipe::Include(pattern("a | b")), Pipe::Count]);
    let request = parse_command(r"show version | inc ^ *10\.1 up|exc (a)*! | no-more").unwrap();
    let pipes =
        [Pipe::Include(pattern(r"^ *10\.1 up")), Pipe::Exclude(pattern("(a)*!")), Pipe::NoMore];
    assert_eq!(request.pipes, pipes);
    assert_eq!(parse_command("show version|json").unwrap().pipes, [Pipe::Json]);
    // One of several, as it is written on routers.
    for (line, expression) in [
        ("show run | include pool|nai", "pool|nai"),
        ("show run | i ^ipv6|c|x", "^ipv6|c|x"),
        ("show run | section lma|count down", "lma|count down"),
    ] {
        let wanted = [Pipe::Include(pattern(expression)), Pipe::Section(pattern(expression))];
        let [read] = <[Pipe; 1]>::try_from(parse_command(line).unwrap().pipes).unwrap();
        assert!(wanted.contains(&read), "{line}: {read:?}");
    }
}

#[test]
fn a_mistake_behind_a_pipe_has_its_caret_there() {
    let error = parse_command("show version | jsn").unwrap_err();
    let expected = "unknown command 'jsn'\n    show version | jsn\n                   ^^^\n  \
                    did you mean 'json'?\n  \
                    commands here: json, include, exclude, begin, section, count, no-more\n";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn clearing_bindings_without_saying_which_is_incomplete() {
    let error = parse_command("clear ipv6 mobile pmipv6 lma bindings").unwrap_err();
    assert_eq!(
        error.to_string(),
        "incomplete command\n    \
         clear ipv6 mobile pmipv6 lma bindings\n                                          ^\n  \
         to come:\n    all       Every one\n    customer  Of one customer\n    \
         nai       Of one subscriber, or of a realm\n    \
         imsi      Of one subscriber, whose identifier is made of its IMSI\n    mag       Of one gateway\n"
    );
    assert!(parse_command("").is_err());
    assert!(parse_command("|").is_err());
    assert!(parse_command("show version |").is_err());
}

#[test]
fn completion_answers_with_words_and_their_help() {
    let words = |line: &str| -> Vec<String> {
        complete(line, &|_| Vec::new()).into_iter().map(|hint| hint.what).collect()
    };
    assert_eq!(words(""), ["show", "clear", "debug", "no", "undebug", "capture", "monitor"]);
    assert_eq!(words("sh"), ["show"]);
    assert_eq!(
        words("show "),
        [
            "running-config",
            "version",
            "management-api",
            "radius",
            "ipv6",
            "lma-service",
            "mag-service",
            "debug",
            "capture",
            "tech-support"
        ]
    );
    assert_eq!(
        words("show ipv6 mobile pmipv6 lma bindings "),
        ["customer", "nai", "imsi", "mag", "detail", "from", "<cr>", "|"]
    );
    let kinds = ["bindings", "globals", "heartbeats", "statistics", "tunnels", "events", "trace"];
    assert_eq!(words("show ipv6 mobile pmipv6 lma "), kinds);
    let at_gateway = [&kinds[..1], &["logical-mn"], &kinds[1..]].concat();
    assert_eq!(words("show ipv6 mobile pmipv6 mag "), at_gateway);
    assert_eq!(words("show ver"), ["version"]);
    assert_eq!(
        words("show version | "),
        ["json", "include", "exclude", "begin", "section", "count", "no-more"]
    );
    assert_eq!(words("show nothing "), [""; 0]);
}

#[test]
fn filters_stand_in_any_order_each_once_and_what_is_left_is_offered() {
    let all = "customer C1 nai a@r detail from 7";
    let filters = ["customer C1", "nai a@r", "detail", "from 7"];
    let show = "show ipv6 mobile pmipv6 lma bindings";
    let wanted = command(&format!("{show} {all}"));
    let orders = (0..4).flat_map(|a| (0..4).flat_map(move |b| (0..4).map(move |c| [a, b, c])));
    let orders: Vec<[usize; 3]> = orders.filter(|[a, b, c]| a != b && b != c && a != c).collect();
    assert_eq!(orders.len(), 24);
    for [a, b, c] in orders {
        let d = 6 - a - b - c;
        let order = [a, b, c, d].map(|place| filters[place]).join(" ");
        assert_eq!(command(&format!("{show} {order}")), wanted, "{order}");
    }
    for filter in filters {
        let error = parse_command(&format!("{show} {filter} {filter}")).expect_err(filter);
        let word = filter.split(' ').next().unwrap_or_default();
        assert_eq!(error.place.spot.column, show.len() + filter.len() + 3, "{error}");
        assert!(error.to_string().contains(&format!("'{word}' stands here again")), "{error}");
    }
    // The three ways to name nodes exclude each other.
    assert!(parse_command(&format!("{show} nai a@r detail mag m")).is_err());
    let words = |line: &str| -> Vec<String> {
        complete(line, &|_| Vec::new()).into_iter().map(|hint| hint.what).collect()
    };
    assert_eq!(
        words(&format!("{show} detail ")),
        ["customer", "nai", "imsi", "mag", "from", "<cr>", "|"]
    );
    assert_eq!(words(&format!("{show} from 7 imsi 001010123456789 d")), ["detail"]);
    for (one, other) in [
        ("monitor events since 3 nai a@r lma", "monitor events lma nai a@r since 3"),
        ("capture start limit 5 peer 192.0.2.1", "capture start peer 192.0.2.1 limit 5"),
        (
            "debug ipv6 mobile pmipv6 lma nai a@r customer C1",
            "debug ipv6 mobile pmipv6 lma customer C1 nai a@r",
        ),
        (
            "clear ipv6 mobile pmipv6 lma bindings mag m customer C1",
            "clear ipv6 mobile pmipv6 lma bindings customer C1 mag m",
        ),
        (
            "show ipv6 mobile pmipv6 lma trace nai a@r last 5 customer C1",
            "show ipv6 mobile pmipv6 lma trace nai a@r customer C1 last 5",
        ),
        (
            "clear lma-service statistics customer C1 name l",
            "clear lma-service statistics name l customer C1",
        ),
    ] {
        assert_eq!(command(one), command(other), "{one}");
    }
}

#[test]
fn every_word_of_the_tables_has_a_help() {
    fn walk(line: &str, depth: usize) {
        for hint in complete(line, &|_| Vec::new()) {
            assert!(!hint.help.is_empty(), "{line}{}", hint.what);
            if depth > 0 && !hint.placeholder && hint.what != "<cr>" {
                walk(&format!("{line}{} ", hint.what), depth - 1);
            }
        }
    }
    walk("", 9);
}

#[test]
fn an_expression_that_is_none_has_its_caret_below_it() {
    let error = parse_command("show version | include a(b | count").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("a regular expression: unclosed group"), "{text}");
    let caret = format!("    {}^^^", " ".repeat("show version | include ".len()));
    assert!(text.lines().any(|line| line == caret), "{text}");
    assert!(parse_command("show version | include").is_err());
    assert!(parse_command("show version | json x").is_err());
}

#[test]
fn what_is_watched_is_one_subscriber_or_one_peer() {
    let nai = || DebugTarget::Nai("a@r".to_owned());
    for (line, role, target, on) in [
        ("debug ipv6 mobile pmipv6 lma nai a@r", Role::Lma, nai(), true),
        ("no debug ipv6 mobile pmipv6 mag nai a@r", Role::Mag, nai(), false),
        ("undebug ipv6 mobile pmipv6 lma nai a@r", Role::Lma, nai(), false),
        (
            "debug ipv6 mob pm mag peer 2001:db8::1",
            Role::Mag,
            DebugTarget::Peer("2001:db8::1".parse().unwrap()),
            true,
        ),
        (
            "debug ipv6 mob pm lma peer 192.0.2.1",
            Role::Lma,
            DebugTarget::Peer("192.0.2.1".parse().unwrap()),
            true,
        ),
    ] {
        let target = Some(target);
        assert_eq!(command(line), Command::Debug { role, customer: None, target, on }, "{line}");
    }
    assert_eq!(command("undebug all"), Command::UndebugAll);
    assert_eq!(command("no debug all"), Command::UndebugAll);
    assert!(parse_command("debug ipv6 mobile pmipv6 lma").is_err(), "never everybody");
    let customer = || Some("C1".to_owned());
    assert_eq!(
        command("debug ipv6 mobile pmipv6 lma customer C1"),
        Command::Debug { role: Role::Lma, customer: customer(), target: None, on: true }
    );
    assert_eq!(
        command("capture start peer 192.0.2.1 file one limit 5"),
        Command::CaptureStart {
            customer: None,
            target: Some(DebugTarget::Peer("192.0.2.1".parse().unwrap())),
            file: Some("one".to_owned()),
            limit: Some(5),
        }
    );
    let all = Command::CaptureStart { customer: None, target: None, file: None, limit: None };
    assert_eq!(command("capture start"), all);
    assert!(parse_command("capture start limit 0").is_err());
}

#[test]
fn events_are_the_last_ones_one_subscribers_or_those_since() {
    assert_eq!(
        command("show ipv6 mobile pmipv6 lma events last 5"),
        Command::ShowEvents { role: Role::Lma, customer: None, nai: None, last: Some(5) }
    );
    assert_eq!(
        command("show ipv6 mobile pmipv6 mag trace nai a@r"),
        Command::ShowEvents {
            role: Role::Mag,
            customer: None,
            nai: Some("a@r".to_owned()),
            last: None
        }
    );
    assert_eq!(
        command("monitor bindings mag since 17"),
        Command::Monitor {
            role: Some(Role::Mag),
            customer: None,
            bindings: true,
            nai: None,
            since: Some(17)
        }
    );
    assert_eq!(
        command("mon ev"),
        Command::Monitor { role: None, customer: None, bindings: false, nai: None, since: None }
    );
}

fn bindings(customer: Option<&str>, filter: BindingFilter, extent: Extent) -> Command {
    Command::ShowLmaBindings { customer: customer.map(str::to_owned), filter, extent }
}

fn clear(customer: Option<&str>, filter: BindingFilter) -> Command {
    Command::ClearLmaBindings { customer: customer.map(str::to_owned), filter }
}

#[test]
fn everything_of_the_anchor_can_be_asked_of_one_customer() {
    let of = |line: &str| command(&format!("{line} customer C1"));
    let customer = || Some("C1".to_owned());
    let all = (BindingFilter::All, Extent::default());
    let show = |what: &str| of(&format!("show ipv6 mobile pmipv6 lma {what}"));
    assert_eq!(show("bindings"), bindings(Some("C1"), all.0.clone(), all.1));
    assert_eq!(show("globals"), Command::ShowLmaGlobals { customer: customer() });
    assert_eq!(show("heartbeats"), Command::ShowLmaHeartbeats { customer: customer() });
    assert_eq!(show("tunnels"), Command::ShowLmaTunnels { customer: customer() });
    let statistics = Command::ShowLmaStatistics { name: None, customer: customer() };
    assert_eq!(show("statistics"), statistics);
    assert_eq!(of("show lma-service statistics"), statistics);
    let mag = Command::ShowLmaPeerStatistics { mag: "m".to_owned(), customer: customer() };
    assert_eq!(show("statistics mag m"), mag);
    assert_eq!(of("clear ipv6 mobile pmipv6 lma bindings"), clear(Some("C1"), all.0));
    let cleared = Command::ClearLmaStatistics { name: None, customer: customer() };
    assert_eq!(of("clear lma-service statistics"), cleared);
    assert_eq!(
        command("show ipv6 mobile pmipv6 lma bindings customer C1 nai a@r detail"),
        bindings(
            Some("C1"),
            BindingFilter::Nai("a@r".to_owned()),
            Extent { detail: true, from: None }
        )
    );
    let global = Command::ShowLmaStatistics { name: None, customer: None };
    assert_eq!(command("show ipv6 mobile pmipv6 lma statistics global"), global);
    let license = Command::ShowLmaLicense { customer: customer() };
    assert_eq!(show("statistics license"), license);
    assert_eq!(of("show radius"), Command::ShowRadius { customer: customer() });
    assert_eq!(
        of("show radius accounting"),
        Command::ShowRadiusAccounting { customer: customer() }
    );
    let capture = Command::CaptureStart {
        customer: customer(),
        target: Some(DebugTarget::Nai("a@r".to_owned())),
        file: None,
        limit: Some(5),
    };
    assert_eq!(command("capture start customer C1 nai a@r limit 5"), capture);
    let of_customer = |command: Command| match command {
        Command::ShowEvents { customer, .. }
        | Command::Monitor { customer, .. }
        | Command::Debug { customer, .. } => customer,
        _ => None,
    };
    for line in [
        "show ipv6 mobile pmipv6 lma events customer C1",
        "show ipv6 mobile pmipv6 lma trace nai a@r customer C1",
        "monitor bindings customer C1",
        "monitor events lma customer C1 nai a@r",
        "debug ipv6 mobile pmipv6 lma customer C1 nai a@r",
        "no debug ipv6 mobile pmipv6 lma customer C1 peer 192.0.2.1",
    ] {
        assert_eq!(of_customer(command(line)), customer(), "{line}");
    }
}
