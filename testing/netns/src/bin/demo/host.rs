//! What the machine looked like before, so that nothing can be left behind unnoticed.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use kedge_lab::{LabError, leftovers, wait};

/// The names on the host that a careless program would add to.
#[derive(Debug)]
pub struct Snapshot {
    links: BTreeSet<String>,
    run: bool,
}

impl Snapshot {
    pub fn take() -> Self {
        Self { links: links(), run: Path::new(RUN).exists() }
    }

    /// Nothing of the lab `tag` is there: no namespace, process, link or file. Interfaces of
    /// other people's experiments come and go; one that stays counts.
    pub fn unchanged(&self, tag: &str) -> Result<(), LabError> {
        wait::until(Duration::from_secs(3), "the host to be as it was", || {
            let mut left = leftovers(tag);
            left.extend(processes_naming(tag).into_iter().map(|p| format!("process {p}")));
            left.extend(links().difference(&self.links).map(|l| format!("link {l}")));
            if Path::new(RUN).exists() != self.run {
                left.push(RUN.to_owned());
            }
            if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
        })
    }
}

/// Where a daemon keeps its socket when nothing else is said.
const RUN: &str = "/run/kedge";

fn links() -> BTreeSet<String> {
    let listing = Command::new("ip").args(["-o", "link", "show"]).output();
    let listing = listing.map(|o| o.stdout).unwrap_or_default();
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let names = listing.lines().filter_map(|l| l.split_whitespace().nth(1));
    names.map(|n| n.split(['@', ':']).next().unwrap_or(n).to_owned()).collect()
}

/// Processes whose command line names the lab: its directory, its sockets, its namespaces.
fn processes_naming(tag: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().into_string().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(tag)
    })
    .collect()
}
