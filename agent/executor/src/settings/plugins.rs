//! What concerns plugins.

use std::path::PathBuf;

use super::error::SettingsError;
use super::source::Source;

/// What concerns plugins.
#[derive(Debug)]
pub(crate) struct Plugins {
    /// The step's list, as JSON; none if the step has no plugins.
    pub(crate) list: Option<String>,
    /// Where plugins are kept, each agent's in a folder of its own.
    pub(crate) path: Option<PathBuf>,
    pub(crate) enabled: bool,
    /// Whether a configuration is compared with what the plugin's definition says.
    pub(crate) validation: bool,
    /// Whether a plugin that is there already is cloned again. Hooks may change it.
    pub(crate) always_clone_fresh: bool,
}

impl Plugins {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            list: source.text("BUILDKITE_PLUGINS").map(str::to_owned),
            path: source.text("BUILDKITE_PLUGINS_PATH").map(PathBuf::from),
            enabled: source.switch("BUILDKITE_PLUGINS_ENABLED", true)?,
            validation: source.switch("BUILDKITE_PLUGIN_VALIDATION", false)?,
            always_clone_fresh: source.switch("BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH", false)?,
        })
    }
}
