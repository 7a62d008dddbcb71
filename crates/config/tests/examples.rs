//! Every example of the vendors' documents, word for word; each file's first line says where in
//! the document it stands. Those that the documents print without a word that cannot be missing
//! have a precise error each, and are right with the word.

use std::fs;
use std::path::Path;

use kedge_config::{Candidate, Config, parse, render};

/// A file, the heads of its errors, and what to write in the place of what.
type Broken = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Examples that the documents print broken.
const BROKEN: &[Broken] = &[
    (
        "xe-access-lists.txt",
        &["14:40: incomplete command"],
        &[("permit ip any\n", "permit ip any 10.0.10.0 0.0.0.255\n")],
    ),
    (
        "xe-steps-access-lists.txt",
        &["14:40: incomplete command"],
        &[("permit ip any\n", "permit ip any 10.0.10.0 0.0.0.255\n")],
    ),
    (
        "xe-tunnel-acl.txt",
        &["5:39: SOURCE is missing before 'any'"],
        &[("deny ip host any", "deny ip host 192.0.2.1 any")],
    ),
    (
        "xe-steps-tunnel-acl.txt",
        &["5:39: SOURCE is missing before 'any'"],
        &[("deny ip host any", "deny ip host 192.0.2.1 any")],
    ),
    (
        "xe-mobile-network-pools.txt",
        &[
            "6:60: ADDRESS is missing before 'pool-prefix'",
            "7:60: ADDRESS is missing before 'pool-prefix'",
        ],
        &[
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.2.0.0 pool-prefix 24"),
        ],
    ),
    (
        "xe-steps-mobile-network-pools.txt",
        &[
            "6:37: ADDRESS is missing before 'pool-prefix'",
            "7:65: 'pool-prefix' stands here again",
            "8:37: ADDRESS is missing before 'pool-prefix'",
            "9:64: 'pool-prefix' stands here again",
        ],
        &[
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.2.0.0 pool-prefix 24"),
            (
                "pool-prefix 48  pool-prefix 48 network-prefix 30",
                "pool-prefix 48 network-prefix 60",
            ),
            (
                "2001:DB8::2 pool-prefix 64 pool-prefix 48 network-prefix 30",
                "2001:DB8:1::2 pool-prefix 48 network-prefix 60",
            ),
        ],
    ),
    (
        "xe-steps-management-lma.txt",
        &["9:47: incomplete command", "20:61: ADDRESS is missing before 'pool-prefix'"],
        &[
            ("address ipv4\n", "address ipv4 192.0.2.1\n"),
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
        ],
    ),
    (
        "xe-management-lma.txt",
        &[
            "9:46: incomplete command",
            "20:60: ADDRESS is missing before 'pool-prefix'",
            "21:60: ADDRESS is missing before 'pool-prefix'",
            "22:60: ADDRESS is missing before 'pool-prefix'",
            "27:60: ADDRESS is missing before 'pool-prefix'",
            "28:60: ADDRESS is missing before 'pool-prefix'",
            "29:60: ADDRESS is missing before 'pool-prefix'",
            "30:60: ADDRESS is missing before 'pool-prefix'",
        ],
        &[
            ("address ipv4\n", "address ipv4 192.0.2.1\n"),
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.2.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.3.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.4.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.5.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.6.0.0 pool-prefix 24"),
            ("pool pool-prefix 23", "pool 10.7.0.0 pool-prefix 23"),
        ],
    ),
];

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
        if broken(&name).is_some() || text.lines().any(|line| line.starts_with(char::is_numeric)) {
            continue;
        }
        let wrapped = text.contains("\ninterval 100 ") || text.contains("ipv6 mobile\n");
        if wrapped {
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
