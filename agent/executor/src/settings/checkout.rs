//! What concerns the checkout.

use std::path::PathBuf;
use std::time::Duration;

use shared_protocol::env as names;

use super::error::SettingsError;
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
    pub(crate) mirrors: Option<Mirrors>,
    /// Directories or patterns to check out; everything if there are none.
    pub(crate) sparse_paths: Vec<String>,
    pub(crate) sparse_mode: SparseMode,
    /// Whether large files are fetched too.
    pub(crate) lfs: bool,
    /// At least one.
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

/// Copies of repositories that all jobs of the host share.
#[derive(Debug, Clone)]
pub(crate) struct Mirrors {
    /// The folder they are in.
    pub(crate) folder: PathBuf,
    pub(crate) borrowing: Borrowing,
    /// How long a job waits for another one that works on a mirror.
    pub(crate) lock_timeout: Duration,
    /// Take them as they are.
    pub(crate) skip_update: bool,
    pub(crate) clone_flags: Vec<String>,
}

/// How a checkout uses the objects of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Borrowing {
    /// It reads them there, for as long as it lives.
    Reference,
    /// It copies them.
    Dissociate,
}

/// What the paths of a sparse checkout are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SparseMode {
    /// Directories.
    Cone,
    /// Patterns as in `.gitignore`.
    NoCone,
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
        let limit = source.number("BUILDKITE_GIT_CHECKOUT_TIMEOUT", 0_i64)?;
        let pull_request = source.text("BUILDKITE_PULL_REQUEST");
        Ok(Self {
            repository,
            commit,
            branch,
            provider,
            refspec: filled(source.text("BUILDKITE_REFSPEC")),
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
            ssh_key: filled(source.text("BUILDKITE_GIT_SSH_KEY")),
            is_tag: source.text("BUILDKITE_TAG").is_some(),
            verification: verification(source)?,
            mirrors: mirrors(source)?,
            sparse_paths: source.list("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", &[]),
            sparse_mode: sparse_mode(source)?,
            lfs: source.switch("BUILDKITE_GIT_LFS_ENABLED", false)?,
            attempts: attempts(source)?,
            attempt_limit: seconds(limit).filter(|limit| !limit.is_zero()),
        })
    }
}

fn verification(source: &Source<'_>) -> Result<Verification, SettingsError> {
    const VARIABLE: &str = "BUILDKITE_GIT_COMMIT_VERIFICATION";
    match source.text(VARIABLE) {
        None | Some("" | "off") => Ok(Verification::Off),
        Some("warn") => Ok(Verification::Warn),
        Some("strict") => Ok(Verification::Strict),
        Some(_) => Err(source.invalid(VARIABLE, "off, warn or strict")),
    }
}

/// Hooks may empty what the job asked for.
fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Anything below one means the default, as for the peer.
fn attempts(source: &Source<'_>) -> Result<u32, SettingsError> {
    const DEFAULT: u32 = 6;
    let asked = source.number("BUILDKITE_CHECKOUT_ATTEMPTS", i64::from(DEFAULT))?;
    Ok(u32::try_from(asked)
        .ok()
        .filter(|n| *n > 0)
        .unwrap_or(DEFAULT))
}

/// None for a negative number.
fn seconds(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_secs)
}

fn mirrors(source: &Source<'_>) -> Result<Option<Mirrors>, SettingsError> {
    const MODE: &str = "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE";
    let timeout = source.number("BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT", 300_i64)?;
    let borrowing = match source.text(MODE) {
        None | Some("" | "reference") => Borrowing::Reference,
        Some("dissociate") => Borrowing::Dissociate,
        Some(_) => return Err(source.invalid(MODE, "reference or dissociate")),
    };
    let skip_update = source.switch("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE", false)?;
    let clone_flags = source.words("BUILDKITE_GIT_CLONE_MIRROR_FLAGS", "-v")?;
    let folder = source.text("BUILDKITE_GIT_MIRRORS_PATH");
    Ok(folder.map(|folder| Mirrors {
        folder: PathBuf::from(folder),
        borrowing,
        lock_timeout: seconds(timeout).unwrap_or_default(),
        skip_update,
        clone_flags,
    }))
}

fn sparse_mode(source: &Source<'_>) -> Result<SparseMode, SettingsError> {
    const VARIABLE: &str = "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE";
    match source.text(VARIABLE) {
        None | Some("" | "cone") => Ok(SparseMode::Cone),
        Some("no-cone") => Ok(SparseMode::NoCone),
        Some(_) => Err(source.invalid(VARIABLE, "cone or no-cone")),
    }
}
