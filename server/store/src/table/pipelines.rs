//! Pipelines: a repository and the steps that a build of it runs.

use server_jobs::Moment;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::job_row::unreadable;
use crate::store::{from_column, to_column};
use crate::{Step, Store, StoreError};

/// A pipeline to be made.
#[derive(Debug, Clone)]
pub struct NewPipeline {
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Address of the repository, as git takes it.
    pub repository: String,
    /// What a build runs, in order.
    pub steps: Vec<Step>,
}

/// One pipeline as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineRow {
    /// Its id.
    pub id: String,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Address of the repository.
    pub repository: String,
    /// What a build runs, in order.
    pub steps: Vec<Step>,
    /// Number of builds so far, which is also the number of the last one.
    pub builds: u32,
    /// When it was made.
    pub created: Moment,
}

impl Store {
    /// Makes a pipeline.
    pub async fn create_pipeline(
        &self,
        new: &NewPipeline,
        now: Moment,
    ) -> Result<PipelineRow, StoreError> {
        let mut tx = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO pipelines (id, slug, name, repository, steps, builds, created_at) \
             VALUES (?, ?, ?, ?, ?, 0, ?)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(&new.slug)
        .bind(&new.name)
        .bind(&new.repository)
        .bind(serde_json::json!(new.steps).to_string())
        .bind(to_column(now))
        .execute(&mut *tx)
        .await;
        match inserted {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Err(StoreError::Exists { what: "pipeline" });
            }
            other => other?,
        };
        tx.commit().await?;
        self.pipeline(&new.slug).await
    }

    /// One pipeline by its slug.
    pub async fn pipeline(&self, slug: &str) -> Result<PipelineRow, StoreError> {
        sqlx::query_as("SELECT * FROM pipelines WHERE slug = ?")
            .bind(slug)
            .fetch_optional(&self.reader)
            .await?
            .ok_or(StoreError::NotFound { what: "pipeline" })
    }

    /// All pipelines by name.
    pub async fn pipelines(&self) -> Result<Vec<PipelineRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT * FROM pipelines ORDER BY name, slug")
                .fetch_all(&self.reader)
                .await?,
        )
    }
}

impl FromRow<'_, SqliteRow> for PipelineRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let steps: String = row.try_get("steps")?;
        Ok(Self {
            id: row.try_get("id")?,
            slug: row.try_get("slug")?,
            name: row.try_get("name")?,
            repository: row.try_get("repository")?,
            steps: serde_json::from_str(&steps).map_err(|error| unreadable("steps", &error))?,
            builds: row.try_get("builds")?,
            created: from_column(row.try_get("created_at")?),
        })
    }
}
