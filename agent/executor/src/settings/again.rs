//! Settings that hooks may change while the job runs.

use std::collections::BTreeMap;

use super::{Settings, SettingsError};
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

/// What decides which files come: an unknown choice or broken flags are none to guess at.
const DECISIVE: [&str; 8] = [
    "BUILDKITE_GIT_CHECKOUT_FLAGS",
    "BUILDKITE_GIT_CLEAN_FLAGS",
    "BUILDKITE_GIT_CLONE_FLAGS",
    MIRROR_FLAGS,
    "BUILDKITE_GIT_COMMIT_VERIFICATION",
    "BUILDKITE_GIT_FETCH_FLAGS",
    MIRROR_MODE,
    SPARSE_MODE,
];
const MIRROR_FLAGS: &str = "BUILDKITE_GIT_CLONE_MIRROR_FLAGS";
const MIRROR_MODE: &str = "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE";
const SPARSE_MODE: &str = "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE";

impl Settings {
    /// Reads again which of these variables hooks changed; answers their names and new values. A
    /// value that cannot be read is passed over, and so is a variable that is gone; see
    /// [`Settings::undecided`]. An empty value is a value here: flags can be emptied.
    pub(crate) fn read_again(&mut self, env: &Environment) -> BTreeMap<&'static str, String> {
        let own = env.own();
        let mut read = BTreeMap::new();
        for name in NAMES {
            let before = self.again.get(name).map(String::as_str);
            let before = before.or_else(|| own.text(name));
            self.undecided.remove(name);
            let Some(value) = env.text(name).filter(|value| Some(*value) != before) else {
                continue;
            };
            let mut again = self.again.clone();
            again.insert(name, value.to_owned());
            match Self::read_with(&self.given, &again, &own) {
                Ok(settings) => {
                    let before = std::mem::replace(self, settings);
                    // That the host has no terminal to give was found out, not read.
                    self.pty = before.pty;
                    self.undecided = before.undecided;
                    read.insert(name, value.to_owned());
                }
                Err(error) if DECISIVE.contains(&name) => {
                    self.undecided.insert(name, error);
                }
                Err(_) => {}
            }
        }
        read
    }

    /// Why this job cannot be checked out, if a hook set what nobody can make sense of.
    pub(crate) fn undecided(&self) -> Option<&SettingsError> {
        let is_used = |name: &str| match name {
            MIRROR_FLAGS | MIRROR_MODE => self.checkout.mirrors.is_some(),
            SPARSE_MODE => !self.checkout.sparse_paths.is_empty(),
            _ => true,
        };
        let mut used = self.undecided.iter().filter(|(name, _)| is_used(name));
        used.next().map(|(_, error)| error)
    }
}
