//! The host that a command is about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Zoned;
use shared_handover::layout::{Component, StateDir};

use crate::failure::Failure;
use crate::os;

/// A host, and how a command meets it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) state: StateDir,
    /// How long a silent launcher is waited for.
    pub(crate) patience: Duration,
    pub(crate) now: Zoned,
}

/// The state folder that was named, or the usual one.
pub(crate) fn find(named: Option<&Path>) -> Result<StateDir, Failure> {
    let path = match named {
        Some(path) => path.to_owned(),
        None if Path::new(os::USUAL_STATE_DIR).is_dir() => PathBuf::from(os::USUAL_STATE_DIR),
        None => return Err(Failure::NoStateDir),
    };
    drop(std::fs::read_dir(&path).map_err(Failure::file("cannot read", &path))?);
    let path = std::path::absolute(&path).unwrap_or(path);
    let state = StateDir::new(&path);
    let pages = Component::ALL.map(|component| state.pages(component)[0].clone());
    let known = [
        state.store(),
        state.launcher_lock(),
        state.bootstrapper_lock(),
    ];
    if pages.iter().chain(&known).any(|path| path.exists()) {
        return Ok(state);
    }
    Err(Failure::NotAStateDir(path))
}
