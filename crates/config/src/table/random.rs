//! Random configurations out of the table, and what must hold for all of them.

use kedge_grammar::{Part, Value};
use proptest::prelude::*;

use super::*;
use crate::{
    Candidate, Config, changes, commands, compare, from_json, json_schema, parse, render, to_json,
};

proptest! {
    // One case is a configuration of some hundred lines.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn a_configuration_is_written_as_a_text_that_reads_as_the_same(seed in any::<u64>()) {
        let config = config(seed);
        let text = render(&config);
        let (again, _) = parse(&text, "written").unwrap_or_else(|e| panic!("{}{text}", e[0]));
        prop_assert!(again == config, "{}\n{:?}\n{:?}", text, config, again);
        prop_assert_eq!(&render(&again), &text);
        prop_assert_eq!(Candidate::of(&config).config().map(|(config, _)| config), Ok(config));
    }

    #[test]
    fn the_difference_applied_to_the_old_configuration_gives_the_new_one(
        old in any::<u64>(),
        new in any::<u64>(),
    ) {
        let (old, new) = (config(old), config(new));
        let difference = commands(&old, &new);
        let mut candidate = Candidate::of(&old);
        let merged = candidate.merge(&difference, "difference");
        prop_assert!(merged.is_ok(), "{:?}\n{}", merged, difference);
        let (result, _) = candidate.config().unwrap_or_else(|e| panic!("{}{difference}", e[0]));
        prop_assert_eq!(render(&result), render(&new), "{}", difference);
        prop_assert_eq!(changes(&old, &new).is_empty(), old == new);
        prop_assert_eq!(compare(&old, &new).is_empty(), old == new);
        prop_assert!(changes(&new, &new).is_empty());
    }

    #[test]
    fn a_configuration_as_json_is_what_the_schema_asks_for_and_reads_as_the_same(
        seed in any::<u64>(),
    ) {
        let config = config(seed);
        let json = to_json(&config);
        let schema = json_schema();
        let mut faults = Vec::new();
        validator::validate(&schema, &schema, &json, "", &mut faults);
        prop_assert!(faults.is_empty(), "{}", faults.join("\n"));
        let again = from_json(&json).map(|(config, _)| config);
        prop_assert!(again.as_ref() == Ok(&config), "{:?}\n{}", again.err(), json);
    }

    #[test]
    fn a_configuration_that_is_loaded_takes_the_place_of_the_one_that_is_there(
        old in any::<u64>(),
        new in any::<u64>(),
    ) {
        let (old, new) = (config(old), config(new));
        let mut candidate = Candidate::of(&old);
        prop_assert!(candidate.replace(&render(&new), "file").is_ok());
        prop_assert_eq!(candidate.config().map(|(config, _)| config), Ok(new));
    }
}

mod validator {
    use serde_json::Value;
    include!("../../tests/json/validate.rs");
}

/// A configuration that fits together: lines of a random text that do not are left out.
fn config(seed: u64) -> Config {
    let mut text = Vec::new();
    Dice(seed).block(&GLOBAL, 0, &mut text);
    loop {
        match parse(&text.join("\n"), "random") {
            Ok((config, _)) => return config,
            Err(errors) => {
                let wrong: Vec<usize> = errors.iter().map(|error| error.place.line).collect();
                let lines = std::mem::take(&mut text).into_iter().zip(1..);
                text.extend(lines.filter(|(_, line)| !wrong.contains(line)).map(|(line, _)| line));
            }
        }
    }
}

/// A sequence of numbers that a seed decides (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn block(&mut self, block: &'static Block<Key>, depth: usize, text: &mut Vec<String>) {
        for row in block.rows {
            // Deep blocks are rare enough as it is.
            let times = if row.body.is_some() { 1 + self.roll(2) } else { self.roll(3) / 2 * 2 };
            for _ in 0..times {
                let mut words = Vec::new();
                if row.on_by_default {
                    words.push("no".to_owned());
                }
                self.line(row.syntax, &mut words);
                text.push(format!("{}{}", " ".repeat(depth), words.join(" ")));
                if let Some(body) = row.body {
                    self.block(body, depth + 1, text);
                }
            }
        }
    }

    fn line(&mut self, parts: &[Part], words: &mut Vec<String>) {
        for part in parts {
            match part {
                Part::Word { word, .. } | Part::Flag { word, .. } => words.push((*word).to_owned()),
                Part::Arg { value, .. } => words.push(self.value(value)),
                Part::Optional(inner) => {
                    if self.roll(2) == 0 {
                        self.line(inner, words);
                    }
                }
                // Rotated: every one of them comes first once, and last.
                Part::AnyOrder(each) => {
                    let first = self.roll(each.len() as u64) as usize;
                    for parts in each[first..].iter().chain(&each[..first]) {
                        if self.roll(2) == 0 {
                            self.line(parts, words);
                        }
                    }
                }
                Part::OneOf(choices) => {
                    let choice = self.roll(choices.len() as u64) as usize;
                    self.line(choices[choice], words);
                }
            }
        }
    }

    fn value(&mut self, value: &Value) -> String {
        let n = self.roll(250);
        match value {
            Value::Integer { min, max, .. } => (min + self.roll(max - min + 1)).to_string(),
            Value::Name { .. } | Value::Known { .. } => format!("n{}", n % 4),
            Value::Keyword(words) => words[n as usize % words.len()].0.to_owned(),
            Value::Spelled(words) => words[n as usize % words.len()].0.to_owned(),
            Value::Hex32 => format!("{:X}", n + 1),
            Value::Ipv4 => format!("10.{n}.{}.1", self.roll(250)),
            Value::Ipv6 => format!("2001:db8:{n:x}:{:x}::1", self.roll(250)),
            Value::Ipv4Prefix => format!("10.{n}.0.0/{}", 8 + n % 24),
            Value::Ipv6Prefix => format!("2001:db8:{n:x}::/{}", 32 + n % 96),
            Value::Named(names) => names[n as usize % names.len()].0.to_owned(),
            Value::Line { .. } => format!("remark {n}"),
            Value::Mac => format!("02:00:00:00:00:{n:02x}"),
            Value::Nai | Value::NodeNai => format!("mn{}@example.net", n % 4),
            Value::Device | Value::Interface => format!("eth{}", n % 8),
            Value::InterfaceType => "Ethernet".to_owned(),
            Value::InterfaceNumber => format!("0/{}", n % 4),
            Value::SecretText => format!("\"key {n}\""),
            Value::SecretHex => format!("{n:02x}"),
            Value::SecretObfuscated => "094F471A1A0A".to_owned(),
        }
    }
}
