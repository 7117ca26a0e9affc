//! `agent start`: settings in, the running agent out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use agent_runner::JobSettings;
use agent_runner::record::Records;
use agent_worker::Settings;
use agent_worker::host::HostFacts;
use agent_worker::register::Identity;
use shared_client::{Client, Transport};
use shared_fault::point;
use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_logfile::LogFile;
use shared_protocol::experiment::{self, Standing};
use shared_protocol::{Secret, env};
use shared_supervise::ProcessId;
use tokio::task::LocalSet;
use tracing::level_filters::LevelFilter;

use crate::config::job_variables::ProcessFacts;
use crate::config::raw::{Raw, RawError, search_paths};
use crate::config::resolve::{Config, JobsConfig, Place, resolve};
use crate::config::token;
use crate::config::values::{BadValue, Surroundings, Values};
use crate::control::{Control, Introduction};
use crate::locks;
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::signals::Signals;
use crate::wire::{self, Ending, Parts};

/// An error that ends the program; its text is all anybody needs.
type Fatal = Box<dyn std::error::Error>;

/// The environment, whole and as text.
struct Environ {
    all: Vec<(OsString, OsString)>,
    text: BTreeMap<String, String>,
}

/// Runs `agent start` with the arguments after that word.
pub fn main(stamp: &'static str, args: &[OsString]) -> ExitCode {
    let environ = Environ::read();
    let state = environ.get(env::TRIREME_STATE_DIR).map(StateDir::new);
    let raw = match read_and_open_log(args, &environ, state.as_ref()) {
        Ok(raw) => raw,
        Err(error) => return end_early(&*error, state.as_ref()),
    };
    match start(stamp, &raw, &environ, state.as_ref()) {
        Ok(Ending::Done(Ok(()))) => {
            tracing::info!("agent ended");
            ExitCode::SUCCESS
        }
        Ok(Ending::Done(Err(error))) => end_with(&error),
        Ok(Ending::Abandoned) => {
            tracing::error!("agent ended without waiting for its jobs");
            ExitCode::FAILURE
        }
        Err(error) => end_with(&*error),
    }
}

fn read_and_open_log(
    args: &[OsString],
    environ: &Environ,
    state: Option<&StateDir>,
) -> Result<Raw, Fatal> {
    let raw = read(args, environ)?;
    let level = level(&Values::new(&raw, &environ.surroundings()))?;
    open_log(level, state)?;
    Ok(raw)
}

/// Settings that make no sense leave their line in the log, too, where there is one: nobody may be
/// watching standard error.
fn end_early(error: &dyn std::error::Error, state: Option<&StateDir>) -> ExitCode {
    if state.is_some() && open_log(LevelFilter::INFO, state).is_ok() {
        return end_with(error);
    }
    crate::fatal(error)
}

fn end_with(error: &dyn std::error::Error) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

fn read(args: &[OsString], environ: &Environ) -> Result<Raw, RawError> {
    let mut raw = Raw::read(args, |name| environ.get(name).map(str::to_owned))?;
    let executable = std::env::current_exe().ok();
    let home = environ.home();
    let named = raw.get("config").text;
    let file = if named.is_empty() {
        search_paths(executable.as_deref(), home.as_deref())
            .into_iter()
            .find(|path| path.is_file())
    } else {
        Some(environ.surroundings().absolute(&named))
    };
    if let Some(file) = file {
        raw.take_file(&file)?;
    }
    Ok(raw)
}

/// Logs go to standard error and, under a launcher, to the host's file for this tier.
fn open_log(level: LevelFilter, state: Option<&StateDir>) -> Result<(), Fatal> {
    let mut trouble = None;
    let file = state.and_then(|state| {
        let opened = point("agent-log.open")
            .and_then(|()| fs::create_dir_all(state.logs()))
            .and_then(|()| LogFile::open(state.log("agent"), shared_logfile::MOST_BYTES));
        opened.map_err(|error| trouble = Some(error)).ok()
    });
    shared_telemetry::init(level, file)?;
    if let Some(error) = trouble {
        tracing::warn!("failed to open the log file, logging to standard error only: {error}");
    }
    Ok(())
}

