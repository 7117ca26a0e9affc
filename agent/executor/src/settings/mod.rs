//! What one job is asked to do, read once at the start from flags and environment.
//!
//! A flag wins over its variable; an empty variable counts as not set.

mod flags;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use agent_process::Signal;
use shared_protocol::env as names;
use shared_redact::DEFAULT_NAMES;

use crate::environment::Environment;
use crate::phase::Phase;
use crate::words::{self, WordsError};

pub(crate) use flags::{Parsed, help, parse};

/// Why a job cannot even be looked at. The executor ends with status 1 before anything runs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("unknown flag --{0}; `agent bootstrap --help` lists them all")]
    UnknownFlag(String),
    #[error("unexpected argument {0:?}; `agent bootstrap` takes flags only")]
    Argument(String),
    #[error("flag --{0} needs a value")]
    NoValue(String),
    #[error("missing {flag}: set --{flag} or {variable}")]
    Missing {
        flag: &'static str,
        variable: &'static str,
    },
    #[error("--{flag} ({variable}) is {value:?}, which is not {wanted}")]
    Invalid {
        flag: &'static str,
        variable: &'static str,
        value: String,
        wanted: &'static str,
    },
    #[error("--{flag} ({variable}) cannot be split into words: {error}")]
    Words {
        flag: &'static str,
        variable: &'static str,
        error: WordsError,
    },
}

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
    pub(crate) redacted_names: Vec<String>,
    pub(crate) cancel_signal: Signal,
    /// What a canceled command gets before it is killed.
    pub(crate) signal_grace: Duration,
    pub(crate) bin_path: Option<String>,
    pub(crate) build_path: Option<PathBuf>,
    pub(crate) hooks_paths: Vec<PathBuf>,
    pub(crate) plugins: Option<String>,
    pub(crate) quiet_warnings: Vec<String>,
    pub(crate) experiments: Vec<String>,
}

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

impl Settings {
    /// Reads everything; the first thing that is wrong ends it.
    pub(crate) fn read(
        given: &BTreeMap<&'static str, String>,
        env: &Environment,
    ) -> Result<Self, SettingsError> {
        let source = Source { given, env };
        let job = source.required(names::JOB_ID)?;
        let checkout = Checkout::read(&source)?;
        let cancel_grace = source.number(names::CANCEL_GRACE_PERIOD, 10_i64)?;
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
            debug: source.switch("BUILDKITE_AGENT_DEBUG", false)?,
            redacted_names: source.list(names::REDACTED_VARS, DEFAULT_NAMES),
            cancel_signal: source.signal()?,
            signal_grace: source.signal_grace(cancel_grace)?,
            bin_path: source.text(names::BIN_PATH).map(str::to_owned),
            build_path: source.text(names::BUILD_PATH).map(PathBuf::from),
            hooks_paths: source
                .text("BUILDKITE_HOOKS_PATH")
                .into_iter()
                .chain(source.commas("BUILDKITE_ADDITIONAL_HOOKS_PATHS"))
                .map(PathBuf::from)
                .collect(),
            plugins: source.text("BUILDKITE_PLUGINS").map(str::to_owned),
            quiet_warnings: source.list("BUILDKITE_AGENT_DISABLE_WARNINGS_FOR", &[]),
            experiments: source.list("BUILDKITE_AGENT_EXPERIMENT", &[]),
        })
    }
}

impl Checkout {
    fn read(source: &Source<'_>) -> Result<Self, SettingsError> {
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
            verification: source.verification()?,
            attempts: source.number("BUILDKITE_CHECKOUT_ATTEMPTS", 6_u32)?.max(1),
            attempt_limit: (limit > 0).then(|| Duration::from_secs(limit)),
        })
    }
}

/// Flags over environment.
struct Source<'a> {
    given: &'a BTreeMap<&'static str, String>,
    env: &'a Environment,
}

