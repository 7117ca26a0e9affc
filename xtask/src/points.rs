//! `cargo xtask points`: every call that crosses to the operating system stands behind a fault point.
//!
//! The sweep (`cargo xtask torture`) can only strike where there is a name. This check reads the
//! sources of the two upper tiers, lists their points, and refuses a name that stands twice and a
//! raw call with no point before it. What cannot have one is exempt with a reason, in
//! `tests/shape/points-exempt.toml`; an exemption that nothing needs is refused too.

mod raw;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo;
use source::{Bare, Named, Reader};

/// Crates all of whose calls must stand behind points.
const CHECKED: [&str; 7] = [
    "shared/slots",
    "shared/supervise",
    "shared/systemd",
    "shared/fetch",
    "launcher",
    "launcher/control",
    "bootstrapper",
];

/// Crates that have points in some places, whose names count.
const NAMED: [&str; 2] = ["agent", "agent/runner"];

/// The exemptions, as written down.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exemptions {
    /// Raw calls that need no point.
    #[serde(default)]
    call: Vec<ExemptCall>,
    /// Points that no scenario of the sweep reaches.
    #[serde(default)]
    unreached: Vec<Unreached>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExemptCall {
    /// Source file, from the root of the repository.
    file: String,
    /// The function it stands in; left out where the whole file is behind points elsewhere.
    function: Option<String>,
    /// Why there is no point.
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreached {
    point: String,
    reason: String,
}

/// What the sources say, all crates together.
#[derive(Debug, Default)]
struct Found {
    named: Vec<Named>,
    bare: Vec<Bare>,
}

/// Prints the points of each crate; fails when one is missing.
pub(crate) fn check(list: bool) -> Result<()> {
    let exemptions = exemptions()?;
    let functions = at_functions()?;
    let mut all = Found::default();
    for (folder, strict) in CHECKED
        .map(|folder| (folder, true))
        .into_iter()
        .chain(NAMED.map(|folder| (folder, false)))
    {
        let found = read_crate(folder, &functions)?;
        println!("points: {folder}: {}", found.named.len());
        if list {
            for named in &found.named {
                println!("  {}  {}:{}", named.name, named.file, named.line);
            }
        }
        all.named.extend(found.named);
        if strict {
            all.bare.extend(found.bare);
        }
    }
    let complaints = complaints(&all, &exemptions);
    if !complaints.is_empty() {
        bail!(
            "{} calls or names need another look:\n  {}",
            complaints.len(),
            complaints.join("\n  ")
        );
    }
    println!("points: {} in all, each name once", all.named.len());
    Ok(())
}

/// Names of all points that run on this platform.
pub(crate) fn names() -> Result<BTreeSet<String>> {
    let functions = at_functions()?;
    let mut names = BTreeSet::new();
    for folder in CHECKED.into_iter().chain(NAMED) {
        let found = read_crate(folder, &functions)?;
        let here = found.named.into_iter().filter(|named| !named.elsewhere);
        names.extend(here.map(|named| named.name));
    }
    Ok(names)
}

/// Points that the sweep need not reach, with the reasons.
pub(crate) fn unreached() -> Result<BTreeMap<String, String>> {
    let unreached = exemptions()?.unreached.into_iter();
    Ok(unreached
        .map(|exempt| (exempt.point, exempt.reason))
        .collect())
}

fn exemptions() -> Result<Exemptions> {
    let path = cargo::root().join("tests/shape/points-exempt.toml");
    let text = std::fs::read_to_string(path).context("read tests/shape/points-exempt.toml")?;
    toml::from_str(&text).context("parse tests/shape/points-exempt.toml")
}

fn complaints(found: &Found, exemptions: &Exemptions) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut first: BTreeMap<&str, &Named> = BTreeMap::new();
    for named in &found.named {
        let at = format!("{}:{}", named.file, named.line);
        if !is_name(&named.name) {
            complaints.push(format!(
                "{at}: `{}` is no name of a point; it must be <module>.<call>",
                named.name
            ));
        }
        match first.get(&*named.name) {
            // Twins for two platforms are one call.
            Some(other) if !(named.elsewhere || other.elsewhere) => complaints.push(format!(
                "{at}: `{}` stands already at {}:{}",
                named.name, other.file, other.line
            )),
            Some(_) => {}
            None => {
                first.insert(&named.name, named);
            }
        }
    }
    let exempts = |exempt: &ExemptCall, bare: &Bare| {
        let function = exempt.function.as_deref();
        exempt.file == bare.file && function.is_none_or(|function| function == bare.function)
    };
    for bare in &found.bare {
        if !exemptions.call.iter().any(|exempt| exempts(exempt, bare)) {
            complaints.push(format!(
                "{}:{}: `{}` in `{}` {}",
                bare.file, bare.line, bare.call, bare.function, bare.fault
            ));
        }
    }
    for exempt in &exemptions.call {
        if exempt.reason.trim().is_empty() || !found.bare.iter().any(|bare| exempts(exempt, bare)) {
            complaints.push(format!(
                "points-exempt.toml: `{}` in {} needs no exemption, or gives no reason",
                exempt.function.as_deref().unwrap_or("all"),
                exempt.file
            ));
        }
    }
    for exempt in &exemptions.unreached {
        if exempt.reason.trim().is_empty() || !first.contains_key(&*exempt.point) {
            complaints.push(format!(
                "points-exempt.toml: there is no point `{}`, or no reason",
                exempt.point
            ));
        }
    }
    complaints
}

