//! Settings as they are meant: small structures for the parts of the agent, checked as a whole.
//! Pure: what the settings are held against comes in as a [`Place`].

mod canceling;
mod enrollment;
mod features;
mod jobs;
mod life;
mod logs;
mod metrics;
mod ping_mode;
mod status;
mod tags;
pub(super) mod tracing;
mod verification;
mod workers;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_otel::DestinationError;
use agent_worker::PingMode;
use shared_client::{Endpoint, EndpointError};
use shared_protocol::experiment::Experiments;

use super::flags::{Flag, Kind, Support};
use super::job_variables::ProcessFacts;
use super::raw::Raw;
use super::values::{BadValue, Surroundings, Values};

pub use canceling::Grace;
pub use enrollment::EnrollmentConfig;
pub use jobs::JobsConfig;
pub use life::LifeConfig;
pub use logs::LogsConfig;
pub use metrics::{CollectorConfig, MetricsConfig};
pub use status::StatusConfig;
pub use tags::TagsConfig;
pub use verification::{KeySource, VerificationConfig};
pub use workers::WorkersConfig;

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
    /// Whether there is a file of that path.
    pub is_file: fn(&Path) -> bool,
}

impl Place {
    /// The endpoint when nothing names one.
    fn endpoint(&self) -> &str {
        self.default_endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT)
    }

    /// What a setting is when nobody says anything and its default depends on the host.
    pub fn default_of(&self, name: &str) -> Option<String> {
        match name {
            "endpoint" => Some(self.endpoint().to_owned()),
            "shell" => Some(jobs::default_shell(self.has_bash).to_owned()),
            "build-path" => {
                let path = self.default_build_path.as_ref()?;
                Some(path.to_string_lossy().into_owned())
            }
            "job-context-dir" => Some(self.temporary.to_string_lossy().into_owned()),
            _ => None,
        }
    }
}

/// The agent's configuration.
#[derive(Debug)]
pub struct Config {
    /// Where to register.
    pub endpoint: Endpoint,
    /// Whether to talk to it over HTTP/1.1 only.
    pub no_http2: bool,
    /// Where workers look for work.
    pub ping_mode: PingMode,
    /// Whether a setting names it, as opposed to a launcher or the default.
    pub endpoint_is_set: bool,
    /// What its token is or where to find it.
    pub token: String,
    /// Who the host is without one.
    pub enrollment: EnrollmentConfig,
    /// Workers.
    pub workers: WorkersConfig,
    /// Their tags.
    pub tags: TagsConfig,
    /// Hooks of the agent's own life.
    pub life: LifeConfig,
    /// Jobs.
    pub jobs: JobsConfig,
    /// Which jobs.
    pub verification: VerificationConfig,
    /// The status server.
    pub status: StatusConfig,
    /// Metrics that are sent.
    pub metrics: MetricsConfig,
    /// Experiments as they were asked for, known or not.
    pub experiments: Vec<String>,
    /// Time without a launcher after which the agent stops.
    pub orphan_grace: Duration,
    /// Folder of local sockets.
    pub sockets: Option<PathBuf>,
    /// The kind of profile to take of this process, if any.
    pub profile: Option<String>,
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
    /// No collector can be where a variable says.
    #[error(transparent)]
    Collector(#[from] DestinationError),
    /// Two settings for one thing.
    #[error("{0}")]
    Conflict(&'static str),
    /// No folder for checkouts.
    #[error("missing build path; set it with --build-path or `build-path=` in the config file")]
    NoBuildPath,
}

/// Resolves what was said.
pub fn resolve(raw: &Raw, place: &Place) -> Result<Config, ConfigError> {
    let values = Values::new(raw, &place.around);
    for (flag, _) in raw.said() {
        check(flag, &values)?;
    }
    let endpoint = match values.text("endpoint") {
        text if !text.is_empty() => text,
        _ => place.endpoint().to_owned(),
    };
    let no_plugins = no_plugins(&values)?;
    let endpoint = Endpoint::parse(&endpoint)?;
    let ping_mode = ping_mode::ping_mode(&values)?;
    let streams = ping_mode::is_feature(ping_mode, &endpoint);
    Ok(Config {
        endpoint,
        ping_mode,
        no_http2: values.switch("no-http2")?,
        endpoint_is_set: values.is_set("endpoint"),
        token: values.text("token"),
        enrollment: enrollment::enrollment(&values),
        tags: tags::tags(&values)?,
        workers: workers::workers(&values, place, no_plugins, streams)?,
        life: life::life(&values, place)?,
        jobs: jobs::jobs(&values, place, no_plugins)?,
        verification: verification::verification(&values, no_plugins)?,
        status: status::status(&values),
        metrics: metrics::metrics(&values, &place.around)?,
        experiments: values.list("experiment"),
        orphan_grace: Duration::from_secs(values.number("orphan-grace")?),
        sockets: values.path("sockets-path"),
        profile: Some(values.text("profile")).filter(|kind| !kind.is_empty()),
    })
}

/// Whether a setting can be used at all. One that would be ignored although somebody relies on it
/// cannot; those that say the same as silence rely on nothing.
pub fn check(flag: &Flag, values: &Values<'_>) -> Result<(), ConfigError> {
    values.check(flag)?;
    let text = values.text(flag.name);
    let off = flag.kind == Kind::Switch && !values.switch(flag.name)?;
    if flag.support == Support::Refused && text != flag.default && !off {
        return Err(ConfigError::NotSupported(flag.name));
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

fn experiments(values: &Values<'_>) -> Experiments {
    let names = values.list("experiment");
    Experiments::from_names(names.iter().map(String::as_str))
}

#[cfg(test)]
mod tests;
