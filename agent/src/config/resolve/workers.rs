//! How many workers, and what they say of themselves.

use std::time::Duration;

use agent_worker::register::Priority;
use shared_protocol::JobId;
use shared_protocol::experiment::Experiment;

use super::features::features;
use super::{BadValue, ConfigError, Place, Values, experiments};

/// The pool of workers.
#[derive(Debug)]
pub struct WorkersConfig {
    /// Name template.
    pub name: String,
    /// Number of workers.
    pub spawn: u32,
    /// Their priority.
    pub priority: Priority,
    /// Features that are on.
    pub features: Vec<String>,
    /// Whether jobs may run any command.
    pub script_eval: bool,
    /// Each ends after one job.
    pub one_job: bool,
    /// The one worker acquires this job, and ends after it.
    pub acquire: Option<JobId>,
    /// The process ends with the exit status of that job.
    pub reflect_exit_status: bool,
    /// Each ends when it has been connected for so long.
    pub uptime: Option<Duration>,
    /// All end after so long without one.
    pub idle_timeout: Option<Duration>,
}

pub(super) fn workers(
    values: &Values<'_>,
    place: &Place,
    no_plugins: bool,
    streams: bool,
) -> Result<WorkersConfig, ConfigError> {
    let priority = priority(values)?;
    let seconds = |name| -> Result<Option<Duration>, BadValue> {
        let seconds = values.number(name)?;
        Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
    };
    let acquire = values.text("acquire-job");
    let acquire = (!acquire.is_empty()).then(|| JobId::new(acquire));
    let spawn = spawn(values, place.cpus)?;
    if acquire.is_some() && spawn > 1 {
        return Err(ConfigError::Conflict(
            "--acquire-job needs exactly one worker; remove --spawn and --spawn-per-cpu",
        ));
    }
    Ok(WorkersConfig {
        name: values.text("name"),
        spawn,
        priority,
        features: features(values, no_plugins, streams, &place.around)?,
        script_eval: !values.switch("no-command-eval")?,
        one_job: values.switch("disconnect-after-job")?,
        acquire,
        reflect_exit_status: values.switch("reflect-exit-status")?,
        uptime: seconds("disconnect-after-uptime")?,
        idle_timeout: seconds("disconnect-after-idle-timeout")?,
    })
}

/// A switch, whose direction an experiment tells, or a word for both.
fn priority(values: &Values<'_>) -> Result<Priority, BadValue> {
    let name = "spawn-with-priority";
    let by_number = match values.text(name).as_str() {
        "ascending" => Some(Priority::Ascending),
        "descending" => Some(Priority::Descending),
        "static" => None,
        _ if !values.switch(name)? => None,
        _ if experiments(values).has(Experiment::DescendingSpawnPriority) => {
            Some(Priority::Descending)
        }
        _ => Some(Priority::Ascending),
    };
    let fixed = values.text("priority");
    Ok(match by_number {
        Some(priority) => priority,
        None if fixed.is_empty() => Priority::Unset,
        None => Priority::Fixed(fixed),
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
    let (name, wanted) = match per_cpu {
        0 => ("spawn", spawn),
        _ => ("spawn-per-cpu", per_cpu.saturating_mul(cpus)),
    };
    match u32::try_from(wanted) {
        Ok(wanted @ 1..=10_000) => Ok(wanted),
        _ => Err(values
            .complain(name, "does not make between 1 and 10000 workers")
            .into()),
    }
}
