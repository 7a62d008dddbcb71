//! The project's own checks and generators, run as `cargo xtask TASK`.
//!
//! | task | does |
//! |---|---|
//! | `layers` | fails on a forbidden dependency, and on a clock, a socket, a thread or a file in a pure crate |
//! | `docs` | writes the generated pages; with `--check`, fails when one is stale, a link leads nowhere or a cited test does not exist |

mod docs;
mod layers;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "usage: cargo xtask layers | docs [--check]";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = root().and_then(|root| match words[..] {
        ["layers"] => layers::check(&root),
        ["docs"] => docs::write(&root),
        ["docs", "--check"] => docs::check(&root),
        _ => anyhow::bail!(USAGE),
    });
    match result {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The project's root, which is where this crate's folder is.
fn root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).context("xtask has no parent folder")
}
