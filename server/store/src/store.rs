//! Opening the database, and the two kinds of access to it.

use std::time::Duration;

use server_jobs::Moment;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::log::LogDir;
use crate::{DataDir, StoreError, schema};

/// How long a writer waits for another process, such as `token create` beside the server.
const BUSY: Duration = Duration::from_secs(10);

/// Connections that only read.
const READERS: u32 = 4;

/// The database and the logs of one data folder. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    /// One connection: SQLite has one writer anyway, and here the others queue in order.
    writer: SqlitePool,
    pub(crate) reader: SqlitePool,
    pub(crate) logs: LogDir,
}

impl Store {
    /// Opens the database of `dir` and brings its tables up to date.
    pub async fn open(dir: &DataDir) -> Result<Self, StoreError> {
        // Every commit is on the disk before it is answered (`Full`): a worker that was told "the
        // job is yours" must still have it after a power cut.
        let options = SqliteConnectOptions::new()
            .filename(dir.database())
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let tables = {
            let dir = dir.clone();
            // Waiting for a file lock blocks, if only while another program starts.
            tokio::task::spawn_blocking(move || dir.lock_tables())
                .await
                .expect("taking a lock does not panic")?
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        schema::migrator().run(&writer).await?;
        drop(tables);
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self {
            writer,
            reader,
            logs: LogDir::new(dir.logs()),
        })
    }

    /// Asks the database for nothing, to learn whether it answers.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Closes the connections, which also folds the journal into the database.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// A transaction that has the write lock from its start. Dropped without commit, it never was.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// A moment as the database keeps it.
pub(crate) fn to_column(moment: Moment) -> i64 {
    i64::try_from(moment.millis()).unwrap_or(i64::MAX)
}

/// A moment out of the database.
pub(crate) fn from_column(millis: i64) -> Moment {
    Moment::from_millis(u64::try_from(millis).unwrap_or(0))
}
