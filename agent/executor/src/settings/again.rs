//! Settings that hooks may change while the job runs.

use std::collections::BTreeMap;

use super::Settings;
use crate::environment::Environment;

/// What is read again once a hook changed it. Anything else a hook changes is for children only.
const NAMES: [&str; 23] = [
    "BUILDKITE_ARTIFACT_PATHS",
    "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION",
    "BUILDKITE_CLEAN_CHECKOUT",
    "BUILDKITE_GIT_CHECKOUT_FLAGS",
    "BUILDKITE_GIT_CHECKOUT_TIMEOUT",
    "BUILDKITE_GIT_CLEAN_FLAGS",
    "BUILDKITE_GIT_CLONE_FLAGS",
    "BUILDKITE_GIT_CLONE_MIRROR_FLAGS",
    "BUILDKITE_GIT_COMMIT_VERIFICATION",
    "BUILDKITE_GIT_FETCH_FLAGS",
    "BUILDKITE_GIT_LFS_ENABLED",
    "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",
    "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE",
    "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS",
    "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE",
    "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",
    "BUILDKITE_GIT_SSH_KEY",
    "BUILDKITE_GIT_SUBMODULES",
    "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",
    "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",
    "BUILDKITE_REFSPEC",
    "BUILDKITE_REPO",
    "BUILDKITE_SKIP_CHECKOUT",
];

impl Settings {
    /// Reads again which of these variables hooks changed; answers their names and new values. A
    /// value that cannot be read is passed over, and so is a variable that is gone. An empty value
    /// is a value here: flags can be emptied.
    pub(crate) fn read_again(&mut self, env: &Environment) -> BTreeMap<&'static str, String> {
        let own = env.own();
        let mut read = BTreeMap::new();
        for name in NAMES {
            let before = self.again.get(name).map(String::as_str);
            let before = before.or_else(|| own.text(name));
            let Some(value) = env.text(name).filter(|value| Some(*value) != before) else {
                continue;
            };
            let mut again = self.again.clone();
            again.insert(name, value.to_owned());
            if let Ok(settings) = Self::read_with(&self.given, &again, &own) {
                // That the host has no terminal to give was found out, not read.
                let pty = self.pty;
                *self = settings;
                self.pty = pty;
                read.insert(name, value.to_owned());
            }
        }
        read
    }
}