fn level(values: &Values<'_>) -> Result<LevelFilter, BadValue> {
    let levels = [
        ("debug", LevelFilter::DEBUG),
        ("info", LevelFilter::INFO),
        ("notice", LevelFilter::INFO),
        ("warn", LevelFilter::WARN),
        ("error", LevelFilter::ERROR),
        ("fatal", LevelFilter::ERROR),
    ];
    if values.switch("debug")? {
        return Ok(LevelFilter::DEBUG);
    }
    values.one_of("log-level", &levels)
}

fn start(
    stamp: &'static str,
    raw: &Raw,
    environ: &Environ,
    state: Option<&StateDir>,
) -> Result<Ending, Fatal> {
    let executable = std::env::current_exe()?;
    let place = place(raw, environ, &executable, state);
    let config = resolve(raw, &place)?;
    let token = token::read(&config.token)?;
    tell_start(stamp, raw, &config);
    tell_ignored_hooks(config.jobs.hooks.as_deref());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let locks = locks::open(&config.experiments, config.sockets.clone())?;
        let parts = parts(stamp, config, token, environ, state, executable)?;
        let ending = wire::run(parts).await;
        if let Some(locks) = locks {
            locks.close().await;
        }
        Ok(ending)
    })
}

fn tell_start(stamp: &str, raw: &Raw, config: &Config) {
    let pid = std::process::id();
    let endpoint = &config.endpoint;
    let spawn = config.workers.spawn;
    tracing::info!(version = stamp, pid, %endpoint, spawn, "agent starts");
    if let Some(file) = &raw.file {
        tracing::info!("configuration read from {}", file.display());
    }
    if !raw.unknown_keys.is_empty() {
        let keys = raw.unknown_keys.join(", ");
        tracing::warn!("unknown keys in the configuration are ignored: {keys}");
    }
    for name in &config.experiments {
        match experiment::standing(name) {
            Standing::Available(_) => tracing::info!("experiment {name} is on"),
            Standing::Promoted => {
                tracing::warn!("experiment {name} is always on by now; take it off the list");
            }
            Standing::Removed => {
                tracing::warn!("experiment {name} is gone and does nothing; take it off the list");
            }
            Standing::Unknown => {
                tracing::warn!("experiment {name} is not known; jobs see its name, no more");
            }
        }
    }
}

/// Hooks of the agent's own life are not run yet; whoever wrote one should hear of it.
fn tell_ignored_hooks(folder: Option<&Path>) {
    for name in ["agent-startup", "agent-shutdown"] {
        let hook = folder.map(|folder| folder.join(name));
        if let Some(hook) = hook.filter(|hook| hook.exists()) {
            let hook = hook.display();
            tracing::warn!("{hook} is not run: this version has no hooks for its start and end");
        }
    }
}

fn parts(
    stamp: &'static str,
    config: Config,
    token: Secret,
    environ: &Environ,
    state: Option<&StateDir>,
    executable: PathBuf,
) -> Result<Parts, Fatal> {
    let signals = Signals::catch()?;
    let mut transport = Transport::new(stamp)?;
    if config.no_http2 {
        transport = transport.without_http2()?;
    }
    let client = Client::new(transport.clone(), config.endpoint, token);
    // A launcher knows an agent by it again, and what jobs leave behind is found by it.
    let own = ProcessId::own()
        .map_err(|error| format!("cannot tell when this process started: {error}"))?;
    let records = Records::new(state.map(StateDir::jobs), own);
    let fault = self_test(&config.jobs);
    let workers = config.workers;
    let plan = if environ.get(env::TRIREME_STANDBY).is_some() {
        Plan::standby()
    } else {
        Plan::serve(workers.spawn)
    };
    let control = match state {
        Some(state) => {
            let introduction = introduction(own, stamp, environ, workers.spawn, fault.clone());
            Some(Control::open(state, introduction, config.orphan_grace)?)
        }
        // Nobody would hear of the fault otherwise.
        None => fault.map_or(Ok(None), Err)?,
    };
    let settings = Settings {
        client,
        identity: Identity {
            name: workers.name,
            priority: workers.priority,
            tags: workers.tags,
            features: workers.features,
            script_eval: workers.script_eval,
            version: stamp.to_owned(),
            host: HostFacts::read(),
        },
        jobs: Arc::new(job_settings(config.jobs, workers.one_job, records.clone())),
        one_job: workers.one_job,
        idle_timeout: workers.idle_timeout,
        outlive_outages: state.is_some(),
    };
    let zip = environ.get(env::TRIREME_PLUGINS).map(PathBuf::from);
    Ok(Parts {
        plugins: zip.and_then(|zip| Plugins::start(zip, executable, state)),
        settings,
        transport,
        records,
        plan,
        control,
        signals,
    })
}

