//! From settings to the parts that are wired together.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_enrollment::Enrollment;
use agent_log_stream::stdout::Stdout;
use agent_metrics::Metrics;
use agent_runner::check::Checks;
use agent_runner::{JobSettings, LogSettings};
use agent_status::AgentFacts;
use agent_tags::Around;
use agent_worker::Settings;
use agent_worker::host::HostFacts;
use agent_worker::pulse::Pulse;
use agent_worker::register::Identity;
use agent_worker::rounds::Rounds;
use shared_client::{Client, Transport};
use shared_fault::point;
use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_protocol::{Secret, env, platform};
use shared_supervise::ProcessId;
use shared_systemd::Systemd;
use tokio::time::Instant;

use super::Fatal;
use super::credentials::Credentials;
use super::environ::{Environ, clock};
use crate::config::resolve::{Config, JobsConfig, LifeConfig, WorkersConfig};
use crate::control::{Control, Introduction};
use crate::kept::Kept;
use crate::life::LifeHooks;
use crate::observers::Observers;
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::service::Service;
use crate::signals::Signals;
use crate::tags::Tags;
use crate::wire::Parts;

/// What this process is.
pub(super) struct Process {
    /// Version of the program.
    pub(super) stamp: &'static str,
    /// The program's own file.
    pub(super) executable: PathBuf,
    /// When the runtime was about to start.
    pub(super) began: Instant,
}

pub(super) fn parts(
    process: Process,
    config: Config,
    checks: Checks,
    credentials: Credentials,
    environ: &Environ,
    state: Option<&StateDir>,
) -> Result<Parts, Fatal> {
    let stamp = process.stamp;
    let signals = Signals::catch()?;
    // Under a launcher that one speaks for the service.
    let systemd = match state {
        None => Systemd::find(&[std::process::id()])?,
        Some(_) => None,
    };
    let systemd = systemd.map(|systemd| (systemd, Pulse::default()));
    let (client, enrollment) = connection(stamp, &config, credentials)?;
    let transport = client.transport().clone();
    // A launcher knows an agent by it again, and what jobs leave behind is found by it.
    let own = ProcessId::own()
        .map_err(|error| format!("cannot tell when this process started: {error}"))?;
    let fault = self_test(&config.jobs);
    let (kept, deliveries) = Kept::open(state, &config.jobs.build_path, own);
    let workers = config.workers;
    let plan = plan(environ, workers.spawn);
    let introduction = introduction(own, stamp, environ, workers.spawn, fault);
    let control = control(state, introduction, config.orphan_grace)?;
    let identity = identity(stamp, &workers);
    let about = about(&identity, &client);
    let observers = Observers::new(config.status, &config.metrics, about);
    let metrics = observers.metrics.clone();
    let jobs = job_settings(config.jobs, checks, workers.one_job, &kept, &metrics);
    let settings = Settings {
        client,
        identity,
        jobs: Arc::new(jobs),
        ping_mode: config.ping_mode,
        rounds: Rounds::since(process.began),
        one_job: workers.one_job,
        acquire: workers.acquire,
        uptime: workers.uptime,
        idle_timeout: workers.idle_timeout,
        pulse: systemd.as_ref().map(|(_, pulse)| pulse.clone()),
        outlive_outages: state.is_some(),
        metrics,
    };
    let zip = environ.get(env::TRIREME_PLUGINS).map(PathBuf::from);
    let service = Service {
        enrollment,
        tags: Tags {
            around: tags_around(&settings.identity.host, environ),
            config: config.tags,
            plugins: zip.and_then(|zip| Plugins::start(zip, process.executable, state)),
        },
        hooks: life_hooks(config.life, &settings.jobs),
        settings,
    };
    Ok(Parts {
        service,
        transport,
        kept,
        deliveries,
        plan,
        control,
        systemd,
        signals,
        observers,
    })
}

