//! Builds: one run of a pipeline's steps.

use std::collections::BTreeMap;

use server_jobs::{Moment, State};
use shared_protocol::{BuildId, JobId};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};
use uuid::Uuid;

use super::jobs::{self, Changed};
use crate::job_row::unreadable;
use crate::store::{from_column, to_column};
use crate::{PipelineRow, Step, Store, StoreError};

/// A build to be made.
#[derive(Debug, Clone)]
pub struct NewBuild {
    /// What to check out.
    pub commit: String,
    /// Its branch.
    pub branch: String,
    /// What people wrote about it.
    pub message: String,
    /// Variables for every job of it.
    pub env: BTreeMap<String, String>,
    /// Who asked for it.
    pub creator: String,
}

/// One build as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRow {
    /// The build.
    pub id: BuildId,
    /// Slug of its pipeline.
    pub pipeline: String,
    /// Name of its pipeline.
    pub pipeline_name: String,
    /// Its number in its pipeline, from 1.
    pub number: u32,
    /// What is checked out.
    pub commit: String,
    /// Its branch.
    pub branch: String,
    /// What people wrote about it.
    pub message: String,
    /// Variables for every job of it.
    pub env: BTreeMap<String, String>,
    /// Who asked for it.
    pub creator: String,
    /// When it was made.
    pub created: Moment,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT builds.*, pipelines.slug AS pipeline, pipelines.name AS pipeline_name \
             FROM builds JOIN pipelines ON pipelines.id = builds.pipeline_id ",
            $rest
        )
    };
}

impl Store {
    /// Makes a build with one job per step; the first is ready at once.
    pub async fn create_build(
        &self,
        pipeline: &PipelineRow,
        new: &NewBuild,
        now: Moment,
    ) -> Result<(BuildRow, Vec<Changed>), StoreError> {
        let id = BuildId::new(Uuid::now_v7().to_string());
        let mut tx = self.write().await?;
        let (number,): (u32,) = sqlx::query_as(
            "UPDATE pipelines SET builds = builds + 1 WHERE id = ? RETURNING builds",
        )
        .bind(&pipeline.id)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO builds (id, pipeline_id, number, commit_id, branch, message, env, creator, \
             created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id.as_str())
        .bind(&pipeline.id)
        .bind(number)
        .bind(&new.commit)
        .bind(&new.branch)
        .bind(&new.message)
        .bind(serde_json::json!(new.env).to_string())
        .bind(&new.creator)
        .bind(to_column(now))
        .execute(&mut *tx)
        .await?;
        for (place, step) in (0u32..).zip(&pipeline.steps) {
            insert_job(&mut tx, &id, place, step, now).await?;
        }
        let changed = jobs::settle(&mut tx, &id, 0, now).await?;
        tx.commit().await?;
        Ok((self.build(&pipeline.slug, number).await?, changed))
    }

    /// One build by its number.
    pub async fn build(&self, pipeline: &str, number: u32) -> Result<BuildRow, StoreError> {
        sqlx::query_as(select!("WHERE pipelines.slug = ? AND number = ?"))
            .bind(pipeline)
            .bind(number)
            .fetch_optional(&self.reader)
            .await?
            .ok_or(StoreError::NotFound { what: "build" })
    }

    /// One build by its id.
    pub async fn build_by_id(&self, id: &BuildId) -> Result<BuildRow, StoreError> {
        sqlx::query_as(select!("WHERE builds.id = ?"))
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?
            .ok_or(StoreError::NotFound { what: "build" })
    }

    /// The newest builds of a pipeline, newest first.
    pub async fn builds_of(&self, pipeline: &str, most: u32) -> Result<Vec<BuildRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "WHERE pipelines.slug = ? ORDER BY number DESC LIMIT ?"
        ))
        .bind(pipeline)
        .bind(most)
        .fetch_all(&self.reader)
        .await?)
    }

    /// The newest builds of all pipelines, newest first.
    pub async fn recent_builds(&self, most: u32) -> Result<Vec<BuildRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "ORDER BY builds.created_at DESC, builds.id DESC LIMIT ?"
        ))
        .bind(most)
        .fetch_all(&self.reader)
        .await?)
    }
}

async fn insert_job(
    db: &mut SqliteConnection,
    build: &BuildId,
    place: u32,
    step: &Step,
    now: Moment,
) -> Result<(), StoreError> {
    let id = JobId::new(Uuid::now_v7().to_string());
    sqlx::query(
        "INSERT INTO jobs (id, build_id, place, step, created_at, log_size, state) \
         VALUES (?, ?, ?, ?, ?, 0, ?)",
    )
    .bind(id.as_str())
    .bind(build.as_str())
    .bind(place)
    .bind(serde_json::json!(step).to_string())
    .bind(to_column(now))
    .bind(State::Waiting.name())
    .execute(db)
    .await?;
    Ok(())
}

impl FromRow<'_, SqliteRow> for BuildRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let env: String = row.try_get("env")?;
        Ok(Self {
            id: BuildId::new(row.try_get::<String, _>("id")?),
            pipeline: row.try_get("pipeline")?,
            pipeline_name: row.try_get("pipeline_name")?,
            number: row.try_get("number")?,
            commit: row.try_get("commit_id")?,
            branch: row.try_get("branch")?,
            message: row.try_get("message")?,
            env: serde_json::from_str(&env).map_err(|error| unreadable("env", &error))?,
            creator: row.try_get("creator")?,
            created: from_column(row.try_get("created_at")?),
        })
    }
}
