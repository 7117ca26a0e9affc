//! Jobs: reading them, and letting events happen to them.
//!
//! A change of a job and what follows from it for the other jobs of its build are one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use server_jobs::{Event, Moment, Refusal, State, build, matching, timer};
use shared_protocol::{AgentId, BuildId, JobId, Secret};
use sqlx::SqliteConnection;

use super::agents::AgentRow;
use super::tokens;
use crate::job_row::StateColumns;
use crate::{JobRow, Store, StoreError};

/// How many sets of rules of the queue are read at once.
const RULES_PAGE: u8 = 100;

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
        // Most pings find nothing, and need no write lock to learn so.
        let mut reader = self.reader.acquire().await?;
        if next_for(&mut reader, &agent.tags).await?.is_none() {
            return Ok(None);
        }
        drop(reader);
        // Asked again with the lock held, the answer is this worker's: nobody can be faster.
        let mut tx = self.write().await?;
        let Some(job) = next_for(&mut tx, &agent.tags).await? else {
            return Ok(None);
        };
        let changed = apply(&mut tx, &job, assign(), now).await?;
        tx.commit().await?;
        Ok(Some((job, changed)))
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
        // A running job without a time limit waits for nothing.
        let jobs: Vec<JobRow> = sqlx::query_as(
            "SELECT * FROM jobs WHERE state IN \
             ('assigned', 'accepted', 'running', 'canceling', 'timing_out') AND finished_at IS NULL \
             AND (state <> 'running' OR step ->> 'timeout_in_minutes' IS NOT NULL)",
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
    let (build, place) = (job.build.clone(), job.place);
    let Some(changed) = step_to(db, job, event, now).await? else {
        return Ok(Vec::new());
    };
    let has_ended = changed.state.is_finished();
    let mut all = vec![changed];
    if has_ended {
        all.extend(settle(db, &build, place, now).await?);
    }
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
    // Of each build the first step that has ended.
    let mut ended: BTreeMap<BuildId, u32> = BTreeMap::new();
    for (id, event) in events {
        let job = fetch(db, &id).await?;
        let (build, place) = (job.build.clone(), job.place);
        match step_to(db, job, event, now).await {
            Ok(Some(changed)) => {
                if changed.state.is_finished() {
                    let first = ended.entry(build).or_insert(place);
                    *first = place.min(*first);
                }
                all.push(changed);
            }
            Ok(None) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for (build, place) in ended {
        all.extend(settle(db, &build, place, now).await?);
    }
    Ok(all)
}

/// Brings the jobs of a build to where its steps' order wants them, now that all steps before `place`
/// have passed. Where the one there has passed as well, only the next one can be concerned: a build
/// of many steps costs no more for each of them than one of a few.
pub(crate) async fn settle(
    db: &mut SqliteConnection,
    build: &BuildId,
    place: u32,
    now: Moment,
) -> Result<Vec<Changed>, StoreError> {
    let jobs: Vec<JobRow> = sqlx::query_as(
        "SELECT * FROM jobs WHERE build_id = ?1 AND place >= ?2 AND place <= iif((SELECT state \
         FROM jobs WHERE build_id = ?1 AND place = ?2) = 'passed', ?2 + 1, 4294967295) \
         ORDER BY place",
    )
    .bind(build.as_str())
    .bind(place)
    .fetch_all(&mut *db)
    .await?;
    let states: Vec<State> = jobs.iter().map(|job| job.state.clone()).collect();
    let mut all = Vec::new();
    for (place, event) in build::follow_up(&states) {
        all.extend(step_to(db, jobs[place].clone(), event, now).await?);
    }
    Ok(all)
}

/// The job that is longest in the queue among those that suit these tags. Jobs with the same rules
/// suit the same workers, so of each set of rules the oldest job is looked at, however many wait.
async fn next_for(db: &mut SqliteConnection, tags: &[String]) -> Result<Option<JobId>, StoreError> {
    let mut best: Option<(i64, String)> = None;
    let mut last = String::new();
    loop {
        let page: Vec<(String, i64, String)> = sqlx::query_as(
            "WITH RECURSIVE sets (rules) AS ( \
             SELECT min(step ->> 'agents') FROM jobs \
             WHERE state = 'scheduled' AND step ->> 'agents' > ?1 \
             UNION ALL SELECT (SELECT min(step ->> 'agents') FROM jobs \
             WHERE state = 'scheduled' AND step ->> 'agents' > rules) FROM sets \
             WHERE rules IS NOT NULL LIMIT ?2) \
             SELECT rules, scheduled_at, id FROM sets JOIN jobs ON jobs.id = (SELECT id FROM jobs \
             WHERE state = 'scheduled' AND step ->> 'agents' = rules \
             ORDER BY scheduled_at, id LIMIT 1)",
        )
        .bind(&last)
        .bind(RULES_PAGE)
        .fetch_all(&mut *db)
        .await?;
        let is_last = page.len() < usize::from(RULES_PAGE);
        for (rules, since, id) in page {
            let agents: Vec<String> =
                serde_json::from_str(&rules).map_err(|_| StoreError::Corrupt { what: "step" })?;
            let found = (since, id);
            if best.as_ref().is_none_or(|best| found < *best) && matching::suits(&agents, tags) {
                best = Some(found);
            }
            last = rules;
        }
        if is_last {
            return Ok(best.map(|(_, id)| JobId::new(id)));
        }
    }
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
