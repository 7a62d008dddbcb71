//! The outside world in the text of a pure crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::mask::{blank_tests, code_only};

/// A name that a pure crate must not say, and what it should do instead.
struct Forbidden {
    name: &'static str,
    instead: &'static str,
}

const fn forbid(name: &'static str, instead: &'static str) -> Forbidden {
    Forbidden { name, instead }
}

const TIME: &str = "time is an argument: take a kedge_sansio::Now";
const SHELL: &str = "say what is wanted as an output; the shell does it";

static FORBIDDEN: &[Forbidden] = &[
    forbid("Instant::now", TIME),
    forbid("SystemTime::now", TIME),
    forbid(".elapsed", TIME),
    forbid("std::thread", SHELL),
    forbid("std::process", SHELL),
    forbid("std::fs", SHELL),
    forbid("std::env", SHELL),
    forbid("TcpListener", SHELL),
    forbid("TcpStream", SHELL),
    forbid("UdpSocket", SHELL),
    forbid("UnixDatagram", SHELL),
    forbid("UnixListener", SHELL),
    forbid("UnixStream", SHELL),
    forbid("async", "a machine is driven by its caller and never waits"),
    forbid("await", "a machine is driven by its caller and never waits"),
];

/// Modules of `std` that count as well when they stand in braces: `use std::{fs, io}`.
const IN_BRACES: &[&str] = &["env", "fs", "process", "thread"];

/// One line for each place in the product's code below `folder` that names what is forbidden.
pub fn violations(root: &Path, folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let mut codes = Vec::new();
    let mut tests = BTreeSet::new();
    for file in files {
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut code = code_only(&text);
        for module in blank_tests(&mut code) {
            let place = submodules(&file).join(module);
            tests.insert(place.with_extension("rs"));
            tests.insert(place);
        }
        codes.push((file, code));
    }
    let product = codes.iter().filter(|(file, _)| !tests.iter().any(|test| file.starts_with(test)));
    Ok(product
        .flat_map(|(file, code)| {
            let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
            scan(code).into_iter().map(move |(line, what)| format!("  {shown}:{line}: {what}"))
        })
        .collect())
}

/// The folder in which the modules that `file` declares are found.
fn submodules(file: &Path) -> PathBuf {
    let names_its_folder = ["lib.rs", "main.rs", "mod.rs"].iter().any(|name| file.ends_with(name));
    match file.parent() {
        Some(folder) if names_its_folder => folder.to_owned(),
        _ => file.with_extension(""),
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Line numbers and complaints, in the order of the lines.
fn scan(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for Forbidden { name, instead } in FORBIDDEN {
            if says(line, name) {
                found.push((index + 1, format!("`{name}` in a pure crate: {instead}")));
            }
        }
    }
    for (start, _) in code.match_indices("use std::{") {
        let end = code[start..].find(';').map_or(code.len(), |end| start + end);
        for module in IN_BRACES.iter().filter(|module| says(&code[start..end], module)) {
            let line = code[..start].lines().count().max(1);
            found.push((line, format!("`std::{module}` in a pure crate: {SHELL}")));
        }
    }
    found.sort();
    found
}

/// Whether `name` stands in `text` as a whole word.
fn says(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let begins = name.starts_with('.') || !before.is_some_and(word);
        begins && !after.is_some_and(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        violations(root.path(), &root.path().join("src")).unwrap()
    }

    #[test]
    fn each_forbidden_name_is_found_with_its_file_and_line() {
        for Forbidden { name, .. } in FORBIDDEN {
            let text = format!("//! A crate.\nfn a() {{ {name} }}\n");
            let found = scanned(&[("src/lib.rs", &text)]);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].starts_with(&format!("  src/lib.rs:2: `{name}`")), "{found:?}");
        }
    }

    #[test]
    fn modules_in_braces_are_found_over_several_lines() {
        let found =
            scanned(&[("src/lib.rs", "use std::{\n    collections::BTreeMap,\n    fs,\n};\n")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`std::fs`"), "{found:?}");
    }

    #[test]
    fn values_of_time_and_addresses_are_no_violation() {
        let text = "use std::net::{IpAddr, Ipv6Addr};\nuse std::time::{Duration, Instant};\n\
                    fn due(at: Instant, now: Instant) -> Duration { at - now }\n\
                    fn awaiting(thread: u8) -> u8 { thread }\n";
        assert_eq!(scanned(&[("src/lib.rs", text)]), [""; 0]);
    }

    #[test]
    fn comments_strings_and_tests_are_no_violation() {
        let lib = "//! Never `Instant::now`.\nconst A: &str = \"std::fs\";\nmod b;\n\
                   #[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        let files = [
            ("src/lib.rs", lib),
            ("src/b.rs", "#[cfg(test)]\nmod kit;\n"),
            ("src/b/kit.rs", "use std::thread;\n"),
            ("src/b/kit/more.rs", "use std::process;\n"),
        ];
        assert_eq!(scanned(&files), [""; 0]);
    }

    #[test]
    fn a_file_that_only_bears_the_name_of_a_test_is_scanned() {
        let files = [("src/lib.rs", "mod tests;\n"), ("src/tests.rs", "use std::thread;\n")];
        assert_eq!(scanned(&files).len(), 1);
    }
}
