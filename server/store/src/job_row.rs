//! A job between its row and its state: the one place that knows which column belongs to which state.

use std::time::Duration;

use server_jobs::{CancelReason, EndReason, Finished, Moment, State, Verdict};
use shared_protocol::{AgentId, BuildId, JobId};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use crate::Step;
use crate::store::{from_column, to_column};

/// One job as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// The job.
    pub id: JobId,
    /// Its build.
    pub build: BuildId,
    /// Its place among the build's steps, from 0.
    pub place: u32,
    /// What it runs.
    pub step: Step,
    /// When it was made.
    pub created: Moment,
    /// Bytes of its log that can be read: all that arrived without a gap before them.
    pub log_size: u64,
    /// Where it is in its life.
    pub state: State,
}

impl JobRow {
    /// How long it may run from its start.
    pub fn limit(&self) -> Option<Duration> {
        let minutes = self.step.timeout_in_minutes?;
        Some(Duration::from_mins(u64::from(minutes)))
    }
}

/// The columns that a state fills. What it does not fill is null.
#[derive(Debug, Default)]
pub(crate) struct StateColumns {
    pub(crate) state: &'static str,
    pub(crate) agent: Option<String>,
    pub(crate) scheduled: Option<i64>,
    pub(crate) lease_until: Option<i64>,
    pub(crate) accepted: Option<i64>,
    pub(crate) started: Option<i64>,
    pub(crate) finished: Option<i64>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) exit_status: Option<i32>,
    pub(crate) signal: Option<String>,
    pub(crate) stopping: Option<i64>,
    pub(crate) chunks_failed: u32,
}

impl StateColumns {
    pub(crate) fn of(state: &State) -> Self {
        let named = Self {
            state: state.name(),
            agent: state.holder().map(|agent| agent.as_str().to_owned()),
            ..Self::default()
        };
        match state {
            State::Waiting => named,
            State::Scheduled { since } => Self {
                scheduled: Some(to_column(*since)),
                ..named
            },
            State::Assigned { until, .. } => Self {
                lease_until: Some(to_column(*until)),
                ..named
            },
            State::Accepted { at, .. } => Self {
                accepted: Some(to_column(*at)),
                ..named
            },
            State::Running { started, .. } => Self {
                started: Some(to_column(*started)),
                ..named
            },
            State::Canceling { started, since, .. } => Self {
                started: started.map(to_column),
                stopping: Some(to_column(*since)),
                ..named
            },
            State::Finished(end) => Self {
                agent: end.agent.as_ref().map(|agent| agent.as_str().to_owned()),
                started: end.started.map(to_column),
                finished: Some(to_column(end.at)),
                reason: Some(end.reason.as_str()),
                exit_status: end.exit_status,
                signal: end.signal.clone(),
                chunks_failed: end.chunks_failed,
                ..named
            },
        }
    }
}

impl FromRow<'_, SqliteRow> for JobRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let step: String = row.try_get("step")?;
        Ok(Self {
            id: JobId::new(row.try_get::<String, _>("id")?),
            build: BuildId::new(row.try_get::<String, _>("build_id")?),
            place: row.try_get("place")?,
            step: serde_json::from_str(&step).map_err(|error| unreadable("step", &error))?,
            created: from_column(row.try_get("created_at")?),
            log_size: u64::try_from(row.try_get::<i64, _>("log_size")?).unwrap_or(0),
            state: state_from(row)?,
        })
    }
}

/// Reads the state off its columns.
pub(crate) fn state_from(row: &SqliteRow) -> Result<State, sqlx::Error> {
    let name: String = row.try_get("state")?;
    let moment = |column: &str| row.try_get::<i64, _>(column).map(from_column);
    let maybe = |column: &str| {
        let value: Option<i64> = row.try_get(column)?;
        Ok::<_, sqlx::Error>(value.map(from_column))
    };
    let agent = || row.try_get::<String, _>("agent_id").map(AgentId::new);
    let canceling = |why| {
        Ok(State::Canceling {
            agent: agent()?,
            started: maybe("started_at")?,
            since: moment("stopping_at")?,
            why,
        })
    };
    match name.as_str() {
        "waiting" => Ok(State::Waiting),
        "scheduled" => Ok(State::Scheduled {
            since: moment("scheduled_at")?,
        }),
        "assigned" => Ok(State::Assigned {
            agent: agent()?,
            until: moment("lease_until")?,
        }),
        "accepted" => Ok(State::Accepted {
            agent: agent()?,
            at: moment("accepted_at")?,
        }),
        "running" => Ok(State::Running {
            agent: agent()?,
            started: moment("started_at")?,
        }),
        "canceling" => canceling(CancelReason::Asked),
        "timing_out" => canceling(CancelReason::TimeLimit),
        other => finished_from(other, row),
    }
}

fn finished_from(name: &str, row: &SqliteRow) -> Result<State, sqlx::Error> {
    let reason: String = row.try_get("reason")?;
    let started: Option<i64> = row.try_get("started_at")?;
    let agent: Option<String> = row.try_get("agent_id")?;
    Ok(State::Finished(Finished {
        verdict: Verdict::parse(name).ok_or_else(|| unreadable("state", &name))?,
        reason: EndReason::parse(&reason).ok_or_else(|| unreadable("reason", &reason))?,
        agent: agent.map(AgentId::new),
        started: started.map(from_column),
        at: from_column(row.try_get("finished_at")?),
        exit_status: row.try_get("exit_status")?,
        signal: row.try_get("signal")?,
        chunks_failed: row.try_get("chunks_failed")?,
    }))
}

/// A column whose content no version of the server writes.
pub(crate) fn unreadable(column: &str, content: &dyn ToString) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: content.to_string().into(),
    }
}
