//! Everything the server remembers: one database file, and a folder of logs beside it.
//!
//! One file of `table/` per table. Changes go through one write connection whose transactions take
//! the lock at once (`BEGIN IMMEDIATE`), so that they wait for each other instead of failing half
//! way; reads have connections of their own. The folder is the owner's alone (0700), its files too
//! (0600). Commands that run beside the server use the same files.
//!
//! Rules of the trade live in `server-jobs`; this crate must not decide anything about a job.

mod error;
mod folder;
mod job_row;
mod log;
mod os;
mod schema;
mod step;
mod store;
mod table;

pub use error::StoreError;
pub use folder::{DataDir, DataDirError};
pub use job_row::JobRow;
pub use step::Step;
pub use store::Store;
pub use table::agents::{AgentRow, NewAgent};
pub use table::builds::{BuildRow, NewBuild};
pub use table::chunks::{ChunkError, LOG_LIMIT};
pub use table::hosts::{Asking, Enrolled, HostRow};
pub use table::jobs::Changed;
pub use table::pipelines::{NewPipeline, PipelineRow};
pub use table::tokens::{Grant, TokenKind, TokenRow};
