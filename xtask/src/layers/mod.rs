//! The direction of dependencies, and the purity of the pure crates, as a test.
//!
//! [`table`] says what each crate may use and why; [`graph`] compares that with what cargo
//! reports; [`source`] looks for the outside world in the text of the pure crates, which it reads
//! through [`mask`], so that comments, strings and tests do not count.

mod graph;
mod mask;
mod source;
mod table;

use std::path::Path;

use anyhow::Result;

pub use table::LAYERS;

/// Checks the whole workspace; fails with every violation, each with its reason.
pub fn check(root: &Path) -> Result<String> {
    let packages = graph::packages(root)?;
    let mut violations = graph::violations(&packages, LAYERS);
    for package in packages.iter().filter(|package| table::is_pure(&package.name)) {
        let sources = package.folder.join("src");
        violations.extend(source::violations(root, &sources)?);
    }
    if violations.is_empty() {
        return Ok(format!("layers: {} packages, no violation", packages.len()));
    }
    anyhow::bail!("{} violations of the layers\n{}", violations.len(), violations.join("\n"))
}
