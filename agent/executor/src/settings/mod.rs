//! What one job is asked to do, read once at the start from flags and environment.
//!
//! A flag wins over its variable; an empty variable counts as not set.

mod again;
mod checkout;
mod error;
mod flags;
mod idle;
mod phase;
mod plugins;
mod sockets;
mod source;
mod tracing;

use std::collections::BTreeMap;
use std::path::PathBuf;

use agent_process::Signal;
use shared_protocol::env as names;
use shared_protocol::experiment::Experiments;
use shared_protocol::protection::OverrideMode;
use shared_redact::DEFAULT_NAMES;

use crate::cancellation::Grace;
use crate::environment::Environment;

pub(crate) use checkout::{Borrowing, Checkout, Mirrors, SparseMode, Verification};
pub(crate) use error::SettingsError;
pub(crate) use flags::{Parsed, help, parse};
pub(crate) use phase::Phase;
use plugins::Plugins;
pub(crate) use sockets::Sockets;
use source::Source;
pub(crate) use tracing::{Backend, Tracing};

/// The job as it is asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) job: String,
    pub(crate) command: String,
    pub(crate) agent: String,
    pub(crate) organization: String,
    pub(crate) pipeline: String,
    pub(crate) phases: Vec<Phase>,
    pub(crate) checkout: Checkout,
    pub(crate) command_eval: bool,
    /// Words that the command is appended to.
    pub(crate) shell: Vec<String>,
    pub(crate) pty: bool,
    pub(crate) debug: bool,
    /// The kind of profile to take of this process, if any.
    pub(crate) profile: Option<String>,
    pub(crate) redacted_names: Vec<String>,
    pub(crate) cancel_signal: Signal,
    pub(crate) grace: Grace,
    pub(crate) bin_path: Option<String>,
    pub(crate) build_path: Option<PathBuf>,
    pub(crate) hooks_paths: Vec<PathBuf>,
    /// Words that run the wrapper of every shell hook; none if each hook decides for itself.
    pub(crate) hooks_shell: Vec<String>,
    /// Whether the repository's own hooks may run.
    pub(crate) local_hooks: bool,
    /// Whether only the first of several plugins may replace the checkout or the command.
    pub(crate) strict_single_hooks: bool,
    pub(crate) artifacts: Artifacts,
    /// The step's secrets, as JSON.
    pub(crate) secrets: Option<String>,
    pub(crate) plugins: Plugins,
    pub(crate) quiet_warnings: Vec<String>,
    pub(crate) experiments: Experiments,
    /// Who decides the variables of the checkout.
    pub(crate) override_mode: OverrideMode,
    pub(crate) sockets: Sockets,
    pub(crate) tracing: Tracing,
    /// What flags said, and what hooks said later, for reading all of this again.
    given: BTreeMap<&'static str, String>,
    again: BTreeMap<&'static str, String>,
    /// What hooks said last of a variable, where it cannot be read.
    undecided: BTreeMap<&'static str, SettingsError>,
}

/// What the job leaves behind, and where.
#[derive(Debug)]
pub(crate) struct Artifacts {
    /// Patterns of paths, as `artifact upload` takes them; none if nothing is left.
    pub(crate) paths: Option<String>,
    /// Where they go if not to the endpoint's own store.
    pub(crate) destination: Option<String>,
}

impl Settings {
    /// Reads everything; the first thing that is wrong ends it.
    pub(crate) fn read(
        given: &BTreeMap<&'static str, String>,
        env: &Environment,
    ) -> Result<Self, SettingsError> {
        Self::read_with(given, &BTreeMap::new(), env)
    }

    /// As [`Settings::read`], but what hooks changed (`again`) wins over flags.
    fn read_with(
        given: &BTreeMap<&'static str, String>,
        again: &BTreeMap<&'static str, String>,
        env: &Environment,
    ) -> Result<Self, SettingsError> {
        let source = Source { given, again, env };
        let job = source.required(names::JOB_ID)?;
        let checkout = Checkout::read(&source)?;
        Ok(Self {
            job,
            checkout,
            agent: source.required(names::AGENT_NAME)?,
            organization: source.required(names::ORGANIZATION_SLUG)?,
            pipeline: source.required(names::PIPELINE_SLUG)?,
            command: source.text(names::COMMAND).unwrap_or_default().to_owned(),
            phases: source.phases()?,
            command_eval: source.switch("BUILDKITE_COMMAND_EVAL", true)?,
            shell: source.shell()?,
            pty: source.switch(names::PTY, true)?,
            debug: source.debug()?,
            profile: source.text("BUILDKITE_AGENT_PROFILE").map(str::to_owned),
            redacted_names: source.list(names::REDACTED_VARS, DEFAULT_NAMES),
            cancel_signal: source.signal()?,
            grace: source.grace()?,
            bin_path: source.text(names::BIN_PATH).map(str::to_owned),
            build_path: source.text(names::BUILD_PATH).map(PathBuf::from),
            hooks_paths: source
                .text("BUILDKITE_HOOKS_PATH")
                .into_iter()
                .chain(source.commas("BUILDKITE_ADDITIONAL_HOOKS_PATHS"))
                .map(PathBuf::from)
                .collect(),
            hooks_shell: source.words("BUILDKITE_HOOKS_SHELL", "")?,
            local_hooks: source.switch("BUILDKITE_LOCAL_HOOKS_ENABLED", true)?,
            strict_single_hooks: source.switch("BUILDKITE_STRICT_SINGLE_HOOKS", false)?,
            artifacts: Artifacts {
                paths: source.filled("BUILDKITE_ARTIFACT_PATHS"),
                destination: source.filled("BUILDKITE_ARTIFACT_UPLOAD_DESTINATION"),
            },
            secrets: source.text("BUILDKITE_SECRETS_CONFIG").map(str::to_owned),
            plugins: Plugins::read(&source)?,
            quiet_warnings: source.list("BUILDKITE_AGENT_DISABLE_WARNINGS_FOR", &[]),
            experiments: Experiments::from_names(source.commas("BUILDKITE_AGENT_EXPERIMENT")),
            given: given.clone(),
            again: again.clone(),
            undecided: BTreeMap::new(),
            override_mode: source.override_mode()?,
            sockets: Sockets::read(&source)?,
            tracing: Tracing::read(&source)?,
        })
    }
}

#[cfg(test)]
mod tests;
