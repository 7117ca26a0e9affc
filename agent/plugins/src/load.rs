//! Libraries to plugins, one at a time, each within its time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::deaths::TOO_MANY;
use crate::limited::{NoResult, limited};
use crate::os::library::{CallError, OpenError, Plugin};

/// Why a library is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// It is no library, or no plugin of this agent.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another one with this name is loaded already.
    #[error("another plugin has the name {0:?} too and is used instead; remove one of them")]
    Twice(String),
    /// A call did not end in time.
    #[error("it did not answer within {} s and is left out", .0.as_secs_f32())]
    Late(Duration),
    /// There is no thread for it.
    #[error("there was no thread to run it on")]
    NoThread,
    /// It ended the process in which it was tried.
    #[error("it ended the process in which it was tried, so it is left out")]
    Died,
    /// It could not be tried.
    #[error("there was no process to try it in: {0}; the next start of the agent tries again")]
    Rehearsal(io::Error),
    /// The agent died or hung in it before, though it had survived being tried.
    #[error(
        "the agent died or hung in it {TOO_MANY} times, so it is left out until the plugins \
         change or {} is removed",
        .0.display()
    )]
    Deadly(PathBuf),
    /// Whether the agent dies in it could not be written down.
    #[error("failed to write {}: {cause}; without that file it is left out", path.display())]
    NoCount {
        /// The file that counts its deaths.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// The name of a library's file, for people.
pub(crate) fn label(library: &Path) -> String {
    let name = library.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Loads a library, unless a plugin of its name is among `names`.
pub(crate) fn load(library: &Path, names: &[String], limit: Duration) -> Result<Plugin, LoadError> {
    let path = library.to_owned();
    let opened = limited(limit, move || Plugin::open(&path));
    let plugin = opened.map_err(|error| no_result(error, limit))??;
    if names.iter().any(|name| name == plugin.name()) {
        return Err(LoadError::Twice(plugin.name().to_owned()));
    }
    Ok(plugin)
}

/// Asks a plugin for its tags, as it wrote them; no text if it has none to give. A plugin that does
/// not answer in time is lost.
pub(crate) fn ask_tags(
    plugin: Plugin,
    limit: Duration,
) -> Result<(Plugin, Result<String, CallError>), LoadError> {
    let asked = limited(limit, move || {
        let answer = plugin.tags();
        (plugin, answer)
    });
    asked.map_err(|error| no_result(error, limit))
}

fn no_result(error: NoResult, limit: Duration) -> LoadError {
    match error {
        NoResult::Late => LoadError::Late(limit),
        NoResult::NoThread => LoadError::NoThread,
    }
}
