//! `cargo xtask docs`: docs/configuration.md is made by the agent, from the tables it reads its
//! settings by.

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Compares the page with what the agent makes, or with `write` replaces it.
pub(crate) fn run(write: bool) -> Result<()> {
    let page = cargo::output(&[
        "run",
        "--quiet",
        "--package",
        "agent",
        "--",
        "config",
        "markdown",
    ])?;
    let path = cargo::root().join("docs/configuration.md");
    if write {
        return std::fs::write(&path, page).context("write docs/configuration.md");
    }
    let found = std::fs::read_to_string(&path).context("read docs/configuration.md")?;
    if found != page {
        bail!("docs/configuration.md is not what the agent reads; run `cargo xtask docs --write`");
    }
    println!("docs: docs/configuration.md lists what the agent reads");
    Ok(())
}
