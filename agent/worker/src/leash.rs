//! What ties a worker to its pool: reports go up, the wish that it leave comes down.

use agent_metrics::{Event, Metrics};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::slots::Activity;

/// What a worker tells its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// What it does now.
    Activity(Activity),
    /// A job is over.
    JobDone,
    /// The endpoint answered an authenticated request.
    Answered,
    /// It did not; the text is for the log.
    Failed(String),
}

/// A worker's end of the tie. Clones are for the parts of one worker.
#[derive(Debug, Clone)]
pub(crate) struct Leash {
    /// Number of the worker's place, from 0.
    pub(crate) slot: usize,
    /// Shared by all workers. Reports are small and the pool only ever waits for them.
    pub(crate) reports: mpsc::Sender<(usize, Report)>,
    /// False asks the worker to leave as soon as it has no job; true again takes that back.
    pub(crate) stay: watch::Receiver<bool>,
    /// Cancelled when the worker's job is to be stopped and the worker to go.
    pub(crate) quit: CancellationToken,
    /// Where the worker records what happens to it.
    pub(crate) metrics: Metrics,
}

impl Leash {
    pub(crate) async fn report(&self, report: Report) {
        // A pool that is gone has dropped its workers too.
        let _ = self.reports.send((self.slot, report)).await;
    }

    pub(crate) async fn activity(&self, activity: Activity) {
        self.report(Report::Activity(activity)).await;
    }

    /// The worker's number, from 1.
    pub(crate) fn number(&self) -> u32 {
        u32::try_from(self.slot + 1).unwrap_or(u32::MAX)
    }

    /// Records something that happened to this worker, given its number.
    pub(crate) fn record<'a>(&self, event: impl FnOnce(u32) -> Event<'a>) {
        self.metrics.record(&event(self.number()));
    }

    /// Ends when the worker should go.
    pub(crate) async fn dismissed(&mut self) {
        tokio::select! {
            // A pool that is gone wants nobody.
            _ = self.stay.wait_for(|stay| !stay) => {}
            () = self.quit.cancelled() => {}
        }
    }
}
