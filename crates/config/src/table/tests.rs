//! A walk over every row: it has help, its default can be read, it can be written in every form
//! its syntax allows, and each form changes the configuration and survives being written back.

use std::collections::BTreeSet;

use kedge_grammar::{Part, Value};

use super::*;
use crate::{Config, ConfigFault, parse, render};

/// A block with the lines that open it, and lines it needs to be free of errors.
struct Mode {
    block: &'static Block<Key>,
    text: String,
}

#[test]
fn every_row_and_every_word_has_a_help_and_a_source() {
    fn check(parts: &[Part], row: &str) {
        for part in parts {
            match part {
                Part::Word { .. } => {}
                Part::Flag { word, help } => assert!(!help.is_empty(), "{row}: {word}"),
                Part::Arg { value: Value::Keyword(words), .. } => {
                    words
                        .iter()
                        .for_each(|(word, help)| assert!(!help.is_empty(), "{row}: {word}"));
                }
                Part::Arg { .. } => {}
                Part::Optional(inner) => check(inner, row),
                Part::OneOf(choices) | Part::AnyOrder(choices) => {
                    choices.iter().for_each(|parts| check(parts, row));
                }
            }
        }
    }
    for_each_mode(&mut |mode| {
        assert!(mode.block.help.ends_with('.'), "{}", mode.block.name);
        for row in mode.block.rows {
            let name = format!("{}: {}", mode.block.name, row.name());
            assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{name}");
            assert!(!row.source.is_empty(), "{name}");
            check(row.syntax, &name);
        }
    });
}

/// In JSON a block's commands and the arguments of the line that opens it are members of one
/// object, and a block has one place in the schema.
#[test]
fn members_of_json_objects_have_names_of_their_own() {
    let schema = crate::json_schema();
    let mut opened: Vec<(&str, BTreeSet<String>)> = Vec::new();
    for_each_mode(&mut |mode| {
        let mut written: Vec<Key> = Vec::new();
        for row in mode.block.rows.iter().filter(|row| !row.also) {
            assert!(!written.contains(&row.key), "{}: {}", mode.block.name, row.name());
            written.push(row.key);
            let Some(body) = row.body else { continue };
            let mut arguments = BTreeSet::new();
            argument_names(row.syntax, &mut arguments);
            let other = opened.iter().find(|(name, _)| *name == body.name);
            assert!(other.is_none_or(|(_, known)| *known == arguments), "{}", body.name);
            opened.push((body.name, arguments));
        }
        let object = match mode.block.name {
            "global" => &schema,
            name => &schema["$defs"][name],
        };
        let members = object["properties"].as_object().map_or(0, |members| members.len());
        let arguments = opened.iter().find(|(name, _)| *name == mode.block.name);
        let arguments = arguments.map_or(0, |(_, arguments)| arguments.len());
        assert_eq!(members, written.len() + arguments, "{}", mode.block.name);
    });
}

fn argument_names(parts: &[Part], names: &mut BTreeSet<String>) {
    for part in parts {
        match part {
            Part::Word { .. } | Part::Arg { value: Value::InterfaceNumber, .. } => {}
            Part::Flag { word: name, .. } | Part::Arg { name, .. } => {
                names.insert(name.to_lowercase());
            }
            Part::Optional(parts) => argument_names(parts, names),
            Part::OneOf(choices) | Part::AnyOrder(choices) => {
                choices.iter().for_each(|p| argument_names(p, names));
            }
        }
    }
}

/// Help is looked up by what is typed, so two rows must not give one word two meanings.
#[test]
fn words_that_rows_share_have_one_help() {
    for_each_mode(&mut |mode| {
        let mut seen: Vec<(String, &str)> = Vec::new();
        for row in mode.block.rows {
            let mut typed = String::new();
            for part in row.syntax {
                let Part::Word { word, help } = part else { break };
                typed = format!("{typed} {word}");
                if help.is_empty() {
                    continue;
                }
                match seen.iter().find(|(known, _)| *known == typed) {
                    Some((_, known)) => assert_eq!(known, help, "{}:{typed}", mode.block.name),
                    None => seen.push((typed.clone(), help)),
                }
            }
        }
    });
}

