//! Writes one test for each scenario file, so that `cargo test` runs, filters and reports them by
//! their names.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = String::new();
    for machine in ["lma", "mag"] {
        let folder = root.join(machine);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder)? {
            files.push(entry?.path());
        }
        files.sort();
        _ = writeln!(tests, "mod {machine} {{");
        for file in files {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let is_word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            let name: String = stem.chars().map(is_word).collect();
            _ = writeln!(tests, "#[test] fn {name}() {{ crate::play({file:?}); }}");
        }
        tests.push_str("}\n");
    }
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("scenarios.rs"), tests)
}
