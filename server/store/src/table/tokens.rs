//! Tokens. Only their sha256 is stored, so a copy of the database opens nothing.

use server_jobs::Moment;
use sha2::{Digest as _, Sha256};
use shared_protocol::{AgentId, HostId, JobId, Secret};
use sqlx::{Executor, Sqlite};
use subtle::ConstantTimeEq as _;

use crate::store::{from_column, to_column};
use crate::{Store, StoreError};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 24;

/// A token that people make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Registers workers.
    Agent,
    /// Uses the REST interface and the pages.
    Api,
}

impl TokenKind {
    /// The spelling on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Api => "api",
        }
    }
}

/// What the bearer of a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Register workers.
    Register,
    /// Use the REST interface; the text is the token's description.
    Api(String),
    /// Register workers of this machine; the secret is its own.
    Host(HostId),
    /// Be this worker.
    Worker(AgentId),
    /// Do what a runner does for this job.
    Job(JobId),
}

/// A token as it is listed. There is no way back to its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The first eight hex digits of its sha256: enough to tell tokens apart.
    pub id: String,
    /// `agent` or `api`.
    pub kind: String,
    /// What its maker wrote.
    pub description: String,
    /// When it was made.
    pub created: Moment,
}

impl Store {
    /// Makes a token and returns its value, which is stored nowhere.
    pub async fn create_token(
        &self,
        kind: TokenKind,
        description: &str,
        now: Moment,
    ) -> Result<Secret, StoreError> {
        let mut tx = self.write().await?;
        let secret = insert(&mut *tx, kind.as_str(), None, description, now).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// The tokens that people made, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT lower(substr(hex(sha256), 1, 8)), kind, description, created_at FROM tokens \
             WHERE kind IN ('agent', 'api') ORDER BY created_at",
        )
        .fetch_all(&self.reader)
        .await?;
        let row = |(id, kind, description, created)| TokenRow {
            id,
            kind,
            description,
            created: from_column(created),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Withdraws the token that people made under this id. False when there is none.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "DELETE FROM tokens WHERE kind IN ('agent', 'api') AND lower(substr(hex(sha256), 1, 8)) = ?",
        )
        .bind(id)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// What a token allows; nothing for one that was never made or is over.
    pub async fn grant(&self, token: &str) -> Result<Option<Grant>, StoreError> {
        let digest = digest(token);
        let row: Option<(Vec<u8>, String, Option<String>, String)> = sqlx::query_as(
            "SELECT sha256, kind, subject, description FROM tokens WHERE sha256 = ?",
        )
        .bind(&digest[..])
        .fetch_optional(&self.reader)
        .await?;
        let Some((stored, kind, subject, description)) = row else {
            return self.grant_of_host(&digest).await;
        };
        // The index found it by its hash already; the comparison that decides takes constant time.
        if !bool::from(stored.as_slice().ct_eq(&digest)) {
            return Ok(None);
        }
        match (kind.as_str(), subject) {
            ("agent", None) => Ok(Some(Grant::Register)),
            ("api", None) => Ok(Some(Grant::Api(description))),
            ("worker", Some(id)) => Ok(Some(Grant::Worker(AgentId::new(id)))),
            ("job", Some(id)) => Ok(Some(Grant::Job(JobId::new(id)))),
            _ => Err(StoreError::Corrupt { what: "token" }),
        }
    }

    /// The secret of a machine that was let in registers its workers.
    async fn grant_of_host(&self, digest: &[u8; 32]) -> Result<Option<Grant>, StoreError> {
        let row: Option<(Vec<u8>, String)> = sqlx::query_as(
            "SELECT secret, id FROM hosts WHERE secret = ? AND admission = 'approved'",
        )
        .bind(&digest[..])
        .fetch_optional(&self.reader)
        .await?;
        let found = row.filter(|(stored, _)| bool::from(stored.as_slice().ct_eq(digest)));
        Ok(found.map(|(_, id)| Grant::Host(HostId::new(id))))
    }

    /// Drops the tokens of jobs that ended before `before`. Until then a runner whose last answer
    /// went astray can still ask again and learn that all is well.
    pub async fn expire_job_tokens(&self, before: Moment) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "DELETE FROM tokens WHERE kind = 'job' AND created_at < ?1 AND EXISTS \
             (SELECT 1 FROM jobs WHERE id = subject AND finished_at < ?1)",
        )
        .bind(to_column(before))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

/// Makes a token within a transaction. The prefix tells secret scanners and people what it is.
pub(crate) async fn insert(
    db: impl Executor<'_, Database = Sqlite>,
    kind: &'static str,
    subject: Option<&str>,
    description: &str,
    now: Moment,
) -> Result<Secret, StoreError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(StoreError::Random)?;
    let value = format!("trireme_{kind}_{}", hex(&bytes));
    sqlx::query(
        "INSERT INTO tokens (sha256, kind, subject, description, created_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&digest(&value)[..])
    .bind(kind)
    .bind(subject)
    .bind(description)
    .bind(to_column(now))
    .execute(db)
    .await?;
    Ok(Secret::new(value))
}

pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string succeeds");
        text
    })
}