impl Source<'_> {
    fn text(&self, variable: &str) -> Option<&str> {
        let flag = self.given.get(variable).map(String::as_str);
        flag.or_else(|| self.env.text(variable))
            .filter(|value| !value.is_empty())
    }

    fn required(&self, variable: &'static str) -> Result<String, SettingsError> {
        let flag = flags::flag_of(variable);
        self.text(variable)
            .map(str::to_owned)
            .ok_or(SettingsError::Missing { flag, variable })
    }

    fn invalid(&self, variable: &'static str, wanted: &'static str) -> SettingsError {
        SettingsError::Invalid {
            flag: flags::flag_of(variable),
            variable,
            value: self.text(variable).unwrap_or_default().to_owned(),
            wanted,
        }
    }

    /// The spellings of true and false that the peer reads.
    fn switch(&self, variable: &'static str, default: bool) -> Result<bool, SettingsError> {
        match self.text(variable) {
            None => Ok(default),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some(_) => Err(self.invalid(variable, "true or false")),
        }
    }

    fn number<T: FromStr>(&self, variable: &'static str, default: T) -> Result<T, SettingsError> {
        match self.text(variable) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| self.invalid(variable, "a whole number in range")),
        }
    }

    fn words(&self, variable: &'static str, default: &str) -> Result<Vec<String>, SettingsError> {
        words::split(self.text(variable).unwrap_or(default)).map_err(|error| SettingsError::Words {
            flag: flags::flag_of(variable),
            variable,
            error,
        })
    }

    fn commas(&self, variable: &str) -> impl Iterator<Item = &str> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    fn list(&self, variable: &str, default: &[&str]) -> Vec<String> {
        match self.text(variable) {
            None => default.iter().map(|&item| item.to_owned()).collect(),
            Some(_) => self.commas(variable).map(str::to_owned).collect(),
        }
    }

    fn shell(&self) -> Result<Vec<String>, SettingsError> {
        let words = self.words(names::SHELL, crate::os::DEFAULT_SHELL)?;
        if words.is_empty() {
            return Err(self.invalid(names::SHELL, "a shell to run"));
        }
        Ok(words)
    }

    fn phases(&self) -> Result<Vec<Phase>, SettingsError> {
        const VARIABLE: &str = "BUILDKITE_BOOTSTRAP_PHASES";
        if self.text(VARIABLE).is_none() {
            return Ok(Phase::ORDER.to_vec());
        }
        self.commas(VARIABLE)
            .map(|name| {
                Phase::from_name(name)
                    .ok_or_else(|| self.invalid(VARIABLE, "a list of plugin, checkout, command"))
            })
            .collect()
    }

    fn verification(&self) -> Result<Verification, SettingsError> {
        const VARIABLE: &str = "BUILDKITE_GIT_COMMIT_VERIFICATION";
        match self.text(VARIABLE) {
            None | Some("off") => Ok(Verification::Off),
            Some("warn") => Ok(Verification::Warn),
            Some("strict") => Ok(Verification::Strict),
            Some(_) => Err(self.invalid(VARIABLE, "off, warn or strict")),
        }
    }

    fn signal(&self) -> Result<Signal, SettingsError> {
        let name = self.text(names::CANCEL_SIGNAL).unwrap_or("SIGTERM");
        Signal::from_name(name)
            .ok_or_else(|| self.invalid(names::CANCEL_SIGNAL, "the name of a signal"))
    }

    /// A negative number of seconds counts back from the whole grace period.
    fn signal_grace(&self, cancel_grace: i64) -> Result<Duration, SettingsError> {
        let seconds = match self.number(names::SIGNAL_GRACE_PERIOD_SECONDS, -1_i64)? {
            back if back < 0 => cancel_grace + back,
            seconds => seconds,
        };
        let seconds = u64::try_from(seconds)
            .ok()
            .filter(|_| seconds <= cancel_grace);
        seconds.map(Duration::from_secs).ok_or_else(|| {
            self.invalid(
                names::SIGNAL_GRACE_PERIOD_SECONDS,
                "within the cancel grace period; lower it or raise BUILDKITE_CANCEL_GRACE_PERIOD",
            )
        })
    }
}

#[cfg(test)]
mod tests;
