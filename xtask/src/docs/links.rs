//! Links between the pages: every relative link must lead to a file that exists.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One line for each relative link of the Markdown files at the root and below `docs` that leads
/// nowhere.
pub fn broken(root: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    collect(root, false, &mut pages)?;
    collect(&root.join("docs"), true, &mut pages)?;
    let mut found = Vec::new();
    for page in pages {
        let text =
            fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        let folder = page.parent().unwrap_or(root);
        let lost = targets(&text).filter(|(_, target)| !folder.join(target).exists());
        for (line, target) in lost {
            let shown = page.strip_prefix(root).unwrap_or(&page).display();
            found.push(format!("  {shown}:{line}: the link to {target} leads nowhere"));
        }
    }
    Ok(found)
}

/// The Markdown files of a folder, and with `deep` of those below it.
pub fn collect(folder: &Path, deep: bool, pages: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if deep && path.is_dir() {
            collect(&path, deep, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(())
}

/// The relative targets of `[text](target)`, without their anchors, each with its line.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        line.split("](").skip(1).filter_map(move |rest| {
            let target = rest.split([')', '#', ' ']).next().unwrap_or("");
            let relative = !target.is_empty() && !target.contains("://");
            relative.then_some((index + 1, target))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_nothing_is_found_and_the_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("docs/ops")).unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        write("README.md", "See [a](docs/a.md) and\n[b](docs/b.md), [c](https://x.example/d).\n");
        write("docs/a.md", "[here](#part) [up](../README.md#part) [ops](ops/)\n");
        write("docs/ops/e.md", "[gone](../f.md)\n");
        assert_eq!(
            broken(root.path()).unwrap(),
            [
                "  README.md:2: the link to docs/b.md leads nowhere",
                "  docs/ops/e.md:1: the link to ../f.md leads nowhere"
            ]
        );
    }
}
