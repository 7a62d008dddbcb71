//! Every row of the command reference that lies beside the project: each command is accepted in
//! its mode, whole and abbreviated as far as its words can be told apart, is taken away by `no`
//! and by `default`, has exactly the range that the reference gives, and is written back as the same
//! at both ends of it.
//!
//! `reference/commands.txt` says for each row how its command is written; a row that is missing
//! there fails the test.

use std::path::Path;
use std::{env, fs};

use kedge_config::{Candidate, Config, ConfigError, parse, parse_command, render};

/// A row of the reference: its section and its first cell.
type Row = (String, String);

/// How a command of a row is written.
struct Case {
    row: Row,
    mode: String,
    on_by_default: bool,
    /// Lines that must stand before it in its mode.
    before: Vec<String>,
    line: String,
}

/// The lines that lead into a mode.
fn mode(name: &str) -> &'static [&'static str] {
    const LMA: &str = "ipv6 mobile pmipv6-lma l domain d";
    const MAG: &str = "ipv6 mobile pmipv6-mag m domain d";
    const DOMAIN: &str = "ipv6 mobile pmipv6-domain d";
    const MLL: &str = "mobility-service mobile-local-loop";
    const HYBRID: &str = "mobility-service hybrid-access";
    match name {
        "global" => &[],
        "domain" => &[DOMAIN],
        "domain-lma" => &[DOMAIN, "lma x"],
        "domain-mag" => &[DOMAIN, "mag x"],
        "nai" => &[DOMAIN, "nai x@example.net"],
        "map" => &[DOMAIN, "mobile-map x 1"],
        "lma" => &[LMA],
        "pmag" => &[LMA, "mag x d"],
        "net" => &[LMA, "network x"],
        "mll" => &[LMA, MLL],
        "cust" => &[LMA, MLL, "customer x vrf y"],
        "cnet" => &[LMA, MLL, "customer x vrf y", "network authorized x"],
        "tpt" => &[LMA, MLL, "customer x vrf y", "transport"],
        "hybrid" => &[LMA, HYBRID],
        "profile" => &[LMA, HYBRID, "profile-definition x"],
        "radius" => &["radius-server host 192.0.2.9"],
        "acl" => &["ip access-list extended x"],
        "mag" => &[MAG],
        "plma" => &[MAG, "lma x d"],
        "roaming" => &[MAG, "address dynamic"],
        "lmn" => &[MAG, "logical-mn x@example.net"],
        "fixed" => &[MAG, "logical-mn x@example.net", "fixed interface x"],
        "mmll" => &[MAG, MLL],
        "mhybrid" => &[MAG, HYBRID],
        "mprofile" => &[MAG, HYBRID, "profile-definition x"],
        other => panic!("no mode is called {other}"),
    }
}

/// The reference, beside the project or beside the folder that holds this work tree of it.
fn reference() -> Vec<Row> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(2);
    let mut files = above.map(|folder| folder.join("shared/reference/commands.md"));
    let file = files.find(|file| file.exists()).expect("shared/reference/commands.md");
    let text = fs::read_to_string(file).expect("the reference");
    let mut section = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("##") {
            let title = title.trim_start_matches('#').trim_start();
            section = title.split(['.', ' ']).next().unwrap_or_default().to_owned();
            let number = title.split(' ').next().unwrap_or_default().trim_end_matches('.');
            if number.starts_with(|c: char| c.is_ascii_digit()) {
                section = number.to_owned();
            }
        }
        let in_scope = section.starts_with(['1', '2', '3', '4', '5', '7']);
        let Some(cells) = line.strip_prefix("| ").filter(|_| in_scope) else { continue };
        // `\|` is part of a cell.
        let hidden = cells.replace("\\|", "\u{1}");
        let cell = hidden.split('|').next().unwrap_or_default().trim().replace('\u{1}', "\\|");
        if !cell.starts_with("---") && cell != "command" && cell != "configured" {
            rows.push((section.clone(), cell));
        }
    }
    rows
}

