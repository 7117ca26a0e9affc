//! Where the job API opens.

use std::path::PathBuf;

use agent_local_api::sockets_folder;
use shared_protocol::env as names;

use super::error::SettingsError;
use super::source::Source;

/// The place of the job API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// In the agent's folder of sockets.
    In(PathBuf),
    /// Nobody wants one.
    Unwanted,
    /// There is no place for it: none is named, and there is no home folder.
    Nowhere,
}

impl Sockets {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, SettingsError> {
        if source.switch("BUILDKITE_AGENT_NO_JOB_API", false)? {
            return Ok(Self::Unwanted);
        }
        let given = source.text(names::SOCKETS_PATH);
        let folder = sockets_folder(given, source.env.get("HOME"));
        // Children run in other folders than this process.
        let folder = folder.map(|folder| std::path::absolute(&folder).unwrap_or(folder));
        Ok(folder.map_or(Self::Nowhere, Self::In))
    }
}
