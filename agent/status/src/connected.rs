//! Whether a worker, or the agent, has lately been heard by its endpoint. Pure.

use std::time::Duration;

use agent_metrics::Source;
use tokio::time::Instant;

use crate::board::{Doing, State, Worker};

/// An agent is connected while any of its workers is.
pub(crate) fn agent(state: &State, now: Instant) -> bool {
    state.workers.values().any(|each| worker(each, now))
}

/// A worker is connected while its last answer is not older than two of the intervals in which
/// answers come. Pings fall anywhere into their intervals, so up to two lie between two of them
/// and a third is their answer's. A worker that is busy or on a stream does not ping; its
/// heartbeats go on.
pub(crate) fn worker(worker: &Worker, now: Instant) -> bool {
    let pings = worker.source == Source::Polling;
    let (last, limit) = match &worker.doing {
        Doing::Starting | Doing::Ended => return false,
        Doing::Idle | Doing::Paused if pings => {
            // After a job, pings begin anew.
            (
                worker.ping.answered.max(Some(worker.since)),
                3 * worker.ping_interval,
            )
        }
        Doing::Idle | Doing::Paused | Doing::Busy(_) => {
            let last = worker.heartbeat.answered.max(worker.ping.answered);
            (last, 2 * worker.heartbeat_interval)
        }
    };
    let age = |last: Instant| now.saturating_duration_since(last);
    last.is_some_and(|last| age(last) < limit.max(Duration::from_secs(1)))
}