/// The rows of our file, and the cases of those that are commands.
fn cases() -> (Vec<Row>, Vec<Case>) {
    let (mut rows, mut cases) = (Vec::<Row>::new(), Vec::new());
    for line in include_str!("reference/commands.txt").lines() {
        if let Some(row) = line.strip_prefix('[') {
            let (section, cell) = row.split_once("] ").expect("a section");
            rows.push((section.to_owned(), cell.to_owned()));
            continue;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '-']) {
            continue;
        }
        let (mode, lines) = line.split_once(": ").expect("a mode");
        let mut before: Vec<String> = lines.split(" / ").map(str::to_owned).collect();
        cases.push(Case {
            row: rows.last().expect("a row").clone(),
            mode: mode.trim_end_matches(" on").to_owned(),
            on_by_default: mode.ends_with(" on"),
            line: before.pop().expect("a line"),
            before,
        });
    }
    (rows, cases)
}

fn configuration_cases() -> Vec<Case> {
    cases().1.into_iter().filter(|case| case.row.0 != "7").collect()
}

#[test]
fn no_row_of_the_reference_is_missing() {
    let (ours, theirs) = (cases().0, reference());
    assert!(theirs.len() > 150, "{}", theirs.len());
    let missing: Vec<&Row> = theirs.iter().filter(|row| !ours.contains(row)).collect();
    assert!(missing.is_empty(), "not in reference/commands.txt: {missing:#?}");
    let gone: Vec<&Row> = ours.iter().filter(|row| !theirs.contains(row)).collect();
    assert!(gone.is_empty(), "no longer in the reference: {gone:#?}");
}

#[test]
fn every_command_is_taken_and_taken_away_again() {
    for case in configuration_cases() {
        let start = case.start();
        let before = config(&start);
        let set = |line: &str| {
            let set = if case.on_by_default { format!("no {line}") } else { line.to_owned() };
            typed(&start, &set).unwrap_or_else(|error| panic!("{set}: {error}"))
        };
        // One end of a range may be what holds anyway.
        let (least, most) = (|_, (min, _)| min, |_, (_, max)| max);
        let lines = [case.with_ranges(least), case.with_ranges(most)];
        let line = lines.iter().find(|line| config(&set(line)) != before);
        let line = line.unwrap_or_else(|| panic!("{} says nothing", lines[0]));
        let after = set(line);
        let back = if case.on_by_default { line.clone() } else { format!("no {line}") };
        for back in [back, format!("default {line}")] {
            let gone = typed(&after, &back).unwrap_or_else(|e| panic!("{back}: {e}"));
            assert_eq!(config(&gone), before, "{back}");
        }
    }
}

#[test]
fn every_word_may_be_as_short_as_it_can_be_told_from_others() {
    let mut shorter = 0;
    for case in configuration_cases() {
        let line = case.with_ranges(|_, (min, _)| min);
        let start = case.start();
        let on = if case.on_by_default { "no " } else { "" };
        let whole = config(&typed(&start, &format!("{on}{line}")).expect("it is right"));
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 0..words.len() {
            let full = words[at].clone();
            // The shortest beginning from which on everything longer says the same.
            for length in (1..full.len()).rev() {
                words[at] = full[..length].to_owned();
                let said = typed(&start, &format!("{on}{}", words.join(" ")));
                if said.ok().is_none_or(|said| said.config().map(|c| c.0) != Ok(whole.clone())) {
                    words[at] = full[..=length].to_owned();
                    break;
                }
            }
            shorter += usize::from(words[at] != full);
        }
        // A candidate does not keep what was typed: whole words are written.
        let short = format!("{on}{}", words.join(" "));
        let said = typed(&start, &short).unwrap_or_else(|error| panic!("{short}: {error}"));
        assert_eq!(config(&said), whole, "{short}");
    }
    assert!(shorter > 300, "{shorter}");
}

