//! Hooks of the agent's own life.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::words;
use super::{ConfigError, Place, Values};

/// Where they are, and what runs them.
#[derive(Debug)]
pub struct LifeConfig {
    /// Folders, in the order in which their hooks run.
    pub folders: Vec<PathBuf>,
    /// Shell for hooks that are scripts of one; empty when each says so itself.
    pub shell: Vec<OsString>,
}

pub(super) fn life(values: &Values<'_>, place: &Place) -> Result<LifeConfig, ConfigError> {
    let further = values.list("additional-hooks-paths").into_iter();
    let further = further.map(|path| place.around.absolute(&path));
    let shell = words::split(&values.text("hooks-shell"))
        .map_err(|error| values.complain("hooks-shell", &format!("cannot be run: {error}")))?;
    Ok(LifeConfig {
        folders: values
            .path("hooks-path")
            .into_iter()
            .chain(further)
            .collect(),
        shell: shell.into_iter().map(OsString::from).collect(),
    })
}
