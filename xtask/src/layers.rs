//! `cargo xtask layers`: crates may depend only on what `docs/layers.toml` allows.
//!
//! Each crate has a layer; an arrow must be listed, and must point to a lower layer. A listed arrow
//! that no crate uses is an error too, so that the file stays a true picture.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, Metadata};
use serde::Deserialize;

use crate::cargo;

/// One entry of `docs/layers.toml`.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    /// 0 is the bottom; layers `0a` and `0b` of the picture are 0 and 1 here.
    layer: u32,
    /// Crates it may depend on.
    #[serde(default)]
    uses: BTreeSet<String>,
}

type Allowed = BTreeMap<String, Entry>;
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Compares the workspace with the file and lists every difference.
pub(crate) fn check() -> Result<()> {
    let path = cargo::root().join("docs/layers.toml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let allowed: Allowed =
        toml::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    let complaints = complaints(&allowed, &arrows(&cargo::metadata()?));
    if !complaints.is_empty() {
        bail!("the layers do not hold:\n  {}", complaints.join("\n  "));
    }
    println!("layers: {} crates, every arrow points down", allowed.len());
    Ok(())
}

/// Dependencies among the crates of the workspace, without those of tests.
pub(crate) fn arrows(metadata: &Metadata) -> Arrows {
    let members = metadata.workspace_packages();
    let names: BTreeSet<&str> = members
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    members
        .iter()
        .map(|package| {
            let uses = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .filter(|dependency| names.contains(dependency.name.as_str()))
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), uses)
        })
        .collect()
}

fn complaints(allowed: &Allowed, arrows: &Arrows) -> Vec<String> {
    let mut found = Vec::new();
    for (name, uses) in arrows {
        let Some(entry) = allowed.get(name) else {
            found.push(format!("{name} has no entry in docs/layers.toml"));
            continue;
        };
        for used in uses.difference(&entry.uses) {
            found.push(format!("{name} -> {used} is not allowed"));
        }
        for unused in entry.uses.difference(uses) {
            found.push(format!(
                "{name} -> {unused} is allowed but not used; remove it from the file"
            ));
        }
        for used in &entry.uses {
            if allowed
                .get(used)
                .is_some_and(|lower| lower.layer >= entry.layer)
            {
                found.push(format!("{name} -> {used} does not point to a lower layer"));
            }
        }
    }
    for name in allowed.keys().filter(|name| !arrows.contains_key(*name)) {
        found.push(format!("docs/layers.toml names {name}, which is no crate"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> Allowed {
        toml::from_str(text).unwrap()
    }

    fn arrows_of(list: &[(&str, &[&str])]) -> Arrows {
        list.iter()
            .map(|(name, uses)| {
                (
                    (*name).to_owned(),
                    uses.iter().map(|used| (*used).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn a_true_picture_has_no_complaints() {
        let allowed = allowed("low = {layer=0}\nhigh = {layer=1, uses=['low']}");
        assert_eq!(
            complaints(&allowed, &arrows_of(&[("low", &[]), ("high", &["low"])])),
            [""; 0]
        );
    }

    #[test]
    fn an_unlisted_an_unused_an_upward_arrow_and_a_strange_crate_are_named() {
        let allowed = allowed(
            "low = {layer=0, uses=['high']}\nhigh = {layer=1, uses=['low']}\ngone = {layer=0}",
        );
        let found = complaints(
            &allowed,
            &arrows_of(&[("low", &["high"]), ("high", &[]), ("new", &["low"])]),
        );
        assert_eq!(
            found,
            [
                "high -> low is allowed but not used; remove it from the file",
                "low -> high does not point to a lower layer",
                "new has no entry in docs/layers.toml",
                "docs/layers.toml names gone, which is no crate",
            ]
        );
        let found = complaints(
            &self::allowed("low = {layer=0}\nhigh = {layer=1}"),
            &arrows_of(&[("low", &[]), ("high", &["low"])]),
        );
        assert_eq!(found, ["high -> low is not allowed"]);
    }
}
