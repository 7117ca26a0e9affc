//! What ties a worker to its pool: reports go up, wishes come down.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use agent_metrics::{Event, Metrics};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::pulse::Pulse;
use crate::scout::Scout;
use crate::slots::Activity;

/// A worker that the endpoint knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id at the endpoint.
    pub id: String,
    /// Its name at the endpoint.
    pub name: String,
}

/// What a pool wants of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To go as soon as it has no job.
    Leave,
    /// To register, and to wait for leave to connect.
    Hold,
    /// To take jobs.
    Serve,
}

/// What a worker tells its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The endpoint knows it now.
    Registered(Registered),
    /// What it does now.
    Activity(Activity),
    /// A job is over.
    JobDone,
    /// The job that it was there to acquire ended with this status.
    Acquired(i32),
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
    /// May change at any time; a wish to leave may be taken back.
    pub(crate) wish: watch::Receiver<Wish>,
    /// Cancelled when the worker's job is to be stopped and the worker to go.
    pub(crate) quit: CancellationToken,
    /// A turn for each request of the start. Without them, a hundred workers that start at once open
    /// a connection each, three times over, and keep hardly any of them.
    pub(crate) turns: Arc<Semaphore>,
    /// What all workers know of streams.
    pub(crate) scout: Rc<Scout>,
    /// Where its heartbeats are noted, if anybody wants to know.
    pub(crate) pulse: Option<Pulse>,
    /// Where the worker records what happens to it.
    pub(crate) metrics: Metrics,
    /// What was reported last. The pool hears of changes only: it looks at all its workers then,
    /// and a ping a second of each of a hundred would have it do nothing else.
    pub(crate) told: Told,
}

/// What the pool knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    activity: Option<Activity>,
    answers: Option<bool>,
}

impl Leash {
    pub(crate) async fn report(&self, report: Report) {
        // A pool that is gone has dropped its workers too.
        let _ = self.reports.send((self.slot, report)).await;
    }

    pub(crate) async fn activity(&mut self, activity: Activity) {
        if self.told.activity.replace(activity) != Some(activity) {
            self.report(Report::Activity(activity)).await;
        }
    }

    /// The endpoint answered an authenticated request.
    pub(crate) async fn answered(&mut self) {
        if self.told.answers.replace(true) != Some(true) {
            self.report(Report::Answered).await;
        }
    }

    /// The endpoint did not answer.
    pub(crate) async fn failed(&mut self, error: &impl Display) {
        self.told.answers = Some(false);
        self.report(Report::Failed(error.to_string())).await;
    }

    /// Waits for leave to connect; false when the worker should go instead.
    pub(crate) async fn may_connect(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.quit.cancelled() => false,
            wish = self.wish.wait_for(|wish| *wish != Wish::Hold) => {
                wish.is_ok_and(|wish| *wish == Wish::Serve)
            }
        }
    }

    /// The worker's number, from 1.
    pub(crate) fn number(&self) -> u32 {
        u32::try_from(self.slot + 1).unwrap_or(u32::MAX)
    }

    /// Records something that happened to this worker, given its number.
    pub(crate) fn record<'a>(&self, event: impl FnOnce(u32) -> Event<'a>) {
        self.metrics.record(&event(self.number()));
    }

    /// Makes a request of the start when it is its turn; `None` when the worker should go first.
    pub(crate) async fn in_turn<T>(&mut self, request: impl Future<Output = T>) -> Option<T> {
        let turns = Arc::clone(&self.turns);
        let taking = async {
            // Nobody closes it.
            let _turn = turns.acquire().await;
            let answer = request.await;
            // The connection that the answer came on is there for the next one whose turn it is
            // only after its own task has run.
            tokio::task::yield_now().await;
            answer
        };
        tokio::select! {
            biased;
            () = self.dismissed() => None,
            answer = taking => Some(answer),
        }
    }

    /// Ends when the worker should go.
    pub(crate) async fn dismissed(&mut self) {
        tokio::select! {
            // A pool that is gone wants nobody.
            _ = self.wish.wait_for(|wish| *wish == Wish::Leave) => {}
            () = self.quit.cancelled() => {}
        }
    }
}
