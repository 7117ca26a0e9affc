//! `cargo xtask tidy`: small rooms with names that say something.
//!
//! Files of at most [`MOST_LINES`] lines, a head (`//!`) on every source file of more than
//! [`HEAD_FROM`] lines, and none of the names that say nothing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Longest source file, tests at its foot included.
const MOST_LINES: usize = 500;

/// From this length on a file must begin by saying what it is.
const HEAD_FROM: usize = 60;

/// Names of files and folders that could hold anything.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "misc"];

/// Checks every source file that git knows.
pub(crate) fn check() -> Result<()> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.rs",
        ])
        .current_dir(cargo::root())
        .output()
        .context("start git, which lists the files to check")?;
    let files =
        String::from_utf8(listed.stdout).context("git printed something that is not UTF-8")?;
    let mut found = Vec::new();
    let mut count = 0;
    for file in files
        .lines()
        .filter(|file| cargo::root().join(file).exists())
    {
        let text = std::fs::read_to_string(cargo::root().join(file))
            .with_context(|| format!("read {file}"))?;
        found.extend(complaints(file, &text));
        count += 1;
    }
    if !found.is_empty() {
        bail!("not tidy:\n  {}", found.join("\n  "));
    }
    println!("tidy: {count} source files");
    Ok(())
}

fn complaints(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let mut found = Vec::new();
    if lines > MOST_LINES {
        found.push(format!(
            "{file}: {lines} lines, at most {MOST_LINES} are allowed; split it"
        ));
    }
    if lines > HEAD_FROM && !text.starts_with("//!") {
        found.push(format!(
            "{file}: begins without a head (//!) that says what it is"
        ));
    }
    let names = Path::new(file)
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    for name in names {
        let stem = name.trim_end_matches(".rs");
        if EMPTY_NAMES.contains(&stem) && !file.starts_with("tests/helpers/") {
            found.push(format!(
                "{file}: `{stem}` says nothing; name it after what it does"
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_with_a_name_passes() {
        assert_eq!(complaints("agent/src/wire.rs", "fn main() {}\n"), [""; 0]);
    }

    #[test]
    fn a_long_headless_file_with_an_empty_name_gets_three_complaints() {
        let text = "// no head\n".repeat(MOST_LINES + 1);
        assert_eq!(complaints("agent/src/utils.rs", &text).len(), 3);
    }
}
