//! No text makes the reader panic; what it accepts is written back as the same configuration.

use kedge_config::{complete, document, parse, parse_command, render};
use proptest::prelude::*;

/// Lines of the language, as the documentation's headings give them, with arguments that mostly
/// fit.
fn lines() -> Vec<String> {
    let argument = |word: &str| match word {
        "ADDRESS" => "192.0.2.1",
        "SPI" => "67",
        "KEY" => "secret",
        "NAI" => "mn@example.com",
        "MAC" => "00:11:22:33:44:55",
        "SECONDS" | "MILLISECONDS" | "INTERVAL" => "1000",
        word if word.chars().all(|c| c.is_ascii_uppercase() || c == '-') => "2",
        _ => "",
    };
    let pages = document();
    let headings = pages.iter().flat_map(|(_, text)| text.lines());
    let headings = headings.filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'));
    headings
        .map(|syntax| {
            let words = syntax.split_whitespace().filter(|word| !word.starts_with('|'));
            let words = words.map(|word| {
                let word = word.trim_matches(['[', ']', '{', '}']);
                match argument(word) {
                    "" => word,
                    argument => argument,
                }
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn line() -> impl Strategy<Value = String> {
    let noise = ["!", "exit", "end", "no bce", "ipv6 mobile pmipv6-domain d", "mag m d", "lma l d"];
    let mut lines = lines();
    lines.extend(noise.map(str::to_owned));
    (0usize..3, prop::bool::weighted(0.1), prop::sample::select(lines))
        .prop_map(|(indent, no, line)| " ".repeat(indent) + if no { "no " } else { "" } + &line)
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,300}") {
        if let Err(errors) = parse(&text, "any") {
            prop_assert!(!errors.is_empty());
            errors.iter().for_each(|error| assert!(!error.to_string().is_empty()));
        }
        complete(&text, &|_| Vec::new());
        if let Err(error) = parse_command(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn texts_near_the_language_are_read_without_a_panic_and_survive_being_written(
        lines in prop::collection::vec(line(), 1..25),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = lines.join("\n");
        for text in [text.as_str(), &text[..floor(&text, cut.index(text.len() + 1))]] {
            match parse(text, "near") {
                Ok((config, _)) => {
                    let written = render(&config);
                    let again = parse(&written, "again").map(|(config, _)| config);
                    prop_assert_eq!(again, Ok(config), "{}", written);
                }
                Err(errors) => errors.iter().for_each(|error| assert!(!error.to_string().is_empty())),
            }
        }
    }

    #[test]
    fn one_changed_octet_of_an_example_is_read_without_a_panic(
        at in any::<prop::sample::Index>(),
        to in any::<char>(),
    ) {
        let example = include_str!("examples/xr-vrf-aware-lma.txt");
        let mut characters: Vec<char> = example.chars().collect();
        let at = at.index(characters.len());
        characters[at] = to;
        let text: String = characters.into_iter().collect();
        // Some changes are only another name; the others have a place.
        if let Err(errors) = parse(&text, "changed") {
            prop_assert!(errors.iter().all(|error| error.place.line > 0));
        }
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
