//! Every example of the vendors' documents, word for word; each file's first line says where in
//! the document it stands. Those that the documents print without a word that cannot be missing
//! have a precise error each, and are right with the word.

mod broken;

use std::fs;
use std::path::Path;

use kedge_config::{Candidate, Config, parse, render};

use broken::{BROKEN, Broken};

fn examples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let read = |file: fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        (name, fs::read_to_string(file.path()).unwrap())
    };
    files.map(read).collect()
}

fn broken(name: &str) -> Option<&'static Broken> {
    BROKEN.iter().find(|(file, ..)| *file == name)
}

/// What loads, is the same when it is written and read again, whole and line by line.
fn assert_loads(name: &str, text: &str) -> Config {
    let (config, _) = parse(text, name).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let written = render(&config);
    assert_eq!(parse(&written, name).unwrap().0, config, "{written}");
    assert_ne!(config, Config::default(), "{name}");
    config
}

#[test]
fn every_example_that_is_not_printed_broken_loads() {
    let mut loaded = 0;
    for (name, text) in examples().iter().filter(|(name, _)| broken(name).is_none()) {
        assert_loads(name, text);
        loaded += 1;
    }
    assert_eq!(loaded + BROKEN.len(), 35);
}

#[test]
fn every_example_that_is_printed_broken_has_a_precise_error_and_is_right_with_the_word() {
    for (name, text) in examples() {
        let Some((_, places, corrections)) = broken(&name) else { continue };
        let errors = parse(&text, "t").unwrap_err();
        let heads: Vec<String> = errors
            .iter()
            .map(|error| {
                error.to_string().lines().next().unwrap().trim_start_matches("t:").to_owned()
            })
            .collect();
        assert_eq!(heads, *places, "{name}");
        let mut text = text;
        for (wrong, right) in *corrections {
            assert!(text.contains(wrong), "{name}: {wrong}");
            text = text.replacen(wrong, right, 1);
        }
        assert_loads(&name, &text);
    }
}

/// A terminal gets the same lines one by one.
#[test]
fn an_example_that_is_typed_line_by_line_says_what_it_says_as_a_file() {
    for (name, text) in examples() {
        if broken(&name).is_some() {
            continue;
        }
        let mut candidate = Candidate::of(&Config::default());
        let text = text.replace("/*", "!").replace("*/", "");
        for line in text.lines() {
            candidate.line(line).unwrap_or_else(|errors| panic!("{name}: {}", errors[0]));
        }
        let (typed, _) = candidate.config().unwrap_or_else(|errors| panic!("{}", errors[0]));
        assert_eq!(typed, parse(&text, &name).unwrap().0, "{name}");
    }
}
