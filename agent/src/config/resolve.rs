//! Settings as they are meant: small structures for the parts of the agent, checked as a whole.
//! Pure: what the settings are held against comes in as a [`Place`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use agent_log_stream::Marks;
use agent_process::Signal;
use agent_runner::ExecutorOutput;
use agent_runner::environment::AgentVariables;
use agent_worker::register::Priority;
use shared_client::{Endpoint, EndpointError};
use shared_protocol::experiment::{Experiment, Experiments};
use shared_protocol::protection::OverrideMode;

use super::flags::{Kind, Support};
use super::job_variables::{self, ProcessFacts, Worked};
use super::raw::Raw;
use super::values::{BadValue, Surroundings, Values};
use super::words;

/// Endpoint when neither a setting nor a launcher names one: the peer's.
const DEFAULT_ENDPOINT: &str = "https://agent-edge.buildkite.com/v3";

/// What settings are resolved against.
#[derive(Debug, Clone)]
pub struct Place {
    /// What values may refer to.
    pub around: Surroundings,
    /// The agent's own environment, for jobs.
    pub environ: Vec<(OsString, OsString)>,
    /// What jobs are told about this process.
    pub process: ProcessFacts,
    /// This program.
    pub executable: PathBuf,
    /// Number of CPUs.
    pub cpus: u64,
    /// Endpoint of the launcher's server.
    pub default_endpoint: Option<String>,
    /// Folder for checkouts when nothing names one.
    pub default_build_path: Option<PathBuf>,
    /// Folder for temporary files.
    pub temporary: PathBuf,
    /// Whether `/bin/bash` is there.
    pub has_bash: bool,
}

/// The agent's configuration.
#[derive(Debug)]
pub struct Config {
    /// Where to register.
    pub endpoint: Endpoint,
    /// Whether to talk to it over HTTP/1.1 only.
    pub no_http2: bool,
    /// What its token is or where to find it.
    pub token: String,
    /// Workers.
    pub workers: WorkersConfig,
    /// Jobs.
    pub jobs: JobsConfig,
    /// Experiments as they were asked for, known or not.
    pub experiments: Vec<String>,
    /// Time without a launcher after which the agent stops.
    pub orphan_grace: Duration,
    /// Folder of local sockets.
    pub sockets: Option<PathBuf>,
}

/// How many workers, and what they say of themselves.
#[derive(Debug)]
pub struct WorkersConfig {
    /// Name template.
    pub name: String,
    /// Number of workers.
    pub spawn: u32,
    /// Their priority.
    pub priority: Priority,
    /// Tags, the queue last.
    pub tags: Vec<String>,
    /// Features that are on.
    pub features: Vec<String>,
    /// Whether jobs may run any command.
    pub script_eval: bool,
    /// Each ends after one job.
    pub one_job: bool,
    /// All end after so long without one.
    pub idle_timeout: Option<Duration>,
}

