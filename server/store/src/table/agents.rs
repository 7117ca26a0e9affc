//! Registered workers.

use server_jobs::{Event, Moment, Order, Presence, Standing};
use shared_protocol::{AgentId, BuildId, HostId, JobId, Secret};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};
use uuid::Uuid;

use super::jobs::{self, Changed};
use super::{hosts, orders, tokens};
use crate::job_row::unreadable;
use crate::store::{from_column, to_column};
use crate::{Store, StoreError};

/// What a worker says of itself when it registers.
#[derive(Debug, Clone, Default)]
pub struct NewAgent {
    /// Its name, placeholders already filled in.
    pub name: String,
    /// Its host.
    pub hostname: String,
    /// Version of the agent.
    pub version: String,
    /// Architecture.
    pub arch: String,
    /// Its tags, each `key=value`.
    pub tags: Vec<String>,
    /// Whether it may be offered jobs.
    pub takes_jobs: bool,
    /// Its machine, if that has registered it with its own secret.
    pub host: Option<HostId>,
}

/// One worker as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// The worker.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Its host.
    pub hostname: String,
    /// Version of the agent.
    pub version: String,
    /// Architecture.
    pub arch: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it may be offered jobs.
    pub takes_jobs: bool,
    /// Whether it is there.
    pub presence: Presence,
    /// When it registered.
    pub registered: Moment,
    /// When it was last heard of, give or take a sweep.
    pub heard: Moment,
    /// The job it holds.
    pub job: Option<JobId>,
    /// The machine whose secret registered it.
    pub host: Option<HostId>,
    /// Whether its machine was shut out.
    pub shut_out: bool,
    /// What it was last asked to do about new jobs; ask [`Order::at`] whether that still counts.
    pub order: Order,
}

impl AgentRow {
    /// What it is doing, for people.
    pub fn standing(&self, now: Moment) -> Standing {
        self.presence
            .standing(self.job.is_some(), self.order.at(now))
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT agents.*, (SELECT id FROM jobs WHERE agent_id = agents.id \
             AND finished_at IS NULL LIMIT 1) AS job_id, \
             EXISTS (SELECT 1 FROM hosts WHERE id = agents.host_id \
             AND admission = 'disabled') AS shut_out FROM agents ",
            $rest
        )
    };
}