#[test]
fn every_form_of_every_command_is_consumed() {
    let mut forms = 0;
    for_each_mode(&mut |mode| {
        let before = config_of(&mode.text);
        for row in mode.block.rows {
            let mut accepted = 0;
            for form in variants(row.syntax) {
                let line = if row.on_by_default { format!("no {form}") } else { form };
                let text = format!("{}{line}\n{}", mode.text, row.body.map_or("", needs));
                forms += 1;
                match parse(&text, "sample") {
                    Ok((config, _)) => {
                        accepted += 1;
                        let is_default = row
                            .default
                            .is_some_and(|default| line.ends_with(default) || line == row.name());
                        assert!(config != before || is_default, "{text}");
                        assert_eq!(parse(&render(&config), "back").unwrap().0, config, "{text}");
                    }
                    // The extremes of two ordered settings exclude each other.
                    Err(errors) => {
                        let order =
                            |fault: &ConfigFault| matches!(fault, ConfigFault::Order { .. });
                        assert!(errors.iter().all(|error| order(&error.fault)), "{}", errors[0]);
                    }
                }
            }
            assert!(accepted > 0, "{}: {}", mode.block.name, row.name());
        }
    });
    assert!(forms > 400, "{forms}");
}

#[test]
fn no_takes_every_command_away_again() {
    for_each_mode(&mut |mode| {
        let before = config_of(&mode.text);
        for row in mode.block.rows.iter().filter(|row| !row.on_by_default) {
            let Some(form) = variants(row.syntax).pop() else { continue };
            let text = format!("{}{form}\nno {form}\n", mode.text);
            let needed = [Key::Ipv4Address, Key::Ipv6Address, Key::InterfaceNai];
            if row.body.is_none() && !needed.contains(&row.key) {
                assert_eq!(config_of(&text), before, "{text}");
                let name = match form.split_once(' ') {
                    Some((first, _)) if row.name().contains('|') => first.to_owned(),
                    _ => row.name(),
                };
                let text = format!("{}{form}\nno {name}\n", mode.text);
                assert_eq!(config_of(&text), before, "{text}");
            }
        }
    });
}

#[test]
fn the_domains_default_window_is_that_of_a_service_without_a_domain() {
    let config = config_of("ipv6 mobile pmipv6-domain d\n");
    let window = config.domains[0].replay_window;
    assert_eq!(window, crate::DomainConfig::DEFAULT_REPLAY_WINDOW);
}

#[test]
fn an_anchor_may_require_timestamps_whatever_its_window() {
    let anchor = "ipv6 mobile pmipv6-lma l domain d\n";
    assert!(!config_of(anchor).lma.unwrap().timestamp_required);
    let text = format!(
        "{anchor} replay-protection timestamp window ignore\n replay-protection timestamp required\n"
    );
    let lma = config_of(&text).lma.unwrap();
    assert!(lma.timestamp_required && lma.replay_window == Some(crate::ReplayWindow::Ignore));
}

#[test]
fn forced_udp_is_accepted_until_it_is_said_otherwise() {
    let anchor = "ipv6 mobile pmipv6-lma l domain d\n";
    assert!(config_of(anchor).lma.unwrap().accept_forced_udp);
    let text = format!("{anchor} no accept forced-udp-encapsulation\n");
    assert!(!config_of(&text).lma.unwrap().accept_forced_udp);
}

#[test]
fn a_gateway_says_the_time_unless_it_is_to_number_its_updates_alone() {
    let gateway = "ipv6 mobile pmipv6-mag g domain d\n";
    assert!(!config_of(gateway).mag.unwrap().updates_by_sequence);
    let text = format!("{gateway} replay-protection sequence\n");
    assert!(config_of(&text).mag.unwrap().updates_by_sequence);
}

