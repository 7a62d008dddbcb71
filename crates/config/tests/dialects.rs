//! Configurations as operators of either system paste them: out of a terminal with its prompts, out
//! of `show running-config`, out of an editor with tabs and Windows line ends, abbreviated, flat, and
//! with every `no`. All of each is read, as a file and line by line, and is one configuration.

use std::fs;
use std::path::Path;

use kedge_config::{Candidate, Config, parse, render};

/// Each text with its name.
fn texts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects");
    let mut texts: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect();
    texts.sort();
    texts
}

fn read(name: &str, text: &str) -> Config {
    let shown = |errors: Vec<kedge_config::ConfigError>| -> String {
        errors.iter().map(ToString::to_string).collect()
    };
    parse(text, name).unwrap_or_else(|errors| panic!("{}", shown(errors))).0
}

#[test]
fn every_line_is_read_and_what_is_written_back_says_the_same() {
    let texts = texts();
    assert!(texts.len() >= 16, "{}", texts.len());
    for (name, text) in texts {
        let config = read(&name, &text);
        // One of them takes everything away again that it has said.
        assert_eq!(config == Config::default(), name == "xr-no-forms", "{name}");
        assert_eq!(read(&name, &render(&config)), config, "{name}");
    }
}

#[test]
fn line_by_line_it_is_the_same_configuration_as_in_a_file() {
    for (name, text) in texts() {
        let mut candidate = Candidate::of(&Config::default());
        // A terminal passes over empty lines, remarks and comments before the configuration is asked.
        let mut comment = false;
        for line in text.lines() {
            comment |= line.trim_start().starts_with("/*");
            let said = if comment || line.trim_start().starts_with('!') {
                Ok(Vec::new())
            } else {
                candidate.line(line)
            };
            comment &= !line.contains("*/");
            said.unwrap_or_else(|errors| panic!("{name}: {line}: {}", errors[0]));
        }
        let pasted = candidate.config().unwrap_or_else(|errors| panic!("{name}: {}", errors[0])).0;
        assert_eq!(pasted, read(&name, &text), "{name}");
    }
}
