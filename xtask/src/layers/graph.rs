//! The dependencies as cargo reports them, held against the table.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::table::{Layer, WORLDLY};

/// A package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Where its Cargo.toml is.
    pub folder: PathBuf,
    /// What it uses, other than in its tests.
    pub uses: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` is an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// Every package of the workspace.
pub fn packages(root: &Path) -> Result<Vec<Package>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse(&output.stdout)
}

fn parse(json: &[u8]) -> Result<Vec<Package>> {
    let metadata: Metadata =
        serde_json::from_slice(json).context("cargo metadata speaks another language")?;
    metadata.packages.into_iter().map(package).collect()
}

fn package(raw: RawPackage) -> Result<Package> {
    let folder = raw.manifest_path.parent().context("a manifest without a folder")?.to_owned();
    // A test may use more: it stands outside of what it tests.
    let ordinary = raw.dependencies.into_iter().filter(|it| it.kind.as_deref() != Some("dev"));
    Ok(Package { name: raw.name, folder, uses: ordinary.map(|it| it.name).collect() })
}

/// One line for each dependency that the table forbids and each package that it lacks.
pub fn violations(packages: &[Package], layers: &[Layer]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut found = Vec::new();
    for package in packages {
        let Some(layer) = layers.iter().find(|layer| layer.package == package.name) else {
            found.push(format!(
                "  {}: not in the table: say in xtask/src/layers/table.rs where it belongs",
                package.name
            ));
            continue;
        };
        for used in &package.uses {
            if ours(used) && !layer.may_use.contains(&used.as_str()) {
                let allowed = match layer.may_use {
                    [] => "none of our packages".to_owned(),
                    some => some.join(", "),
                };
                found.push(format!(
                    "  {} must not use {used}: {}\n    it may use {allowed}",
                    package.name, layer.why
                ));
            }
            if layer.pure && WORLDLY.contains(&used.as_str()) {
                found.push(format!(
                    "  {} must not use {used}: a pure crate has no clock, socket, thread or \
                     randomness of its own",
                    package.name
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::LAYERS;

    fn package(name: &str, uses: &[&str]) -> Package {
        let uses = uses.iter().map(|&name| name.to_owned()).collect();
        Package { name: name.to_owned(), folder: PathBuf::new(), uses }
    }

    #[test]
    fn a_machine_that_uses_the_configuration_is_found_and_told_why() {
        let packages = [
            package("kedge-lma", &["kedge-model", "kedge-config", "thiserror"]),
            package("kedge-model", &[]),
            package("kedge-config", &["kedge-model"]),
        ];
        let found = violations(&packages, LAYERS);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("kedge-lma must not use kedge-config: a machine knows"));
    }

    #[test]
    fn a_pure_crate_that_uses_a_runtime_is_found() {
        let found = violations(&[package("kedge-mag", &["tokio"])], LAYERS);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("kedge-mag must not use tokio"));
    }

    #[test]
    fn a_package_that_the_table_does_not_know_is_found() {
        let found = violations(&[package("kedge-utils", &[])], LAYERS);
        assert!(found[0].contains("kedge-utils: not in the table"), "{found:?}");
    }

    #[test]
    fn only_dependencies_of_tests_are_left_out() {
        let json = br#"{"packages":[{"name":"a","manifest_path":"/x/a/Cargo.toml","dependencies":[
            {"name":"plain","kind":null},{"name":"build","kind":"build"},
            {"name":"test","kind":"dev"}]}]}"#;
        let packages = parse(json).unwrap();
        assert_eq!(packages[0].uses, ["plain", "build"]);
        assert_eq!(packages[0].folder, Path::new("/x/a"));
    }

    #[test]
    fn each_row_of_the_table_uses_only_rows_above_it() {
        for (index, layer) in LAYERS.iter().enumerate() {
            for used in layer.may_use {
                let at = LAYERS.iter().position(|other| other.package == *used);
                assert!(at.is_some_and(|at| at < index), "{} uses {used}", layer.package);
            }
        }
    }
}
