//! `cargo xtask shape`: what the binaries are made of, and how big the bootstrapper is.
//!
//! `tests/shape/<binary>.deps` lists every crate that is linked into a binary; a new one shows up
//! in review. `tests/shape/forbidden.toml` names what may never be there, with the reason.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo;

/// Ceiling of the bootstrapper in bytes, without a launcher embedded in it.
const BOOTSTRAPPER_MOST_BYTES: u64 = 350_000;

/// Packages that make a binary of the product.
const BINARIES: [&str; 5] = [
    "bootstrapper",
    "launcher",
    "agent",
    "trireme",
    "trireme-server",
];

/// A dependency that must not be there.
#[derive(Debug, Deserialize)]
struct Forbidden {
    /// Package that must not have it.
    package: String,
    /// Name of the dependency.
    dependency: String,
    /// Why, as the message of the check.
    reason: String,
}

#[derive(Debug, Deserialize)]
struct ForbiddenFile {
    forbidden: Vec<Forbidden>,
}

/// Compares lists and size with what is written down; `bless` writes the lists anew.
pub(crate) fn check(bless: bool) -> Result<()> {
    let folder = cargo::root().join("tests/shape");
    let mut linked = BTreeMap::new();
    for package in BINARIES {
        linked.insert(package.to_owned(), linked_crates(package)?);
    }
    if bless {
        for (package, crates) in &linked {
            std::fs::write(folder.join(format!("{package}.deps")), lines(crates))
                .context("write a list")?;
        }
    }
    let mut found = Vec::new();
    for (package, crates) in &linked {
        let written =
            std::fs::read_to_string(folder.join(format!("{package}.deps"))).unwrap_or_default();
        found.extend(difference(package, &written, crates));
    }
    let text = std::fs::read_to_string(folder.join("forbidden.toml"))
        .context("read tests/shape/forbidden.toml")?;
    let forbidden: ForbiddenFile =
        toml::from_str(&text).context("parse tests/shape/forbidden.toml")?;
    found.extend(forbidden_ones(&forbidden.forbidden)?);
    if !found.is_empty() {
        bail!(
            "the shape has changed (if that is meant: `cargo xtask shape --bless`):\n  {}",
            found.join("\n  ")
        );
    }
    let bytes = bootstrapper_bytes()?;
    if bytes > BOOTSTRAPPER_MOST_BYTES {
        bail!("the bootstrapper has {bytes} bytes, at most {BOOTSTRAPPER_MOST_BYTES} are allowed");
    }
    println!(
        "shape: bootstrapper {bytes} bytes (at most {BOOTSTRAPPER_MOST_BYTES}), dependency lists as written down"
    );
    Ok(())
}

/// Names of all crates that are linked into `package`, itself left out.
fn linked_crates(package: &str) -> Result<BTreeSet<String>> {
    let text = cargo::output(&[
        "tree",
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--no-dedupe",
        "--target",
        "x86_64-unknown-linux-gnu",
    ])?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != package)
        .map(str::to_owned)
        .collect())
}

fn difference(package: &str, written: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let written: BTreeSet<String> = written.lines().map(str::to_owned).collect();
    let added = crates
        .difference(&written)
        .map(|name| format!("{package} now links {name}"));
    let gone = written
        .difference(crates)
        .map(|name| format!("{package} no longer links {name}"));
    added.chain(gone).collect()
}

fn forbidden_ones(forbidden: &[Forbidden]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut linked: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for rule in forbidden {
        if !linked.contains_key(rule.package.as_str()) {
            linked.insert(&rule.package, linked_crates(&rule.package)?);
        }
        if linked[rule.package.as_str()].contains(&rule.dependency) {
            found.push(format!(
                "{} must not link {}: {}",
                rule.package, rule.dependency, rule.reason
            ));
        }
    }
    Ok(found)
}

fn bootstrapper_bytes() -> Result<u64> {
    cargo::run(&[
        "build",
        "--quiet",
        "--profile",
        "tiny",
        "--package",
        "bootstrapper",
    ])?;
    let path = cargo::target_dir()?.join("tiny/bootstrapper");
    Ok(std::fs::metadata(&path)
        .with_context(|| format!("look at {}", path.display()))?
        .len())
}

fn lines(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .fold(String::new(), |text, name| text + name + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_and_a_vanished_dependency_are_named() {
        let crates = BTreeSet::from(["libc".to_owned(), "tokio".to_owned()]);
        assert_eq!(
            difference("bootstrapper", "libc\nsha2\n", &crates),
            [
                "bootstrapper now links tokio",
                "bootstrapper no longer links sha2"
            ]
        );
        assert_eq!(
            difference("bootstrapper", &lines(&crates), &crates),
            [""; 0]
        );
    }
}
