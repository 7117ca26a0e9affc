//! What workers were asked to do about new jobs, and how that outlives an agent.
//!
//! An agent that is replaced, by an upgrade or a restart, registers workers anew. A pause is meant for
//! the place, not for the process: a worker that connects in the place of a paused one takes the pause
//! over. Workers of one host and one name are in one place. A stop is not handed on. It asks a worker to leave, which it does; who starts
//! the agent again wants it back.

use std::time::Duration;

use server_jobs::{Ask, Moment, Order};
use shared_protocol::AgentId;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::job_row::unreadable;
use crate::store::{from_column, to_column};
use crate::{Store, StoreError};

/// How long a worker may be gone before another one of the same name is none in its place, where
/// nothing but the name of its host says that it is: such names are given to new machines as well.
const NAMESAKE: Duration = Duration::from_hours(1);

impl Store {
    /// Notes what was asked of a worker, and returns how it stands now. A worker that has taken its
    /// place already is asked the same.
    pub async fn ask(&self, id: &AgentId, ask: Ask, now: Moment) -> Result<Order, StoreError> {
        let mut tx = self.write().await?;
        let row =
            sqlx::query("SELECT asked, pause_note, pause_until, heir FROM agents WHERE id = ?")
                .bind(id.as_str())
                .fetch_optional(&mut *tx)
                .await?
                .ok_or(StoreError::NotFound { what: "agent" })?;
        let heir: Option<String> = row.try_get("heir")?;
        let order = order(&row)?.after(ask, now);
        write(&mut tx, id.as_str(), &order).await?;
        if let Some(heir) = heir {
            write(&mut tx, &heir, &order).await?;
        }
        tx.commit().await?;
        Ok(order)
    }
}

/// Gives a worker that connects for the first time the pause of the one whose place it takes: of the
/// same machine and name, or where the machine is not known of the same host name and name.
pub(crate) async fn inherit(
    db: &mut SqliteConnection,
    id: &AgentId,
    now: Moment,
) -> Result<(), StoreError> {
    let paused = sqlx::query(
        "SELECT old.id, old.asked, old.pause_note, old.pause_until \
         FROM agents AS new JOIN agents AS old ON old.name = new.name \
         WHERE new.id = ?1 AND new.presence = 'registered' AND new.asked IS NULL \
         AND old.id <> new.id AND old.asked = 'pause' AND old.heir IS NULL \
         AND (old.pause_until IS NULL OR old.pause_until > ?2) \
         AND old.host_id IS new.host_id \
         AND (old.host_id IS NOT NULL OR (old.hostname = new.hostname AND old.heard_at >= ?3)) \
         ORDER BY old.registered_at, old.id LIMIT 1",
    )
    .bind(id.as_str())
    .bind(to_column(now))
    .bind(to_column(now.minus(NAMESAKE)))
    .fetch_optional(&mut *db)
    .await?;
    let Some(paused) = paused else {
        return Ok(());
    };
    write(db, id.as_str(), &order(&paused)?).await?;
    sqlx::query("UPDATE agents SET heir = ? WHERE id = ?")
        .bind(id.as_str())
        .bind(paused.try_get::<String, _>("id")?)
        .execute(db)
        .await?;
    Ok(())
}

async fn write(db: &mut SqliteConnection, id: &str, order: &Order) -> Result<(), StoreError> {
    let (word, note, until) = match order {
        Order::Work => (None, None, None),
        Order::Pause { note, until } => (Some("pause"), Some(note), *until),
        Order::Stop => (Some("stop"), None, None),
    };
    sqlx::query("UPDATE agents SET asked = ?, pause_note = ?, pause_until = ? WHERE id = ?")
        .bind(word)
        .bind(note)
        .bind(until.map(to_column))
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// What the columns say that [`Store::ask`] wrote.
pub(crate) fn order(row: &SqliteRow) -> Result<Order, sqlx::Error> {
    let asked: Option<String> = row.try_get("asked")?;
    match asked.as_deref() {
        None => Ok(Order::Work),
        Some("stop") => Ok(Order::Stop),
        Some("pause") => Ok(Order::Pause {
            note: row
                .try_get::<Option<String>, _>("pause_note")?
                .unwrap_or_default(),
            until: row
                .try_get::<Option<i64>, _>("pause_until")?
                .map(from_column),
        }),
        Some(other) => Err(unreadable("asked", &other)),
    }
}
