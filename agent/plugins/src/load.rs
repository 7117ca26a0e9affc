//! Libraries to plugins, one at a time, each within its time.

use std::path::Path;
use std::time::Duration;

use crate::limited::{NoResult, limited};
use crate::os::library::{CallError, OpenError, Plugin};

/// Why a library is left out.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
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
    /// The agent died or hung in it before.
    #[error(
        "the agent died or hung in it {} times, so it is left out until the plugins change",
        crate::deaths::TOO_MANY
    )]
    Deadly,
}

/// The name of a library's file, for people.
pub fn label(library: &Path) -> String {
    let name = library.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Loads a library, unless a plugin of its name is among `names`.
pub fn load(library: &Path, names: &[String], limit: Duration) -> Result<Plugin, LoadError> {
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
pub fn ask_tags(
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
