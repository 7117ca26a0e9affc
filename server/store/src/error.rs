//! What can go wrong at the store's boundary.

use std::path::PathBuf;

use server_jobs::Refusal;
use thiserror::Error;

/// A failed call of the store. Each text is complete: causes are part of it, not behind it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
    /// The database is of a newer server, or was damaged.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(sqlx::migrate::MigrateError),
    /// The data folder failed.
    #[error(transparent)]
    Folder(#[from] crate::DataDirError),
    /// A row holds what no version of the server writes.
    #[error("the database holds an unreadable {what}")]
    Corrupt {
        /// The noun, such as `job state`.
        what: &'static str,
    },
    /// There is no such thing.
    #[error("no such {what}")]
    NotFound {
        /// The noun, such as `job`.
        what: &'static str,
    },
    /// There is one already.
    #[error("there is a {what} of that name already")]
    Exists {
        /// The noun, such as `pipeline`.
        what: &'static str,
    },
    /// The job's state machine said no.
    #[error("{0}")]
    Refused(Refusal),
    /// A log file could not be read or written.
    #[error("log file {}: {cause}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// The operating system gave no random bytes for a token.
    #[error("no random bytes from the operating system: {0}")]
    Random(getrandom::Error),
}

impl StoreError {
    /// Whether the same call may succeed later: the fault is ours, not the caller's.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Log { .. } | Self::Random(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(error)
    }
}
