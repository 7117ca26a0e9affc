//! Results that the endpoint does not know yet: each is told until the endpoint takes or refuses it,
//! for days if need be.
//!
//! A worker tries for an hour by itself ([`crate::Exited::finish`]) and then goes on with other
//! jobs; jobs of an earlier agent come here at once. A result is on disk meanwhile ([`crate::records`]),
//! so that the next agent goes on where this one ends. The log tells when a result begins to wait
//! and how that ends, and nothing between.

use std::sync::Arc;
use std::time::Duration;

use shared_client::{Client, Pacing};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::log;
use crate::records::RecordFile;

/// Longest wait in the first hour.
const MINUTE: Duration = Duration::from_mins(1);

/// Waits of that length make up the first hour.
const IN_THE_FIRST_HOUR: u32 = 64;

/// Longest wait after that: soon enough for people, and rare enough for a fleet whose endpoint has
/// been away for a day.
const LATER: Duration = Duration::from_mins(10);

/// Where to hand in what is owed. Cheap to clone; never waits.
#[derive(Debug, Clone)]
pub struct Outbox {
    owed: mpsc::UnboundedSender<Owed>,
}

/// A result and whom to tell.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(crate) record: RecordFile,
    pub(crate) client: Client,
    /// Whether an hour of attempts lies behind it.
    pub(crate) tried: bool,
}

/// The other end: tells what was handed in.
#[derive(Debug)]
pub struct Deliveries {
    incoming: mpsc::UnboundedReceiver<Owed>,
    pacing: Arc<dyn Pacing>,
}

/// An outbox and the task's side of it. `pacing` is the clock and the chance of its waits.
pub fn outbox(pacing: Arc<dyn Pacing>) -> (Outbox, Deliveries) {
    let (owed, incoming) = mpsc::unbounded_channel();
    (Outbox { owed }, Deliveries { incoming, pacing })
}

impl Outbox {
    pub(crate) fn take(&self, owed: Owed) {
        owed.record.sync();
        if let Err(mpsc::error::SendError(owed)) = self.owed.send(owed) {
            // The agent is about to end.
            let job = &owed.record.record().accepted.job;
            tracing::warn!(%job, "the result of the job waits for the next start of an agent");
        }
    }
}

impl Deliveries {
    /// Delivers until every [`Outbox`] is gone and nothing is owed any more. May be dropped: what is
    /// on disk stays there.
    pub async fn run(mut self) {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                owed = self.incoming.recv() => match owed {
                    Some(owed) => {
                        running.spawn(deliver(owed, Arc::clone(&self.pacing)));
                    }
                    None => break,
                },
                Some(ended) = running.join_next() => tell_defect(ended),
            }
        }
        while let Some(ended) = running.join_next().await {
            tell_defect(ended);
        }
    }
}

fn tell_defect(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!("failed to deliver a result: {error}; the next start tries again");
    }
}

async fn deliver(owed: Owed, pacing: Arc<dyn Pacing>) {
    let Owed {
        mut record,
        client,
        tried,
    } = owed;
    let job = record.record().accepted.job.clone();
    let Some(mut request) = record.record().result.clone() else {
        return record.remove();
    };
    // A worker has delivered the log before it tried.
    if !tried && let Some(failed) = log::deliver_rest(&client, &record).await {
        request.chunks_failed_count = failed;
        record.set_result(&request);
    }
    let mut attempt = if tried { IN_THE_FIRST_HOUR } else { 0 };
    let mut told = tried;
    let mut at_least = Duration::ZERO;
    loop {
        pacing
            .wait(pause(attempt, pacing.random()).max(at_least))
            .await;
        attempt = attempt.saturating_add(1);
        let error = match client.finish_once(&job, &request).await {
            Ok(()) => {
                tracing::info!(%job, attempt, "the endpoint took the result that was owed");
                return record.remove();
            }
            Err(error) => error,
        };
        if error.is_refusal() {
            tracing::warn!(%job, attempt, "the endpoint has no use for the result: {error}");
            return record.remove();
        }
        at_least = error.retry_after().unwrap_or_default();
        if !told {
            told = true;
            tracing::warn!(%job, "the result of the job waits until the endpoint takes it: {error}");
        }
    }
}

/// The wait before an attempt, counted from 0; `random` is in `[0, 1)`.
fn pause(attempt: u32, random: f64) -> Duration {
    let longest = match attempt {
        0 => return Duration::ZERO,
        1..6 => Duration::from_secs(1 << attempt),
        6..IN_THE_FIRST_HOUR => MINUTE,
        _ => LATER,
    };
    longest.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_after_an_hour_to_ten() {
        let waits: Vec<u64> = (0..8).map(|n| pause(n, 1.0).as_secs()).collect();
        assert_eq!(waits, [0, 2, 4, 8, 16, 32, 60, 60]);
        let first_hour: Duration = (0..IN_THE_FIRST_HOUR).map(|n| pause(n, 1.0)).sum();
        assert!(first_hour > Duration::from_mins(58) && first_hour < Duration::from_mins(62));
        assert_eq!(pause(IN_THE_FIRST_HOUR, 1.0), LATER);
        assert_eq!(pause(u32::MAX, 0.0), LATER / 2);
    }
}
