//! `cargo xtask crates`: the list of crates in the README is made from the manifests.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::cargo;

const BEGIN: &str = "<!-- crates: made by `cargo xtask crates` -->";
const END: &str = "<!-- /crates -->";

/// Prints the list, or with `check` compares the README with it.
pub(crate) fn run(check: bool) -> Result<()> {
    let list = list()?;
    if !check {
        print!("{list}");
        return Ok(());
    }
    let path = cargo::root().join("README.md");
    let readme = std::fs::read_to_string(&path).context("read README.md")?;
    let (_, rest) = readme
        .split_once(BEGIN)
        .with_context(|| format!("README.md lacks the line {BEGIN}"))?;
    let (found, _) = rest
        .split_once(END)
        .with_context(|| format!("README.md lacks the line {END}"))?;
    if found.trim() != list.trim() {
        bail!(
            "README.md holds another list of crates; replace it by what `cargo xtask crates` prints"
        );
    }
    println!("crates: the README's list is true");
    Ok(())
}

fn list() -> Result<String> {
    let metadata = cargo::metadata()?;
    let root = metadata.workspace_root.clone();
    let mut rows: Vec<(String, String)> = metadata
        .workspace_packages()
        .iter()
        .map(|package| {
            let folder = package
                .manifest_path
                .parent()
                .expect("a manifest lies in a folder");
            let path = folder
                .strip_prefix(&root)
                .map_or(folder.as_str(), |path| path.as_str());
            (
                path.to_owned(),
                package.description.clone().unwrap_or_default(),
            )
        })
        .collect();
    rows.sort();
    let mut text = String::from("| crate | what it is |\n|---|---|\n");
    for (path, description) in rows {
        writeln!(text, "| `{path}` | {description} |").expect("a String takes any text");
    }
    Ok(text)
}
