//! No text makes the engine panic, and what it accepts it writes back as the same.

use kedge_grammar::table::{Block, Row, arg, flag, last, row, word};
use kedge_grammar::{Item, Keys, Part, Reading, Value, complete, read, read_command, render};
use proptest::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Outer,
    Older,
    Inner,
    Number,
    Text,
    Choice,
    Secret,
    Address,
    On,
}

const INNER: Row<Key> =
    row(Key::Inner, &[last("inner"), arg("NAME", Value::Name { max: 9 })], "An inner block")
        .opens(&INNER_BLOCK);

static GLOBAL: Block<Key> = Block {
    name: "global",
    help: "Everything.",
    rows: &[
        row(Key::Outer, &[last("outer"), arg("NAME", Value::Name { max: 9 })], "An outer block")
            .opens(&OUTER_BLOCK),
        row(Key::Older, &[last("older"), arg("NAI", Value::Nai)], "Something of the past")
            .no_effect_yet()
            .each(&[]),
    ],
};

static OUTER_BLOCK: Block<Key> = Block {
    name: "outer",
    help: "An outer block.",
    rows: &[
        row(
            Key::Number,
            &[
                word("count", "Counting"),
                last("of"),
                arg("N", Value::Integer { min: 1, max: 99, unit: "things" }),
                Part::Optional(&[flag("force", "By force")]),
            ],
            "How many",
        )
        .default("7"),
        row(Key::On, &[word("count", "Counting"), last("on")], "Counting itself").on_by_default(),
        row(Key::Address, &[last("address"), arg("A", Value::Ipv4)], "Addresses").each(&[]),
        INNER,
    ],
};

static INNER_BLOCK: Block<Key> = Block {
    name: "inner",
    help: "An inner block.",
    rows: &[
        row(Key::Text, &[last("text"), arg("T", Value::Name { max: 30 })], "A text"),
        row(
            Key::Choice,
            &[last("choose"), arg("C", Value::Keyword(&[("red", "Red"), ("green", "Green")]))],
            "A colour",
        ),
        row(
            Key::Secret,
            &[
                last("key"),
                Part::OneOf(&[
                    &[word("7", "Obfuscated"), arg("K", Value::SecretObfuscated)],
                    &[arg("K", Value::SecretText)],
                ]),
            ],
            "A key",
        ),
    ],
};

/// Items without their places.
fn said(items: &[Item<Key>]) -> String {
    items
        .iter()
        .map(|item| {
            let secret = item.args.secret("K").map(|secret| secret.expose().to_vec());
            format!(
                "{:?}{:?}{:?}{secret:?}[{}]",
                item.row.key,
                item.negated,
                item.args,
                said(&item.body)
            )
        })
        .collect()
}

/// A line made of the table's words, near-misses of them and noise.
fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "outer",
        "inner",
        "count",
        "of",
        "on",
        "force",
        "text",
        "choose",
        "red",
        "gr",
        "key",
        "7",
        "094F471A1A0A",
        "5",
        "100",
        "no",
        "exit",
        "end",
        "commit",
        "!",
        "a",
        "i",
        "o",
        "cuont",
        "192.0.2.1",
        "address",
        "older",
        "@r",
        "\"a b\"",
        "\"",
        "/*",
        "*/",
        "R(config)#",
        "\t",
        "é",
    ]);
    (0usize..4, prop::collection::vec(words, 0..6))
        .prop_map(|(indent, words)| " ".repeat(indent) + &words.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_read_and_completed_without_a_panic(text in ".{0,200}") {
        let Reading { faults, .. } = read(&GLOBAL, &text, "any");
        for (place, fault) in &faults {
            prop_assert!(place.line >= 1 && !fault.to_string().is_empty());
        }
        let _ = read_command(&GLOBAL, &text, "any");
        complete(&GLOBAL, &text, &|_| Vec::new());
    }

    #[test]
    fn what_is_accepted_is_written_back_as_the_same(
        lines in prop::collection::vec(line(), 0..12)
    ) {
        let reading = read(&GLOBAL, &lines.join("\n"), "lines");
        if reading.faults.is_empty() {
            let text = render(&reading.items, Keys::Obfuscated);
            let again = read(&GLOBAL, &text, "again");
            prop_assert!(again.faults.is_empty(), "{text}");
            prop_assert_eq!(said(&again.items), said(&reading.items), "{}", text);
        }
    }

    #[test]
    fn names_of_any_characters_survive(name in "[^\\p{Cc}]{1,30}") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("outer o\n inner i\n  text \"{quoted}\"\n");
        let reading = read(&GLOBAL, &text, "names");
        prop_assert!(reading.faults.is_empty(), "{:?}", reading.faults);
        prop_assert_eq!(reading.items[0].body[0].body[0].args.text("T"), Some(name.as_str()));
        let again = read(&GLOBAL, &render(&reading.items, Keys::Obfuscated), "again");
        prop_assert_eq!(said(&again.items), said(&reading.items));
    }
}
