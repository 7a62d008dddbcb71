//! Where the project's own programs are.

use std::path::{Path, PathBuf};

use crate::error::{LabError, Result};

/// Finds one of our programs: named by an environment variable (`KEDGED` for `kedged`), beside
/// the program that runs, or in `target/release` and `target/debug`.
pub fn find(program: &str) -> Result<PathBuf> {
    let variable = program.to_uppercase().replace('-', "_");
    if let Some(path) = std::env::var_os(&variable).map(PathBuf::from) {
        return if path.is_file() { Ok(path) } else { Err(missing(program, &variable)) };
    }
    let own = std::env::current_exe().unwrap_or_default();
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    // A test runs in target/<profile>/deps, one folder below the programs.
    let mut places: Vec<PathBuf> = own.ancestors().skip(1).take(2).map(Path::to_owned).collect();
    places.extend([target.join("release"), target.join("debug")]);
    places
        .into_iter()
        .map(|place| place.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| missing(program, &variable))
}

fn missing(program: &str, variable: &str) -> LabError {
    let remedy = format!("build it (cargo build --release), or set {variable} to its path");
    LabError::Missing { program: program.to_owned(), remedy }
}