fn plan(environ: &Environ, spawn: u32) -> Plan {
    match environ.get(env::TRIREME_STANDBY) {
        Some(_) => Plan::standby(spawn),
        None => Plan::serve(spawn),
    }
}

/// What the status page says of the agent.
fn about(identity: &Identity, client: &Client) -> AgentFacts {
    AgentFacts {
        version: identity.version.clone(),
        pid: identity.host.pid,
        host: identity.host.name.clone(),
        endpoint: client.endpoint().to_string(),
    }
}

fn life_hooks(life: LifeConfig, jobs: &Arc<JobSettings>) -> LifeHooks {
    LifeHooks {
        folders: life.folders,
        shell: life.shell,
        jobs: Arc::clone(jobs),
    }
}

fn connection(
    stamp: &'static str,
    config: &Config,
    credentials: Credentials,
) -> Result<(Client, Option<Enrollment>), Fatal> {
    let mut transport = Transport::new(stamp)?;
    if config.no_http2 {
        transport = transport.without_http2()?;
    }
    let (token, enrollment) = match credentials {
        Credentials::Token(token) => (token, None),
        Credentials::Enrollment(enrollment) => (Secret::default(), Some(enrollment)),
    };
    Ok((
        Client::new(transport, config.endpoint.clone(), token),
        enrollment,
    ))
}

fn identity(stamp: &str, workers: &WorkersConfig) -> Identity {
    Identity {
        name: workers.name.clone(),
        priority: workers.priority.clone(),
        tags: Vec::new(),
        features: workers.features.clone(),
        script_eval: workers.script_eval,
        version: stamp.to_owned(),
        ignored: workers.acquire.is_some(),
        host: HostFacts::read(),
    }
}

fn tags_around(host: &HostFacts, environ: &Environ) -> Around {
    Around {
        host: agent_tags::HostFacts {
            name: host.name.clone(),
            system: platform::system().to_owned(),
            architecture: host.arch.to_owned(),
            machine_id: host.machine_id.clone(),
        },
        variables: environ.surroundings().variables,
        clock,
    }
}

fn control(
    state: Option<&StateDir>,
    introduction: Introduction,
    orphan_grace: Duration,
) -> Result<Option<Control>, Fatal> {
    match state {
        Some(state) => Ok(Some(Control::open(state, introduction, orphan_grace)?)),
        // Nobody would hear of the fault otherwise.
        None => Ok(introduction.fault.map_or(Ok(None), Err)?),
    }
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

fn job_settings(
    jobs: JobsConfig,
    checks: Checks,
    one_job: bool,
    kept: &Kept,
    metrics: &Metrics,
) -> JobSettings {
    JobSettings {
        executor: jobs.executor,
        build_path: jobs.build_path,
        context_folder: jobs.context_folder,
        settings_in_env_file: jobs.settings_in_env_file,
        output: jobs.output,
        log: LogSettings {
            marks: jobs.logs.marks,
            copy_folder: jobs.logs.copy_folder,
            stdout: jobs.logs.stdout.map(Stdout::new),
        },
        cancel_signal: jobs.cancel_signal,
        cancel_grace: jobs.cancel_grace,
        checks: Arc::new(checks),
        variables: jobs.variables,
        last_job: one_job,
        records: kept.records.clone(),
        outbox: kept.outbox.clone(),
        metrics: metrics.clone(),
    }
}

/// What would keep jobs from running as they should, found before one is accepted.
fn self_test(jobs: &JobsConfig) -> Option<String> {
    let build_path = &jobs.build_path;
    let tested = point("agent-test.write")
        .and_then(|()| fs::create_dir_all(build_path))
        .and_then(|()| tempfile::tempfile_in(build_path));
    let error = tested.err()?;
    let path = build_path.display();
    let advice = "correct its owner or --build-path";
    Some(format!(
        "build path {path} cannot be written: {error}; {advice}"
    ))
}
