//! What a job may ask for that this version does not do yet. It is said in the log, never skipped
//! in silence.

use std::path::Path;

use crate::job::Job;

const HOOKS: [&str; 10] = [
    "environment",
    "pre-checkout",
    "checkout",
    "post-checkout",
    "pre-command",
    "command",
    "post-command",
    "pre-artifact",
    "post-artifact",
    "pre-exit",
];

/// Variables whose mere presence asks for something.
const ASKS: [(&str, &str); 6] = [
    ("BUILDKITE_ARTIFACT_PATHS", "artifacts are not uploaded"),
    ("BUILDKITE_SECRETS_CONFIG", "secrets are not fetched"),
    ("BUILDKITE_GIT_MIRRORS_PATH", "git mirrors are not used"),
    (
        "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",
        "the checkout is not sparse",
    ),
    (
        "BUILDKITE_GIT_LFS_ENABLED",
        "files of git LFS are not fetched",
    ),
    (
        "BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS",
        "git credentials are not fetched",
    ),
];

/// Hooks of the agent, and other wishes.
pub(crate) fn announce(job: &mut Job) {
    for folder in job.settings.hooks_paths.clone() {
        hooks(job, &folder);
    }
    for (variable, consequence) in ASKS {
        let asked = job
            .env
            .filled(variable)
            .is_some_and(|value| value != "false");
        if asked {
            job.log.warning(&format!(
                "{variable} is set, but in this version {consequence}"
            ));
        }
    }
}

/// Hooks of the repository, once it is there.
pub(crate) fn repository_hooks(job: &mut Job) {
    let folder = job.here(".buildkite/hooks");
    hooks(job, &folder);
}

fn hooks(job: &mut Job, folder: &Path) {
    let found: Vec<&str> = HOOKS
        .into_iter()
        .filter(|name| folder.join(name).is_file())
        .collect();
    if !found.is_empty() {
        job.log.warning(&format!(
            "hooks in {} are not run by this version: {}",
            folder.display(),
            found.join(", ")
        ));
    }
}