fn config_of(text: &str) -> Config {
    parse(text, "sample").unwrap_or_else(|errors| panic!("{}", errors[0])).0
}

fn for_each_mode(visit: &mut dyn FnMut(&Mode)) {
    visit_mode(&Mode { block: &GLOBAL, text: String::new() }, visit);
}

fn visit_mode(mode: &Mode, visit: &mut dyn FnMut(&Mode)) {
    visit(mode);
    for row in mode.block.rows {
        let Some(block) = row.body else { continue };
        let line = variants(row.syntax).swap_remove(0);
        let text = format!("{}{line}\n{}", mode.text, needs(block));
        visit_mode(&Mode { block, text }, visit);
    }
}

/// Lines that a mode needs to be free of errors.
fn needs(block: &'static Block<Key>) -> &'static str {
    match block.name {
        "pmipv6-lma-mag" | "pmipv6-mag-lma" => "ipv4-address 192.0.2.9\nipv6-address 2001:db8::9\n",
        "pmipv6-mag-interface" => "nai needed@example.net\n",
        _ => "",
    }
}

/// Lines that cover the syntax: every choice, every option with and without, the ends of every
/// range.
fn variants(parts: &[Part]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts {
        let choices: Vec<String> = match part {
            Part::Word { word, .. } | Part::Flag { word, .. } => vec![(*word).to_owned()],
            Part::Arg { value, .. } => samples(value),
            Part::Optional(inner) => {
                std::iter::once(String::new()).chain(variants(inner)).collect()
            }
            Part::OneOf(choices) => choices.iter().flat_map(|parts| variants(parts)).collect(),
            Part::AnyOrder(each) => std::iter::once(String::new())
                .chain(each.iter().flat_map(|parts| variants(parts)))
                .collect(),
        };
        // One line for each choice of this part, and the first choice of the others.
        let first = lines[0].clone();
        let mut next: Vec<String> = lines.iter().map(|line| join(line, &choices[0])).collect();
        next.extend(choices[1..].iter().map(|choice| join(&first, choice)));
        lines = next;
    }
    lines
}

fn join(line: &str, more: &str) -> String {
    match (line, more) {
        ("", more) => more.to_owned(),
        (line, "") => line.to_owned(),
        (line, more) => format!("{line} {more}"),
    }
}

fn samples(value: &Value) -> Vec<String> {
    let texts: &[&str] = match value {
        Value::Integer { min, max, .. } => return vec![max.to_string(), min.to_string()],
        Value::Name { max } | Value::Known { max, .. } => {
            return vec!["name".to_owned(), "n".repeat(*max)];
        }
        Value::Keyword(words) => return words.iter().map(|(word, _)| (*word).to_owned()).collect(),
        Value::Spelled(words) => {
            return words.iter().map(|(word, ..)| (*word).to_owned()).collect();
        }
        Value::Hex32 => &["87E", "1", "ffffffff"],
        Value::Ipv4 => &["198.51.100.7"],
        Value::Ipv6 => &["2001:db8:51::7"],
        Value::Ipv4Prefix => &["198.51.100.0/24", "198.51.100.7/32"],
        Value::Ipv6Prefix => &["2001:db8:51::/48", "2001:db8:51::7/128"],
        Value::Named(names) => {
            let ends = [names.first(), names.last()].into_iter().flatten();
            return ends.map(|(name, ..)| (*name).to_owned()).collect();
        }
        Value::Line { .. } => &["what there is to say"],
        Value::Mac => &["0011.2233.4455", "00:11:22:33:44:55"],
        Value::Nai => &["mn1@example.com", "@example.com"],
        Value::NodeNai => &["mn1@example.com"],
        Value::Device => &["eth7"],
        Value::Interface => &["eth0", "GigabitEthernet0/0/0"],
        Value::InterfaceType => &["Ethernet"],
        Value::InterfaceNumber => &["0/1"],
        Value::SecretText => &["key1", "\"two words\""],
        Value::SecretHex => &["00ff", "6b657932"],
        Value::SecretObfuscated => &["094F471A1A0A"],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}
