//! Machines that asked to be let in.

use server_jobs::host::{Known, Reception, receive};
use server_jobs::{Admission, Moment};
use shared_protocol::enroll::EnrollRequest;
use shared_protocol::{AgentId, HostId, Secret};
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};
use sqlx::{FromRow, Row as _, SqliteConnection};
use subtle::ConstantTimeEq as _;

use super::tokens::digest;
use crate::job_row::unreadable;
use crate::store::{from_column, to_column};
use crate::{Store, StoreError};

/// One machine as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// The machine.
    pub id: HostId,
    /// What people decided.
    pub admission: Admission,
    /// Its name.
    pub hostname: String,
    /// Its operating system.
    pub os: String,
    /// Its architecture.
    pub arch: String,
    /// Version of its agent when it last asked.
    pub version: String,
    /// Folder of its checkouts.
    pub location: String,
    /// Free bytes there when it last asked.
    pub free_bytes: Option<u64>,
    /// What it has.
    pub resources: Vec<String>,
    /// What it is for.
    pub environments: Vec<String>,
    /// When it first asked.
    pub asked: Moment,
    /// When it last asked.
    pub heard: Moment,
    /// When it last asked, or its last worker left.
    pub seen: Moment,
}

/// What became of a request to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolled {
    /// A machine that had shown its secret was received.
    Received(Reception),
    /// The identity belongs to another secret.
    Stranger,
    /// Too many machines wait already.
    Full,
}

/// What a machine shows when it asks.
#[derive(Debug)]
pub struct Asking<'a> {
    /// What it says of itself.
    pub request: &'a EnrollRequest,
    /// Its secret.
    pub secret: &'a Secret,
    /// Whether it brought a key that is valid.
    pub has_key: bool,
    /// Most machines that may wait at a time.
    pub most_pending: u32,
}

impl Store {
    /// Receives a machine that asks to be let in, and writes down what it says of itself.
    pub async fn enroll(&self, asking: &Asking<'_>, now: Moment) -> Result<Enrolled, StoreError> {
        let mut tx = self.write().await?;
        let id = &asking.request.id;
        let secret = digest(asking.secret.expose());
        let row: Option<(Vec<u8>, bool)> = sqlx::query_as(
            "SELECT secret, id = ?2 FROM hosts WHERE id = ?2 OR secret = ?1 ORDER BY id <> ?2",
        )
        .bind(&secret[..])
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
        let enrolled = match row {
            None => first_time(&mut tx, asking, &secret, now).await?,
            Some((stored, true)) if bool::from(stored.as_slice().ct_eq(&secret)) => {
                Enrolled::Received(again(&mut tx, asking, now).await?)
            }
            Some(_) => Enrolled::Stranger,
        };
        tx.commit().await?;
        Ok(enrolled)
    }

    /// All machines, those that wait first.
    pub async fn hosts(&self) -> Result<Vec<HostRow>, StoreError> {
        let all = "SELECT * FROM hosts ORDER BY admission <> 'pending', hostname, id";
        Ok(sqlx::query_as(all).fetch_all(&self.reader).await?)
    }