#[test]
fn every_range_ends_where_the_reference_says() {
    let mut ends = 0;
    for case in configuration_cases() {
        let start = case.start();
        for tested in 0..case.ranges().len() {
            let line = |value: fn((u64, u64)) -> u64| {
                case.with_ranges(
                    |index, range| if index == tested { value(range) } else { range.0 },
                )
            };
            for good in [line(|range| range.0), line(|range| range.1)] {
                let after = typed(&start, &good).unwrap_or_else(|error| panic!("{good}: {error}"));
                let config = after.config();
                assert!(config.is_ok(), "{good}: {}", config.unwrap_err()[0]);
                let (config, _) = config.expect("it was looked at");
                let read = parse(&render(&config), "written back").expect(&good).0;
                assert_eq!(read, config, "{good}");
                ends += 1;
            }
            let mut beyond = Vec::new();
            if !case.line.contains("+>") {
                beyond.push(line(|range| range.1 + 1));
            }
            if case.ranges()[tested].0 > 0 {
                beyond.push(line(|range| range.0 - 1));
            }
            for bad in beyond {
                let errors = typed(&start, &bad).err();
                let error = errors.unwrap_or_else(|| panic!("{bad} is taken"));
                let at = case.column_of(tested, &bad);
                assert_eq!(error.place.spot.column, at, "{bad}: {error}");
                ends += 1;
            }
        }
    }
    assert!(ends > 350, "{ends}");
}

#[test]
fn every_command_of_the_terminal_is_taken_with_its_filters_and_its_pipes() {
    let (_, cases) = cases();
    let lines: Vec<&str> =
        cases.iter().filter(|case| case.row.0 == "7").map(|case| case.line.as_str()).collect();
    assert!(lines.len() > 30, "{}", lines.len());
    for line in lines {
        let command = parse_command(line).unwrap_or_else(|error| panic!("{line}: {error}")).command;
        for pipe in ["include x", "exclude x", "begin x", "count", "json", "no-more"] {
            let piped = format!("{line} | {pipe}");
            let read = parse_command(&piped).unwrap_or_else(|error| panic!("{piped}: {error}"));
            assert_eq!((&read.command, read.pipes.len()), (&command, 1), "{piped}");
        }
        assert!(parse_command(&format!("{line} bogus-word bogus-word")).is_err(), "{line}");
    }
}

impl Case {
    /// A candidate in the mode of the command, with what must stand before it.
    fn start(&self) -> Candidate {
        let mut candidate = Candidate::of(&Config::default());
        for line in mode(&self.mode) {
            candidate = typed(&candidate, line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        for line in &self.before {
            candidate = typed(&candidate, line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        candidate
    }

    fn ranges(&self) -> Vec<(u64, u64)> {
        self.line.split(' ').filter_map(range).collect()
    }

    /// The line with a value in the place of each range.
    fn with_ranges(&self, value: impl Fn(usize, (u64, u64)) -> u64) -> String {
        let mut index = 0;
        let words = self.line.split(' ').map(|word| match range(word) {
            Some(range) => {
                index += 1;
                value(index - 1, range).to_string()
            }
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Where in a line of the command the value of a range stands, counted from 1.
    fn column_of(&self, tested: usize, line: &str) -> usize {
        let words = self.line.split(' ');
        let mut ranges = words.enumerate().filter(|(_, word)| range(word).is_some());
        let (word, _) = ranges.nth(tested).expect("a range");
        line.split(' ').take(word).map(|word| word.len() + 1).sum::<usize>() + 1
    }
}

/// `<MIN-MAX>` or `<MIN-MAX+>`
fn range(word: &str) -> Option<(u64, u64)> {
    let inner = word.strip_prefix('<')?.strip_suffix('>')?;
    let (min, max) = inner.trim_end_matches('+').split_once('-')?;
    Some((min.parse().expect("a number"), max.parse().expect("a number")))
}

/// The candidate with one more line.
fn typed(candidate: &Candidate, line: &str) -> Result<Candidate, Box<ConfigError>> {
    let mut candidate = candidate.clone();
    match candidate.line(line) {
        Ok(_) => Ok(candidate),
        Err(mut errors) => Err(Box::new(errors.swap_remove(0))),
    }
}

fn config(candidate: &Candidate) -> Config {
    match candidate.config() {
        Ok((config, _)) => config,
        Err(errors) => panic!("{}", errors[0]),
    }
}