/// How jobs are run.
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
    /// How logs carry the time.
    pub marks: Marks,
    /// Signal for canceled jobs.
    pub cancel_signal: Signal,
    /// Time for canceled jobs.
    pub cancel_grace: Duration,
    /// Their environment.
    pub variables: AgentVariables,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One value makes no sense.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// The endpoint's address makes no sense.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A setting that somebody relies on and that is not there yet.
    #[error("--{0} is not supported by this version; remove it")]
    NotSupported(&'static str),
    /// Two settings for one thing.
    #[error("{0}")]
    Conflict(&'static str),
    /// No folder for checkouts.
    #[error("missing build path; set it with --build-path or `build-path=` in the config file")]
    NoBuildPath,
}

/// Resolves what was said.
pub fn resolve(raw: &Raw, place: &Place) -> Result<Config, ConfigError> {
    refuse_unsupported(raw)?;
    let values = Values::new(raw, &place.around);
    values.one_of(
        "ping-mode",
        &[
            ("auto", ()),
            ("poll-only", ()),
            ("ping-only", ()),
            ("stream-only", ()),
        ],
    )?;
    let endpoint = match values.text("endpoint") {
        text if !text.is_empty() => text,
        _ => place
            .default_endpoint
            .clone()
            .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
    };
    let no_plugins = no_plugins(&values)?;
    Ok(Config {
        endpoint: Endpoint::parse(&endpoint)?,
        no_http2: values.switch("no-http2")?,
        token: values.text("token"),
        workers: workers(&values, place, no_plugins)?,
        jobs: jobs(&values, place, no_plugins)?,
        experiments: values.list("experiment"),
        orphan_grace: Duration::from_secs(values.number("orphan-grace")?),
        sockets: values.path("sockets-path"),
    })
}

/// A setting that would be ignored although somebody relies on it is an error. Switches that are
/// off, and zeros, rely on nothing.
fn refuse_unsupported(raw: &Raw) -> Result<(), ConfigError> {
    for (flag, value) in raw.said() {
        let nothing = match flag.kind {
            Kind::Switch => {
                ["false", "0", "f", "F", "FALSE", "False"].contains(&value.text.as_str())
            }
            Kind::Number => value.text == "0",
            _ => flag.name == "log-format" && value.text == "text",
        };
        if flag.support == Support::Refused && !nothing {
            return Err(ConfigError::NotSupported(flag.name));
        }
    }
    Ok(())
}

/// Without any command or any hook of the repository, plugins make little sense either, unless
/// somebody says so.
fn no_plugins(values: &Values<'_>) -> Result<bool, BadValue> {
    if values.is_set("no-plugins") {
        return values.switch("no-plugins");
    }
    Ok(values.switch("no-command-eval")? || values.switch("no-local-hooks")?)
}

fn workers(
    values: &Values<'_>,
    place: &Place,
    no_plugins: bool,
) -> Result<WorkersConfig, ConfigError> {
    let mut tags = values.list("tags");
    let queue = values.text("queue");
    if !queue.is_empty() {
        if tags.iter().any(|tag| tag.starts_with("queue=")) {
            return Err(ConfigError::Conflict(
                "the queue is given twice, by --queue and by a tag; remove one of them",
            ));
        }
        tags.push(format!("queue={queue}"));
    }
    let priority = match values.text("priority") {
        _ if values.switch("spawn-with-priority")? => {
            if experiments(values).has(Experiment::DescendingSpawnPriority) {
                Priority::Descending
            } else {
                Priority::Ascending
            }
        }
        text if text.is_empty() => Priority::Unset,
        text => Priority::Fixed(text),
    };
    let idle = values.number("disconnect-after-idle-timeout")?;
    Ok(WorkersConfig {
        name: values.text("name"),
        spawn: spawn(values, place.cpus)?,
        priority,
        tags,
        features: features(values, no_plugins, &place.around)?,
        script_eval: !values.switch("no-command-eval")?,
        one_job: values.switch("disconnect-after-job")?,
        idle_timeout: (idle > 0).then(|| Duration::from_secs(idle)),
    })
}

fn spawn(values: &Values<'_>, cpus: u64) -> Result<u32, ConfigError> {
    let per_cpu = values.number("spawn-per-cpu")?;
    let spawn = values.number("spawn")?;
    if per_cpu > 0 && spawn > 1 {
        return Err(ConfigError::Conflict(
            "--spawn and --spawn-per-cpu exclude each other; remove one of them",
        ));
    }
    let wanted = if per_cpu > 0 { per_cpu * cpus } else { spawn };
    match u32::try_from(wanted) {
        Ok(wanted @ 1..=10_000) => Ok(wanted),
        _ => Err(values
            .complain("spawn", "is not between 1 and 10000")
            .into()),
    }
}

/// Names of what is on, for the endpoint's statistics.
fn features(
    values: &Values<'_>,
    no_plugins: bool,
    around: &Surroundings,
) -> Result<Vec<String>, BadValue> {
    if values.switch("no-feature-reporting")? {
        return Ok(Vec::new());
    }
    let proxy = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"]
        .iter()
        .any(|name| around.variables.contains_key(*name));
    let named = [
        ("git-mirrors", values.path("git-mirrors-path").is_some()),
        ("control-plane-otlp-tracing", true),
        (
            "disconnect-after-job",
            values.switch("disconnect-after-job")?,
        ),
        (
            "disconnect-after-idle",
            values.number("disconnect-after-idle-timeout")? > 0,
        ),
        ("no-plugins", no_plugins),
        ("no-script-eval", values.switch("no-command-eval")?),
        ("no-http2", values.switch("no-http2")?),
        ("env-http-proxy", proxy),
    ];
    let named = named
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| name.to_owned());
    let experiments = values.list("experiment");
    Ok(named
        .chain(experiments.iter().map(|name| format!("experiment-{name}")))
        .collect())
}

fn jobs(values: &Values<'_>, place: &Place, no_plugins: bool) -> Result<JobsConfig, ConfigError> {
    let build_path = values
        .path("build-path")
        .or_else(|| place.default_build_path.clone())
        .ok_or(ConfigError::NoBuildPath)?;
    let grace = values.number("cancel-grace-period")?;
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
        signal_grace: signal_grace(values, grace)?,
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
        marks: if values.switch("no-ansi-timestamps")? {
            Marks::None
        } else {
            Marks::Ansi
        },
        cancel_signal,
        cancel_grace: Duration::from_secs(grace),
        variables: job_variables::variables(values, &worked, &place.process, environ)?,
    })
}

fn experiments(values: &Values<'_>) -> Experiments {
    let names = values.list("experiment");
    Experiments::from_names(names.iter().map(String::as_str))
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
        _ if has_bash => "/bin/bash -e -c".to_owned(),
        _ => "/usr/bin/env bash -e -c".to_owned(),
    }
}

/// A negative number counts from the end of the whole grace period.
fn signal_grace(values: &Values<'_>, grace: u64) -> Result<u64, ConfigError> {
    let name = "signal-grace-period-seconds";
    let seconds = values.signed(name)?;
    let found = if seconds < 0 {
        grace.checked_sub(seconds.unsigned_abs())
    } else {
        u64::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds < grace)
    };
    found.ok_or_else(|| {
        values
            .complain(
                name,
                "leaves no time within the cancel grace period; make that longer",
            )
            .into()
    })
}

fn output(values: &Values<'_>) -> Result<ExecutorOutput, ConfigError> {
    Ok(if values.switch("no-pty")? {
        ExecutorOutput::Pipe
    } else if values.text("bootstrap-script").trim().is_empty() {
        ExecutorOutput::RawTerminal
    } else {
        ExecutorOutput::Terminal
    })
}

fn executor(values: &Values<'_>, place: &Place) -> Result<Vec<OsString>, ConfigError> {
    let script = values.text("bootstrap-script");
    let words = words::split(&script)
        .map_err(|error| values.complain("bootstrap-script", &format!("cannot be run: {error}")))?;
    let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    if words.is_empty() {
        words = vec![place.executable.clone().into(), "bootstrap".into()];
    } else if let Some(program) = words[0].to_str().filter(|program| program.starts_with('~')) {
        words[0] = place.around.absolute(program).into();
    }
    Ok(words)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