    /// One machine.
    pub async fn host(&self, id: &HostId) -> Result<HostRow, StoreError> {
        sqlx::query_as("SELECT * FROM hosts WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?
            .ok_or(StoreError::NotFound { what: "host" })
    }

    /// Notes what a person decided about a machine.
    pub async fn decide(&self, id: &HostId, admission: Admission) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let decision = sqlx::query("UPDATE hosts SET admission = ? WHERE id = ?")
            .bind(admission.as_str())
            .bind(id.as_str());
        concerns_one(&decision.execute(&mut *tx).await?)?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets a machine, and withdraws the tokens of its workers. If it is still there it asks to
    /// be let in as if for the first time. A worker's running job keeps its own token.
    pub async fn remove_host(&self, id: &HostId) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        forget(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets the machines that were let in and not seen since `before`, and says which. Those that
    /// were shut out stay so.
    pub async fn remove_unseen_hosts(&self, before: Moment) -> Result<Vec<HostId>, StoreError> {
        let mut tx = self.write().await?;
        // A worker that counts as present was seen, even if the server was away since.
        let unseen: Vec<(String,)> = sqlx::query_as(
            "SELECT id FROM hosts WHERE admission = 'approved' AND seen_at < ? AND NOT EXISTS \
             (SELECT 1 FROM agents WHERE host_id = hosts.id AND presence IN \
             ('registered', 'connected'))",
        )
        .bind(to_column(before))
        .fetch_all(&mut *tx)
        .await?;
        let unseen: Vec<HostId> = unseen.into_iter().map(|(id,)| HostId::new(id)).collect();
        for id in &unseen {
            forget(&mut tx, id).await?;
        }
        tx.commit().await?;
        Ok(unseen)
    }

    /// Forgets machines that waited and have not asked since `before`.
    pub async fn expire_pending_hosts(&self, before: Moment) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("DELETE FROM hosts WHERE admission = 'pending' AND heard_at < ?")
            .bind(to_column(before))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

/// What a machine leaves behind is that of nobody, also when it is let in again: workers that will
/// soon be lost, and the jobs that some of them run.
async fn forget(db: &mut SqliteConnection, id: &HostId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM tokens WHERE kind = 'worker' AND subject IN \
         (SELECT id FROM agents WHERE host_id = ?)",
        "UPDATE agents SET host_id = NULL WHERE host_id = ?",
    ] {
        sqlx::query(sql).bind(id.as_str()).execute(&mut *db).await?;
    }
    let removal = sqlx::query("DELETE FROM hosts WHERE id = ?").bind(id.as_str());
    concerns_one(&removal.execute(db).await?)
}

/// A change that was meant for one machine has found it.
fn concerns_one(done: &SqliteQueryResult) -> Result<(), StoreError> {
    match done.rows_affected() {
        0 => Err(StoreError::NotFound { what: "host" }),
        _ => Ok(()),
    }
}

/// Whether a machine may still register workers: it was looked for before, and people decide at any
/// time.
pub(crate) async fn must_be_in(db: &mut SqliteConnection, id: &HostId) -> Result<(), StoreError> {
    sqlx::query("SELECT 1 FROM hosts WHERE id = ? AND admission = 'approved'")
        .bind(id.as_str())
        .fetch_optional(db)
        .await?
        .map(drop)
        .ok_or(StoreError::NotFound { what: "host" })
}

/// Notes that a machine was there as long as its worker was.
pub(crate) async fn note_seen_by(
    db: &mut SqliteConnection,
    agent: &AgentId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE hosts SET seen_at = max(seen_at, (SELECT heard_at FROM agents WHERE id = ?1)) \
         WHERE id = (SELECT host_id FROM agents WHERE id = ?1)",
    )
    .bind(agent.as_str())
    .execute(db)
    .await?;
    Ok(())
}

async fn first_time(
    db: &mut SqliteConnection,
    asking: &Asking<'_>,
    secret: &[u8],
    now: Moment,
) -> Result<Enrolled, StoreError> {
    let (pending,): (u32,) =
        sqlx::query_as("SELECT count(*) FROM hosts WHERE admission = 'pending'")
            .fetch_one(&mut *db)
            .await?;
    if !asking.has_key && pending >= asking.most_pending {
        return Ok(Enrolled::Full);
    }
    let (admission, reception) = if asking.has_key {
        (Admission::Approved, Reception::Admit)
    } else {
        (Admission::Pending, Reception::Pend)
    };
    sqlx::query(
        "INSERT INTO hosts (id, secret, admission, boot, hostname, os, arch, version, location, \
         resources, environments, asked_at, heard_at) \
         VALUES (?, ?, ?, '', '', '', '', '', '', '[]', '[]', ?, ?)",
    )
    .bind(&asking.request.id)
    .bind(secret)
    .bind(admission.as_str())
    .bind(to_column(now))
    .bind(to_column(now))
    .execute(&mut *db)
    .await?;
    take_facts(db, asking.request, admission, now).await?;
    Ok(Enrolled::Received(reception))
}

async fn again(
    db: &mut SqliteConnection,
    asking: &Asking<'_>,
    now: Moment,
) -> Result<Reception, StoreError> {
    let EnrollRequest { id, boot, .. } = asking.request;
    let known = known(db, id).await?;
    let reception = receive(&known, boot, asking.has_key, now);
    match reception {
        Reception::Admit => take_facts(db, asking.request, Admission::Approved, now).await?,
        Reception::Pend | Reception::ShutOut => {
            take_facts(db, asking.request, known.admission, now).await?;
        }
        Reception::WaitForOther => {
            let is_new = known.rival.is_none_or(|(rival, _)| rival != *boot);
            if is_new {
                sqlx::query("UPDATE hosts SET rival_boot = ?, rival_since = ? WHERE id = ?")
                    .bind(boot)
                    .bind(to_column(now))
                    .bind(id)
                    .execute(db)
                    .await?;
            }
        }
        Reception::Copy => {}
    }
    Ok(reception)
}

async fn known(db: &mut SqliteConnection, id: &str) -> Result<Known, StoreError> {
    let row = sqlx::query(
        // One that is in and has registered no worker since was heard of when it asked.
        "SELECT admission, boot, rival_boot, rival_since, nullif(max(coalesce( \
         (SELECT max(heard_at) FROM agents WHERE host_id = hosts.id AND presence IN \
         ('registered', 'connected')), 0), iif(admission = 'pending' OR NOT EXISTS \
         (SELECT 1 FROM agents WHERE host_id = hosts.id AND registered_at >= hosts.heard_at), \
         heard_at, 0)), 0) AS heard FROM hosts WHERE id = ?",
    )
    .bind(id)
    .fetch_one(db)
    .await?;
    let rival: (Option<String>, Option<i64>) =
        (row.try_get("rival_boot")?, row.try_get("rival_since")?);
    Ok(Known {
        admission: admission_of(&row)?,
        boot: row.try_get("boot")?,
        heard: row.try_get::<Option<i64>, _>("heard")?.map(from_column),
        rival: rival.0.zip(rival.1.map(from_column)),
    })
}

/// Writes what the machine says, and that this boot of it holds the identity. Resources and
/// environments come once, with the key, and stay.
async fn take_facts(
    db: &mut SqliteConnection,
    request: &EnrollRequest,
    admission: Admission,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE hosts SET admission = ?1, boot = ?2, rival_boot = NULL, rival_since = NULL, \
         hostname = ?3, os = ?4, arch = ?5, version = ?6, location = ?7, free_bytes = ?8, \
         resources = iif(?9 = '[]', resources, ?9), \
         environments = iif(?10 = '[]', environments, ?10), heard_at = ?11, seen_at = ?11 \
         WHERE id = ?12",
    )
    .bind(admission.as_str())
    .bind(&request.boot)
    .bind(&request.hostname)
    .bind(&request.os)
    .bind(&request.arch)
    .bind(&request.version)
    .bind(&request.location)
    .bind(
        request
            .free_bytes
            .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
    )
    .bind(serde_json::json!(request.resources).to_string())
    .bind(serde_json::json!(request.environments).to_string())
    .bind(to_column(now))
    .bind(&request.id)
    .execute(db)
    .await?;
    Ok(())
}

fn admission_of(row: &SqliteRow) -> Result<Admission, sqlx::Error> {
    let text: String = row.try_get("admission")?;
    Admission::parse(&text).ok_or_else(|| unreadable("admission", &text))
}

fn words(row: &SqliteRow, column: &'static str) -> Result<Vec<String>, sqlx::Error> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, &error))
}

impl FromRow<'_, SqliteRow> for HostRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let free: Option<i64> = row.try_get("free_bytes")?;
        Ok(Self {
            id: HostId::new(row.try_get::<String, _>("id")?),
            admission: admission_of(row)?,
            hostname: row.try_get("hostname")?,
            os: row.try_get("os")?,
            arch: row.try_get("arch")?,
            version: row.try_get("version")?,
            location: row.try_get("location")?,
            free_bytes: free.and_then(|bytes| u64::try_from(bytes).ok()),
            resources: words(row, "resources")?,
            environments: words(row, "environments")?,
            asked: from_column(row.try_get("asked_at")?),
            heard: from_column(row.try_get("heard_at")?),
            seen: from_column(row.try_get("seen_at")?),
        })
    }
}