impl Store {
    /// Registers a worker; the secret is its token from now on. A machine that was shut out or
    /// forgotten meanwhile has none.
    pub async fn register(
        &self,
        new: &NewAgent,
        now: Moment,
    ) -> Result<(AgentId, Secret), StoreError> {
        let id = AgentId::new(Uuid::now_v7().to_string());
        let mut tx = self.write().await?;
        if let Some(host) = &new.host {
            hosts::must_be_in(&mut tx, host).await?;
        }
        sqlx::query(
            "INSERT INTO agents (id, name, hostname, version, arch, tags, takes_jobs, presence, \
             registered_at, heard_at, host_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id.as_str())
        .bind(&new.name)
        .bind(&new.hostname)
        .bind(&new.version)
        .bind(&new.arch)
        .bind(serde_json::json!(new.tags).to_string())
        .bind(new.takes_jobs)
        .bind(Presence::Registered.as_str())
        .bind(to_column(now))
        .bind(to_column(now))
        .bind(new.host.as_ref().map(HostId::as_str))
        .execute(&mut *tx)
        .await?;
        let secret = tokens::insert(&mut *tx, "worker", Some(id.as_str()), "", now).await?;
        tx.commit().await?;
        Ok((id, secret))
    }

    /// One worker.
    pub async fn agent(&self, id: &AgentId) -> Result<AgentRow, StoreError> {
        sqlx::query_as(select!("WHERE id = ?"))
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?
            .ok_or(StoreError::NotFound { what: "agent" })
    }

    /// The workers that are there or were there after `since`, by name.
    pub async fn agents(&self, since: Moment) -> Result<Vec<AgentRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "WHERE presence = 'connected' OR (presence IN ('registered', 'lost', 'disconnected') \
             AND heard_at >= ?) ORDER BY name, registered_at"
        ))
        .bind(to_column(since))
        .fetch_all(&self.reader)
        .await?)
    }

    /// The workers that hold or held jobs of a build.
    pub async fn agents_of(&self, build: &BuildId) -> Result<Vec<AgentRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "WHERE id IN (SELECT agent_id FROM jobs WHERE build_id = ?)"
        ))
        .bind(build.as_str())
        .fetch_all(&self.reader)
        .await?)
    }

    /// The workers that may turn out to be lost: not known to be gone, and silent since `before`.
    pub async fn silent_agents(
        &self,
        before: Moment,
    ) -> Result<Vec<(AgentId, Presence, Moment)>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT id, presence, heard_at FROM agents \
             WHERE presence IN ('registered', 'connected') AND heard_at <= ?",
        )
        .bind(to_column(before))
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|(id, presence, heard)| {
                let presence = Presence::parse(&presence).ok_or(StoreError::Corrupt {
                    what: "presence of an agent",
                })?;
                Ok((AgentId::new(id), presence, from_column(heard)))
            })
            .collect()
    }

    /// Notes that a worker has connected. At its first time it takes over the pause of a worker of
    /// the same place that is not there any more, or will soon not be.
    pub async fn connect(&self, id: &AgentId, now: Moment) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        orders::inherit(&mut tx, id, now).await?;
        write_presence(&mut tx, id, Presence::Connected, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that a worker is there, as of `now`.
    pub async fn set_present(&self, id: &AgentId, now: Moment) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        write_presence(&mut tx, id, Presence::Connected, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes when workers were last heard of, many in one go.
    pub async fn set_heard(&self, heard: &[(AgentId, Moment)]) -> Result<(), StoreError> {
        if heard.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for (id, when) in heard {
            sqlx::query("UPDATE agents SET heard_at = max(heard_at, ?) WHERE id = ?")
                .bind(to_column(*when))
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Cancels what a worker has accepted. A job that it was only offered goes to another one.
    pub async fn cancel_work_of(
        &self,
        id: &AgentId,
        now: Moment,
    ) -> Result<Vec<Changed>, StoreError> {
        let mut tx = self.write().await?;
        let held: Vec<(String,)> = sqlx::query_as(
            "SELECT id FROM jobs WHERE agent_id = ? AND finished_at IS NULL AND state <> 'assigned'",
        )
        .bind(id.as_str())
        .fetch_all(&mut *tx)
        .await?;
        let events = held
            .into_iter()
            .map(|(job,)| (JobId::new(job), Event::Cancel))
            .collect();
        let changed = jobs::apply_all(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Notes that a worker is gone (`Lost` or `Disconnected`) and takes from it what it held.
    pub async fn depart(
        &self,
        id: &AgentId,
        presence: Presence,
        now: Moment,
    ) -> Result<Vec<Changed>, StoreError> {
        let mut tx = self.write().await?;
        write_presence(&mut tx, id, presence, now).await?;
        hosts::note_seen_by(&mut tx, id).await?;
        let held: Vec<(String,)> =
            sqlx::query_as("SELECT id FROM jobs WHERE agent_id = ? AND finished_at IS NULL")
                .bind(id.as_str())
                .fetch_all(&mut *tx)
                .await?;
        let events = held
            .into_iter()
            .map(|(job,)| (JobId::new(job), Event::AgentGone { agent: id.clone() }))
            .collect();
        let changed = jobs::apply_all(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

/// A worker that is lost keeps the time at which it was last heard of.
async fn write_presence(
    db: &mut SqliteConnection,
    id: &AgentId,
    presence: Presence,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE agents SET presence = ?1, heard_at = iif(?1 = 'lost', heard_at, ?2) WHERE id = ?3",
    )
    .bind(presence.as_str())
    .bind(to_column(now))
    .bind(id.as_str())
    .execute(db)
    .await?;
    Ok(())
}

impl FromRow<'_, SqliteRow> for AgentRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let presence: String = row.try_get("presence")?;
        let tags: String = row.try_get("tags")?;
        Ok(Self {
            id: AgentId::new(row.try_get::<String, _>("id")?),
            name: row.try_get("name")?,
            hostname: row.try_get("hostname")?,
            version: row.try_get("version")?,
            arch: row.try_get("arch")?,
            tags: serde_json::from_str(&tags).map_err(|error| unreadable("tags", &error))?,
            takes_jobs: row.try_get("takes_jobs")?,
            presence: Presence::parse(&presence)
                .ok_or_else(|| unreadable("presence", &presence))?,
            registered: from_column(row.try_get("registered_at")?),
            heard: from_column(row.try_get("heard_at")?),
            job: row.try_get::<Option<String>, _>("job_id")?.map(JobId::new),
            host: row
                .try_get::<Option<String>, _>("host_id")?
                .map(HostId::new),
            shut_out: row.try_get("shut_out")?,
            order: orders::order(row)?,
        })
    }
}