fn introduction(
    own: ProcessId,
    stamp: &str,
    environ: &Environ,
    spawn: u32,
    fault: Option<String>,
) -> Introduction {
    let digest = environ.get(env::TRIREME_AGENT_DIGEST).unwrap_or_default();
    let serial = environ.get(env::TRIREME_RELEASE_SERIAL);
    Introduction {
        handle: Handle {
            pid: own.pid,
            start: own.start,
            digest: digest.to_owned(),
        },
        version: stamp.to_owned(),
        spawn,
        fault,
        release_serial: serial.and_then(|serial| serial.parse().ok()),
    }
}

fn job_settings(jobs: JobsConfig, one_job: bool, records: Records) -> JobSettings {
    JobSettings {
        executor: jobs.executor,
        build_path: jobs.build_path,
        context_folder: jobs.context_folder,
        settings_in_env_file: jobs.settings_in_env_file,
        output: jobs.output,
        marks: jobs.marks,
        cancel_signal: jobs.cancel_signal,
        cancel_grace: jobs.cancel_grace,
        variables: jobs.variables,
        last_job: one_job,
        records,
    }
}

/// What would keep jobs from running as they should, found before one is accepted.
fn self_test(jobs: &JobsConfig) -> Option<String> {
    let build_path = &jobs.build_path;
    let tested = point("agent-test.write")
        .and_then(|()| fs::create_dir_all(build_path))
        .and_then(|()| tempfile::tempfile_in(build_path));
    if let Err(error) = tested {
        let path = build_path.display();
        let advice = "correct its owner or --build-path";
        return Some(format!(
            "build path {path} cannot be written: {error}; {advice}"
        ));
    }
    // This hook decides which jobs may run, so it must not be passed over in silence.
    let gate = jobs.hooks.as_ref()?.join("pre-bootstrap");
    let found = gate.exists();
    found.then(|| {
        format!(
            "{} is not supported by this version; remove it",
            gate.display()
        )
    })
}

fn place(raw: &Raw, environ: &Environ, executable: &Path, state: Option<&StateDir>) -> Place {
    let bin_folder = executable.parent().unwrap_or(Path::new("/"));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    Place {
        around: environ.surroundings(),
        environ: environ.all.clone(),
        process: ProcessFacts {
            pid: std::process::id(),
            bin_folder: bin_folder.to_string_lossy().into_owned(),
            config_file: raw
                .file
                .as_ref()
                .map(|file| file.to_string_lossy().into_owned())
                .unwrap_or_default(),
        },
        executable: executable.to_owned(),
        cpus: cpus as u64,
        default_endpoint: environ
            .get(env::TRIREME_DEFAULT_ENDPOINT)
            .map(str::to_owned),
        default_build_path: state.map(|state| state.root().join("builds")),
        temporary: std::env::temp_dir(),
        has_bash: Path::new("/bin/bash").exists(),
    }
}

impl Environ {
    fn read() -> Self {
        let all: Vec<_> = std::env::vars_os().collect();
        let text = all
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?.into(), value.to_str()?.into())))
            .collect();
        Self { all, text }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let value = self.text.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            variables: self.text.clone(),
            home: self.home(),
            cwd: std::env::current_dir().unwrap_or_default(),
        }
    }
}