/// `<module>.<call>` in lower case, words joined by dashes or underscores.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    name.split_once('.')
        .is_some_and(|(module, call)| is_word(module) && is_word(call))
}

/// Functions that take the name of a point as their argument `at`, and which argument that is.
fn at_functions() -> Result<BTreeMap<String, usize>> {
    let mut functions = BTreeMap::new();
    for folder in CHECKED.into_iter().chain(NAMED) {
        for path in sources(&cargo::root().join(folder).join("src"))? {
            functions.extend(source::at_functions(&parse(&path)?));
        }
    }
    Ok(functions)
}

fn read_crate(folder: &str, functions: &BTreeMap<String, usize>) -> Result<Found> {
    let root = cargo::root();
    let mut found = Found::default();
    let paths = sources(&root.join(folder).join("src"))?;
    let mut parsed = Vec::new();
    for path in paths {
        let file = path.strip_prefix(&root).unwrap_or(&path);
        parsed.push((file.to_string_lossy().into_owned(), parse(&path)?));
    }
    let tests: Vec<String> = parsed
        .iter()
        .flat_map(|(file, tree)| source::test_files(file, tree))
        .collect();
    for (file, tree) in &parsed {
        if !tests.contains(file) {
            let (named, bare) = Reader::read(file, tree, functions);
            found.named.extend(named);
            found.bare.extend(bare);
        }
    }
    Ok(found)
}

fn parse(path: &Path) -> Result<syn::File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    syn::parse_file(&text).with_context(|| format!("parse {}", path.display()))
}

/// All Rust files below a folder, sorted.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints_about(text: &str, exempt: &str) -> Vec<String> {
        let tree = syn::parse_file(text).unwrap();
        let functions = source::at_functions(&tree);
        let (named, bare) = Reader::read("a.rs", &tree, &functions);
        complaints(&Found { named, bare }, &toml::from_str(exempt).unwrap())
    }

    #[test]
    fn a_name_stands_once_except_for_another_platform() {
        let twice = r#"fn a() { point("a.b")?; } fn b() { point("a.b")?; }"#;
        assert_eq!(complaints_about(twice, "").len(), 1);
        let twins = r#"#[cfg(unix)] fn a() { point("a.b")?; }
                       #[cfg(windows)] fn a() { point("a.b")?; }"#;
        assert_eq!(complaints_about(twins, ""), [""; 0]);
        assert_eq!(
            complaints_about(r#"fn a() { point("Bad name")?; }"#, "").len(),
            1
        );
    }

    #[test]
    fn an_exemption_serves_one_function_and_must_be_needed() {
        let bare = "fn a() { std::fs::read(p) }";
        let exempt = "[[call]]\nfile = \"a.rs\"\nfunction = \"a\"\nreason = \"why not\"\n";
        assert_eq!(complaints_about(bare, "").len(), 1);
        assert_eq!(complaints_about(bare, exempt), [""; 0]);
        assert_eq!(complaints_about("fn a() {}", exempt).len(), 1);
    }
}
