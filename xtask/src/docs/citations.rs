//! What the pages below `docs/rfc` and `docs/decisions` cite as shown by a test: it must exist.
//!
//! A citation stands in backticks. It is a test's name, with `…` for a part that is left out and
//! with its modules or its file in front (`file::module::*` is all tests of a module); the name or
//! the beginning of the name of a scenario; or a path that ends in `.rs` or `.txt`, from any folder
//! on. A word with fewer than three underscores is a test only if it says so in one of these ways:
//! settings, fields and functions of the code are in backticks, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders whose tests are cited.
const SOURCES: [&str; 4] = ["crates", "testing", "fuzz", "xtask"];

/// Folders whose pages cite.
const PAGES: [&str; 2] = ["docs/rfc", "docs/decisions"];

/// Begins a list of tests, a name on each line up to a brace, of which a macro makes functions.
const LIST: &str = "scenarios! {";

/// What there is to be cited.
#[derive(Default)]
struct Known {
    tests: BTreeSet<String>,
    /// Modules of tests, and files, which are modules too.
    modules: BTreeSet<String>,
    files: BTreeSet<String>,
}

/// One line for each citation of something that is not there.
pub fn broken(root: &Path) -> Result<Vec<String>> {
    let mut known = Known::default();
    for folder in SOURCES {
        known.collect(root, &root.join(folder))?;
    }
    let mut found = Vec::new();
    for folder in PAGES {
        let mut pages = Vec::new();
        super::links::collect(&root.join(folder), false, &mut pages)?;
        for page in pages {
            let text = fs::read_to_string(&page)
                .with_context(|| format!("cannot read {}", page.display()))?;
            let shown = page.strip_prefix(root).unwrap_or(&page).display();
            for (line, cited) in citations(&text).filter(|(_, cited)| !known.has(cited)) {
                found.push(format!("  {shown}:{line}: there is no test or file `{cited}`"));
            }
        }
    }
    Ok(found)
}

impl Known {
    fn collect(&mut self, root: &Path, folder: &Path) -> Result<()> {
        if !folder.is_dir() || folder.ends_with("target") {
            return Ok(());
        }
        let entries =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            if path.is_dir() {
                self.collect(root, &path)?;
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                self.read(&text);
                self.modules.extend(path.file_stem().map(|stem| stem.to_string_lossy().into()));
                self.files.insert(name);
            } else if name.ends_with(".txt") {
                self.files.insert(name);
            }
        }
        Ok(())
    }

    fn read(&mut self, text: &str) {
        let (mut is_test, mut is_list) = (false, false);
        for line in text.lines().map(str::trim_start) {
            let code = line.trim_start_matches("pub ");
            if is_list {
                is_list = line != "}";
                self.tests.extend(is_list.then(|| line.to_owned()));
            } else if line == LIST {
                is_list = true;
            } else if line.starts_with("#[test]") {
                is_test = true;
            } else if let Some(name) = word_behind(code, "fn ") {
                if is_test {
                    self.tests.insert(name.to_owned());
                }
                is_test = false;
            } else if let Some(name) = word_behind(code, "mod ") {
                self.modules.insert(name.to_owned());
            }
        }
    }

    fn has(&self, cited: &str) -> bool {
        if is_file(cited) {
            let inside = format!("/{cited}");
            return self.files.iter().any(|file| file == cited || file.ends_with(&inside));
        }
        if is_scenario(cited) {
            return self.files.iter().any(|file| {
                file.ends_with(".txt")
                    && file.rsplit('/').next().is_some_and(|name| name.starts_with(cited))
            });
        }
        let mut modules: Vec<_> = cited.split("::").collect();
        let test = modules.pop().unwrap_or_default();
        modules.iter().all(|module| self.modules.iter().any(|name| fits(name, module)))
            && (test == "*" || self.tests.iter().any(|name| fits(name, test)))
    }
}

/// The identifier behind a keyword that a line begins with.
fn word_behind<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(keyword)?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// Whether a name is the cited one, in which `…` stands for anything.
fn fits(name: &str, cited: &str) -> bool {
    let mut parts = cited.split('…');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        is_open = part.is_empty();
    }
    is_open || rest.is_empty()
}

/// What is cited in a text, each with its line.
fn citations(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let spans = line.split('`').skip(1).step_by(2);
        spans.filter(|span| is_citation(span)).map(move |span| (index + 1, span))
    })
}

fn is_citation(span: &str) -> bool {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:*…".contains(c);
    let names_a_test = span.contains('…') || span.contains("::") || span.matches('_').count() >= 3;
    let is_item = span.starts_with("kedge_");
    is_file(span) || is_scenario(span) || (names_a_test && !is_item && span.chars().all(is_name))
}

fn is_file(span: &str) -> bool {
    let is_path = !span.contains(|c: char| c == ' ' || c.is_ascii_uppercase());
    is_path && (span.ends_with(".rs") || span.ends_with(".txt"))
}

fn is_scenario(span: &str) -> bool {
    span.strip_prefix("rfc")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_of_nothing_is_found_and_the_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "crates/lma/tests/pool.rs",
            "mod full {\n    #[test]\n    fn a_full_pool_says_so() {}\n    fn no_test_at_all_here() {}\n}\n",
        );
        write(
            "testing/vm/tests/vm.rs",
            "scenarios! {\n    one_of_a_list_of_tests\n}\nfn not_one_of_the_list() {}\n",
        );
        write("testing/scenario/lma/rfc5213-5.3.2-full.txt", "");
        write(
            "docs/rfc/a.md",
            "`a_full_pool_says_so` `a_full_…` `a_…_says_so` `pool::full::a_full_pool_…`\n\
             `full::*` `lma/tests/pool.rs` `rfc5213-` `rfc5213-5.3.2-full` `hnp_maximum` `clear … all`\n\
             `a_full_pool_says` `a_full_…_not` `empty::*` `no_test_at_all_here` `tests/gone.rs`\n\
             `rfc5213-9` `ool.rs` `one_of_a_list_of_tests` `not_one_of_the_list`\n",
        );
        let found = broken(root.path()).unwrap();
        let cited = |line: usize, name: &str| {
            format!("  docs/rfc/a.md:{line}: there is no test or file `{name}`")
        };
        assert_eq!(
            found,
            [
                cited(3, "a_full_pool_says"),
                cited(3, "a_full_…_not"),
                cited(3, "empty::*"),
                cited(3, "no_test_at_all_here"),
                cited(3, "tests/gone.rs"),
                cited(4, "rfc5213-9"),
                cited(4, "ool.rs"),
                cited(4, "not_one_of_the_list"),
            ]
        );
    }
}
