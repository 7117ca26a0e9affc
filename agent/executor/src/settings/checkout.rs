//! What concerns the checkout.

use std::time::Duration;

use shared_protocol::env as names;

use super::SettingsError;
use super::source::Source;

/// What concerns the checkout.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) repository: String,
    pub(crate) commit: String,
    pub(crate) branch: String,
    pub(crate) refspec: Option<String>,
    /// Number of the pull request; none for `false` and for an empty value.
    pub(crate) pull_request: Option<String>,
    pub(crate) merge_refspec: bool,
    pub(crate) provider: String,
    pub(crate) clean: bool,
    pub(crate) skip: bool,
    pub(crate) submodules: bool,
    pub(crate) submodule_config: Vec<String>,
    pub(crate) flags: GitFlags,
    pub(crate) skip_fetch_of_existing: bool,
    pub(crate) is_tag: bool,
    pub(crate) ssh_keyscan: bool,
    pub(crate) ssh_key: Option<String>,
    pub(crate) verification: Verification,
    pub(crate) attempts: u32,
    /// Limit of one attempt.
    pub(crate) attempt_limit: Option<Duration>,
}

/// Whether the commit must be on the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verification {
    Off,
    Warn,
    Strict,
}

/// Configured words for the subcommands of git.
#[derive(Debug)]
pub(crate) struct GitFlags {
    pub(crate) clone: Vec<String>,
    pub(crate) fetch: Vec<String>,
    pub(crate) checkout: Vec<String>,
    pub(crate) clean: Vec<String>,
}

impl Checkout {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, SettingsError> {
        let repository = source.required(names::REPO)?;
        let commit = source.required(names::COMMIT)?;
        let branch = source.required(names::BRANCH)?;
        let provider = source.required(names::PIPELINE_PROVIDER)?;
        let limit = source.number("BUILDKITE_GIT_CHECKOUT_TIMEOUT", 0_u64)?;
        let pull_request = source.text("BUILDKITE_PULL_REQUEST");
        Ok(Self {
            repository,
            commit,
            branch,
            provider,
            refspec: source.text("BUILDKITE_REFSPEC").map(str::to_owned),
            pull_request: pull_request
                .filter(|number| *number != "false")
                .map(str::to_owned),
            merge_refspec: source.switch("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC", false)?,
            clean: source.switch("BUILDKITE_CLEAN_CHECKOUT", false)?,
            skip: source.switch("BUILDKITE_SKIP_CHECKOUT", false)?,
            submodules: source.switch("BUILDKITE_GIT_SUBMODULES", true)?,
            submodule_config: source.list("BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG", &[]),
            flags: GitFlags {
                clone: source.words("BUILDKITE_GIT_CLONE_FLAGS", "-v")?,
                fetch: source.words("BUILDKITE_GIT_FETCH_FLAGS", "-v --prune")?,
                checkout: source.words("BUILDKITE_GIT_CHECKOUT_FLAGS", "-f")?,
                clean: source.words("BUILDKITE_GIT_CLEAN_FLAGS", "-ffxdq")?,
            },
            skip_fetch_of_existing: source
                .switch("BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS", false)?,
            ssh_keyscan: source.switch("BUILDKITE_SSH_KEYSCAN", true)?,
            ssh_key: source.text("BUILDKITE_GIT_SSH_KEY").map(str::to_owned),
            is_tag: source.text("BUILDKITE_TAG").is_some(),
            verification: verification(source)?,
            attempts: source.number("BUILDKITE_CHECKOUT_ATTEMPTS", 6_u32)?.max(1),
            attempt_limit: (limit > 0).then(|| Duration::from_secs(limit)),
        })
    }
}

fn verification(source: &Source<'_>) -> Result<Verification, SettingsError> {
    const VARIABLE: &str = "BUILDKITE_GIT_COMMIT_VERIFICATION";
    match source.text(VARIABLE) {
        None | Some("off") => Ok(Verification::Off),
        Some("warn") => Ok(Verification::Warn),
        Some("strict") => Ok(Verification::Strict),
        Some(_) => Err(source.invalid(VARIABLE, "off, warn or strict")),
    }
}
