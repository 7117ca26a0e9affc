//! How jobs are run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use agent_process::Signal;
use agent_runner::ExecutorOutput;
use agent_runner::environment::AgentVariables;
use shared_protocol::experiment::Experiment;
use shared_protocol::protection::OverrideMode;

use super::super::job_variables::{self, Worked};
use super::super::words;
use super::logs::{LogsConfig, logs};
use super::{BadValue, ConfigError, Place, Values, canceling, experiments};

/// What all jobs have in common.
#[derive(Debug)]
pub struct JobsConfig {
    /// Program and arguments.
    pub executor: Vec<OsString>,
    /// Where checkouts lie.
    pub build_path: PathBuf,
    /// Where the files beside a job lie.
    pub context_folder: PathBuf,
    /// Whether the file of a job's variables begins with the names of the agent's settings.
    pub settings_in_env_file: bool,
    /// What the executor writes to.
    pub output: ExecutorOutput,
    /// Folder of the agent's hooks.
    pub hooks: Option<PathBuf>,
    /// What becomes of their logs.
    pub logs: LogsConfig,
    /// Signal for canceled jobs.
    pub cancel_signal: Signal,
    /// Time for canceled jobs.
    pub cancel_grace: Duration,
    /// Their environment.
    pub variables: AgentVariables,
}

pub(super) fn jobs(
    values: &Values<'_>,
    place: &Place,
    no_plugins: bool,
) -> Result<JobsConfig, ConfigError> {
    let build_path = values
        .path("build-path")
        .or_else(|| place.default_build_path.clone())
        .ok_or(ConfigError::NoBuildPath)?;
    let grace = canceling::grace(values)?;
    let signal_name = values.text("cancel-signal");
    let cancel_signal = Signal::from_name(&signal_name).ok_or_else(|| {
        values.complain(
            "cancel-signal",
            "is not a signal that a job can be canceled with",
        )
    })?;
    let mode = mode(values)?;
    let worked = Worked {
        mode,
        build_path: build_path.to_string_lossy().into_owned(),
        shell: shell(values, place.has_bash),
        no_plugins,
        grace,
        cancel_signal: cancel_signal.to_string(),
    };
    let environ = place.environ.iter().cloned();
    Ok(JobsConfig {
        executor: executor(values, place)?,
        build_path,
        context_folder: values
            .path("job-context-dir")
            .unwrap_or_else(|| place.temporary.clone()),
        settings_in_env_file: experiments(values).has(Experiment::PropagateAgentConfigVars),
        output: output(values)?,
        hooks: values.path("hooks-path"),
        logs: logs(values, place)?,
        cancel_signal,
        cancel_grace: Duration::from_secs(grace.whole),
        variables: job_variables::variables(values, &worked, &place.process, environ)?,
    })
}

fn mode(values: &Values<'_>) -> Result<OverrideMode, BadValue> {
    let modes = OverrideMode::ALL.map(|mode| (mode.name(), mode));
    let mode = values.one_of("checkout-override-mode", &modes)?;
    Ok(if values.switch("no-command-eval")? {
        OverrideMode::Strict
    } else {
        mode
    })
}

fn shell(values: &Values<'_>, has_bash: bool) -> String {
    match values.text("shell") {
        shell if !shell.is_empty() => shell,
        _ => default_shell(has_bash).to_owned(),
    }
}

/// The shell that runs commands when nothing names one.
pub(super) fn default_shell(has_bash: bool) -> &'static str {
    if has_bash {
        "/bin/bash -e -c"
    } else {
        "/usr/bin/env bash -e -c"
    }
}

fn output(values: &Values<'_>) -> Result<ExecutorOutput, ConfigError> {
    Ok(if values.switch("no-pty")? {
        ExecutorOutput::Pipe
    } else if values.text("bootstrap-script").trim().is_empty() {
        ExecutorOutput::PipeWithTerminal
    } else {
        ExecutorOutput::Terminal
    })
}

fn executor(values: &Values<'_>, place: &Place) -> Result<Vec<OsString>, ConfigError> {
    let script = values.text("bootstrap-script");
    let words = words::split(&place.around.expanded(&script))
        .map_err(|error| values.complain("bootstrap-script", &format!("cannot be run: {error}")))?;
    let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    if words.is_empty() {
        words = vec![place.executable.clone().into(), "bootstrap".into()];
    } else if let Some(program) = own_program(words[0].to_str(), place) {
        words[0] = program.into();
    }
    Ok(words)
}

/// The file that a program's name means here; `None` if it is to be looked for on `PATH`. Jobs run
/// in other folders than the agent was started in.
fn own_program(name: Option<&str>, place: &Place) -> Option<PathBuf> {
    let name = name?;
    let path = place.around.absolute(name);
    let is_path = name.starts_with('~') || name.contains('/');
    (is_path || (place.is_file)(&path)).then_some(path)
}
