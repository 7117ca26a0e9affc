//! What the agent is there for, from its tags to its last hook: one pool's whole life.
//!
//! ```text
//! host let in ──▶ tags ──▶ all workers register ──▶ agent-startup ──▶ they connect and serve ──▶ agent-shutdown
//! ```
//!
//! A failure of any step but the last is the end of the agent, after what has to be undone.
//!
//! Each agent process has a life of its own, and both hooks with it. So in an upgrade the
//! `agent-startup` of the new agent runs, once its workers may take jobs, while the old one runs its
//! last jobs; the `agent-shutdown` of the old one comes after that, when those are done. What these
//! hooks set up for the host has to bear that order.

use agent_enrollment::{EnrollError, Enrollment};
use agent_worker::{Pool, PoolStatus, Registered, Served, Settings, Wanted, WorkerError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::life::{LifeError, LifeHooks, Point};
use crate::tags::{Tags, TagsError};

/// What it needs.
pub struct Service {
    /// How the host is let in, if it has no token.
    pub enrollment: Option<Enrollment>,
    /// Where its workers' tags come from.
    pub tags: Tags,
    /// The workers' settings, without tags.
    pub settings: Settings,
    /// The hooks of its life.
    pub hooks: LifeHooks,
}

/// Why it could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The host cannot be let in.
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    /// A tag that its workers must have.
    #[error(transparent)]
    Tags(#[from] TagsError),
    /// A worker.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The host does not want it.
    #[error(transparent)]
    Hook(#[from] LifeError),
}

impl Service {
    /// Runs it to its end. `cancel` stops jobs and hooks. Has to be called in a
    /// [`LocalSet`](tokio::task::LocalSet).
    pub async fn run(
        mut self,
        mut wanted: watch::Receiver<Wanted>,
        cancel: CancellationToken,
        status: watch::Sender<PoolStatus>,
    ) -> Result<Served, ServiceError> {
        if let Some(enrollment) = self.enrollment.take() {
            let client = &mut self.settings.client;
            tokio::select! {
                enrolled = enrollment.run(client) => *client = enrolled?,
                () = ends(&mut wanted) => {}
            }
        }
        tokio::select! {
            gathered = self.tags.gather() => self.settings.identity.tags = gathered?,
            () = ends(&mut wanted) => {}
        }
        let mut pool = Pool::new(self.settings, wanted.clone(), cancel.clone(), status);
        let Some(workers) = pool.gather().await else {
            return Ok(pool.run().await?);
        };
        let served = match startup(&self.hooks, &workers, wanted, &cancel).await {
            Ok(()) => pool.run().await.map_err(ServiceError::from),
            Err(error) => Err(error.into()),
        };
        // A cancel that came before was for the jobs; what cleans up after them has the rest of the
        // time that they had, at the end of which this future is dropped.
        let never = CancellationToken::new();
        let ask = if cancel.is_cancelled() {
            &never
        } else {
            &cancel
        };
        let hooks = self.hooks.run(Point::Shutdown, &workers, ask, &never);
        if let Err(error) = hooks.await {
            tracing::warn!("{error}");
        }
        served
    }
}

/// Runs the hooks of the start. Not being wanted any more ends them, and is no failure.
async fn startup(
    hooks: &LifeHooks,
    workers: &[Registered],
    mut wanted: watch::Receiver<Wanted>,
    cancel: &CancellationToken,
) -> Result<(), LifeError> {
    let stop = CancellationToken::new();
    let mut running = std::pin::pin!(hooks.run(Point::Startup, workers, &stop, cancel));
    tokio::select! {
        biased;
        ended = &mut running => return ended,
        () = ends(&mut wanted) => stop.cancel(),
    }
    if let Err(error) = running.await {
        tracing::info!("{error}");
    }
    Ok(())
}

/// Ends when nobody wants the agent any more.
async fn ends(wanted: &mut watch::Receiver<Wanted>) {
    let over = |wanted: &Wanted| wanted.end_when_empty && wanted.slots == 0;
    // Nobody is left to want it.
    let _ = wanted.wait_for(over).await;
}
