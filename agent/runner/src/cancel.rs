//! Stopping a running job: learning that it has to stop, asking its executor, and in the end not
//! asking any more.

use std::convert::Infallible;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use agent_process::{Group, Signal, marked_by};
use shared_client::{Client, Pacing as _, RealPacing};
use shared_protocol::JobId;
use shared_protocol::job::JobPoll;
use shared_supervise::ProcessId;

use crate::accept::Accepted;
use crate::environment::ENV_FILE;
use crate::files::JobFiles;
use crate::outcome::Stop;

/// The time between two polls when the endpoint names none.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// How often a tree is killed at most.
const KILL_ROUNDS: u32 = 4;

/// How long the killed are waited for; the kernel needs a moment, and the agent has other jobs.
const KILL_PATIENCE: Duration = Duration::from_millis(50);

/// Watches over a running job until it is dropped, which is when the executor has ended. If the job
/// has to stop, `stop` is set first; then the executor is asked, and after the grace period its
/// whole tree is killed.
pub(crate) async fn watch(job: &Accepted, group: Group, stop: &OnceLock<Stop>) -> Infallible {
    let why = wanted(job).await;
    stop.get_or_init(|| why);
    let signal = polite(job.settings.cancel_signal);
    tracing::info!(job = %job.job.id, reason = ?why, %signal, "stopping the job");
    if let Err(error) = group.signal(signal) {
        tracing::warn!(job = %job.job.id, "failed to signal the executor: {error}");
    }
    tokio::time::sleep(job.settings.cancel_grace).await;
    tracing::warn!(job = %job.job.id, "grace period is over, killing the job");
    kill(&[group.leader()]);
    std::future::pending().await
}

/// Ends when the job has to stop, and says who wants it to.
pub(crate) async fn wanted(job: &Accepted) -> Stop {
    tokio::select! {
        () = canceled(&job.client, &job.job.id, job.poll_interval, &job.files) => Stop::Canceled,
        () = job.stop.cancelled() => Stop::AgentStop,
    }
}

/// The executor has to stay alive to clean up, so it is never killed at once.
pub(crate) fn polite(signal: Signal) -> Signal {
    if signal == Signal::KILL {
        Signal::TERM
    } else {
        signal
    }
}

/// What was started for a job and says so in its environment, wherever it went: it has the job's
/// file of variables there, and no other job has a file of that name.
pub(crate) fn marked(env_file: &Path) -> Vec<ProcessId> {
    marked_by(&[&format!("{ENV_FILE}={}", env_file.display())])
}

/// Kills these processes and everything below them.
pub(crate) fn kill(roots: &[ProcessId]) {
    // Once more for what was started while the first round was at work, but not for ever: a
    // process that hangs in the kernel is named each time.
    for _ in 0..KILL_ROUNDS {
        let killed = shared_supervise::kill_tree(roots);
        if killed.is_empty() {
            return;
        }
        tracing::info!(processes = killed.len(), "killed");
        shared_supervise::wait_gone(&killed, KILL_PATIENCE);
    }
}

/// Ends when the endpoint wants the job stopped. Polls at random moments, one in each interval, so
/// that the jobs of a fleet do not ask all at once.
async fn canceled(client: &Client, job: &JobId, interval: Duration, files: &JobFiles) {
    let interval = if interval.is_zero() {
        DEFAULT_INTERVAL
    } else {
        interval
    };
    let mut failing = false;
    let mut wait = interval.mul_f64(RealPacing.random());
    loop {
        tokio::time::sleep(wait).await;
        wait = interval + interval.mul_f64(RealPacing.random());
        match client.job_state(job).await {
            Ok(state) => {
                failing = false;
                match state.meaning() {
                    JobPoll::Continue => {}
                    JobPoll::Cancel => return,
                    JobPoll::TimedOut => {
                        if let Err(error) = files.mark_timed_out() {
                            tracing::warn!(%job, "failed to mark the job as timed out: {error}");
                        }
                        return;
                    }
                }
            }
            Err(error) if error.status() == Some(401) => {
                tracing::warn!(%job, "the job's token was taken back: {error}");
                return;
            }
            // Once per outage: the pings say when the endpoint is back.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%job, "failed to ask for the job's state, asking on: {error}");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executor_is_asked_before_it_is_killed_whatever_the_setting() {
        assert_eq!(polite(Signal::KILL), Signal::TERM);
        assert_eq!(polite(Signal::INT), Signal::INT);
    }
}
