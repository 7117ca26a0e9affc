//! Jobs: reading them, and letting events happen to them.
//!
//! A change of a job and what follows from it for the other jobs of its build are one transaction.

use std::time::Duration;

use server_jobs::{Event, Moment, Refusal, State, build, matching, timer};
use shared_protocol::{AgentId, BuildId, JobId, Secret};
use sqlx::SqliteConnection;

use super::agents::AgentRow;
use super::tokens;
use crate::job_row::StateColumns;
use crate::{JobRow, Step, Store, StoreError};

/// How many jobs of the queue are read at once.
const QUEUE_PAGE: i64 = 500;

/// How often a worker that lost a race for a job tries the next one.
const OFFER_TRIES: u32 = 4;

/// A job that has another state now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The job.
    pub job: JobId,
    /// Its state after the change.
    pub state: State,
}

impl Store {
    /// One job.
    pub async fn job(&self, id: &JobId) -> Result<JobRow, StoreError> {
        sqlx::query_as("SELECT * FROM jobs WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?
            .ok_or(StoreError::NotFound { what: "job" })
    }

    /// The jobs of a build, in step order.
    pub async fn jobs_of(&self, build: &BuildId) -> Result<Vec<JobRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT * FROM jobs WHERE build_id = ? ORDER BY place")
                .bind(build.as_str())
                .fetch_all(&self.reader)
                .await?,
        )
    }

    /// Lets one event happen to a job. Empty when it was a repetition.
    pub async fn happen(
        &self,
        id: &JobId,
        event: Event,
        now: Moment,
    ) -> Result<Vec<Changed>, StoreError> {
        let mut tx = self.write().await?;
        let changed = apply(&mut tx, id, event, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Lets a worker take a job; the secret is the job's token.
    pub async fn accept(
        &self,
        id: &JobId,
        agent: &AgentId,
        now: Moment,
    ) -> Result<(Secret, Vec<Changed>), StoreError> {
        let mut tx = self.write().await?;
        let event = Event::Accept {
            agent: agent.clone(),
        };
        let changed = apply(&mut tx, id, event, now).await?;
        let secret = tokens::insert(&mut *tx, "job", Some(id.as_str()), "", now).await?;
        tx.commit().await?;
        Ok((secret, changed))
    }

    /// Finds a job for a worker and leases it to it. A worker that was offered one and asks again
    /// gets the same; one that holds an accepted job gets none.
    pub async fn offer(
        &self,
        agent: &AgentRow,
        lease: Duration,
        now: Moment,
    ) -> Result<Option<(JobId, Vec<Changed>)>, StoreError> {
        let assign = || Event::Assign {
            agent: agent.id.clone(),
            lease,
        };
        if let Some(held) = &agent.job {
            return match self.happen(held, assign(), now).await {
                Ok(changed) => Ok(Some((held.clone(), changed))),
                Err(StoreError::Refused(_)) => Ok(None),
                Err(error) => Err(error),
            };
        }
        for _ in 0..OFFER_TRIES {
            let Some(job) = self.next_for(&agent.tags).await? else {
                return Ok(None);
            };
            match self.happen(&job, assign(), now).await {
                Ok(changed) => return Ok(Some((job, changed))),
                Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The job that is longest in the queue among those that suit these tags.
    async fn next_for(&self, tags: &[String]) -> Result<Option<JobId>, StoreError> {
        let mut last = (i64::MIN, String::new());
        loop {
            let page: Vec<(i64, String, String)> = sqlx::query_as(
                "SELECT scheduled_at, id, step FROM jobs WHERE state = 'scheduled' \
                 AND finished_at IS NULL AND (scheduled_at, id) > (?, ?) \
                 ORDER BY scheduled_at, id LIMIT ?",
            )
            .bind(last.0)
            .bind(&last.1)
            .bind(QUEUE_PAGE)
            .fetch_all(&self.reader)
            .await?;
            let Some((since, id, _)) = page.last() else {
                return Ok(None);
            };
            last = (*since, id.clone());
            for (_, id, step) in page {
                let step: Step = serde_json::from_str(&step)
                    .map_err(|_| StoreError::Corrupt { what: "step" })?;
                if matching::suits(&step.agents, tags) {
                    return Ok(Some(JobId::new(id)));
                }
            }
        }
    }

    /// Cancels every unfinished job of a build.
    pub async fn cancel_build(
        &self,
        build: &BuildId,
        now: Moment,
    ) -> Result<Vec<Changed>, StoreError> {
        let mut tx = self.write().await?;
        let open: Vec<(String,)> = sqlx::query_as(
            "SELECT id FROM jobs WHERE build_id = ? AND finished_at IS NULL ORDER BY place",
        )
        .bind(build.as_str())
        .fetch_all(&mut *tx)
        .await?;
        if open.is_empty() {
            return Err(StoreError::Refused(Refusal::Finished));
        }
        let events = open
            .into_iter()
            .map(|(id,)| (JobId::new(id), Event::Cancel))
            .collect();
        let changed = apply_all(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Lets everything happen that time alone brings about.
    pub async fn run_timers(&self, now: Moment) -> Result<Vec<Changed>, StoreError> {
        let jobs: Vec<JobRow> = sqlx::query_as(
            "SELECT * FROM jobs WHERE state IN \
             ('assigned', 'accepted', 'running', 'canceling', 'timing_out') AND finished_at IS NULL",
        )
        .fetch_all(&self.reader)
        .await?;
        let events: Vec<_> = jobs
            .into_iter()
            .filter_map(|job| {
                let event = timer::due(&job.state, job.limit(), now)?;
                Some((job.id, event))
            })
            .collect();
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let changed = apply_all(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

/// Applies one event, and what follows for the job's build. A refusal is an error.
async fn apply(
    db: &mut SqliteConnection,
    id: &JobId,
    event: Event,
    now: Moment,
) -> Result<Vec<Changed>, StoreError> {
    let job = fetch(db, id).await?;
    let build = job.build.clone();
    let Some(changed) = step_to(db, job, event, now).await? else {
        return Ok(Vec::new());
    };
    let mut all = vec![changed];
    all.extend(settle(db, &build, now).await?);
    Ok(all)
}

/// Applies several events first and draws the conclusions for the builds once at the end. A refused
/// event is passed over: the job went another way in the meantime.
pub(crate) async fn apply_all(
    db: &mut SqliteConnection,
    events: Vec<(JobId, Event)>,
    now: Moment,
) -> Result<Vec<Changed>, StoreError> {
    let mut all = Vec::new();
    let mut builds = Vec::new();
    for (id, event) in events {
        let job = fetch(db, &id).await?;
        let build = job.build.clone();
        match step_to(db, job, event, now).await {
            Ok(changed) => all.extend(changed),
            Err(StoreError::Refused(_)) => continue,
            Err(error) => return Err(error),
        }
        if !builds.contains(&build) {
            builds.push(build);
        }
    }
    for build in builds {
        all.extend(settle(db, &build, now).await?);
    }
    Ok(all)
}

/// Brings the jobs of a build to where its steps' order wants them.
pub(crate) async fn settle(
    db: &mut SqliteConnection,
    build: &BuildId,
    now: Moment,
) -> Result<Vec<Changed>, StoreError> {
    let jobs: Vec<JobRow> = sqlx::query_as("SELECT * FROM jobs WHERE build_id = ? ORDER BY place")
        .bind(build.as_str())
        .fetch_all(&mut *db)
        .await?;
    let states: Vec<State> = jobs.iter().map(|job| job.state.clone()).collect();
    let mut all = Vec::new();
    for (place, event) in build::follow_up(&states) {
        all.extend(step_to(db, jobs[place].clone(), event, now).await?);
    }
    Ok(all)
}

async fn fetch(db: &mut SqliteConnection, id: &JobId) -> Result<JobRow, StoreError> {
    sqlx::query_as("SELECT * FROM jobs WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(db)
        .await?
        .ok_or(StoreError::NotFound { what: "job" })
}

/// One job, one event, one row. Nothing when the event repeats what is so already.
async fn step_to(
    db: &mut SqliteConnection,
    job: JobRow,
    event: Event,
    now: Moment,
) -> Result<Option<Changed>, StoreError> {
    let before = job.state.clone();
    let state = job
        .state
        .next(event, now)
        .map_err(|refused| StoreError::Refused(refused.why))?;
    if state == before {
        return Ok(None);
    }
    let columns = StateColumns::of(&state);
    sqlx::query(
        "UPDATE jobs SET state = ?, agent_id = ?, scheduled_at = ?, lease_until = ?, \
         accepted_at = ?, started_at = ?, finished_at = ?, reason = ?, exit_status = ?, signal = ?, \
         stopping_at = ?, chunks_failed = ? WHERE id = ?",
    )
    .bind(columns.state)
    .bind(columns.agent)
    .bind(columns.scheduled)
    .bind(columns.lease_until)
    .bind(columns.accepted)
    .bind(columns.started)
    .bind(columns.finished)
    .bind(columns.reason)
    .bind(columns.exit_status)
    .bind(columns.signal)
    .bind(columns.stopping)
    .bind(columns.chunks_failed)
    .bind(job.id.as_str())
    .execute(db)
    .await?;
    Ok(Some(Changed { job: job.id, state }))
}
