//! Bytes of a job to timestamped, numbered, uploaded chunks.
//!
//! ```text
//! LogSink::write → channel → timestamp → chunk (cut, number, gzip) → queue (memory, spool) → up to 3 uploads
//! ```
//!
//! One stream per running job, made by its runner. Its memory is bounded whatever the endpoint
//! does: [`Settings::memory_bytes`] of compressed chunks, one chunk being filled, and a quarter of
//! a mebibyte in the channel; what is more goes to a [`spool`] on disk. It neither redacts nor
//! interprets the log.

pub mod chunk;
pub mod copy;
pub mod lines;
pub mod settings;
pub mod sink;
pub mod spool;
pub mod stdout;
pub mod stream;
pub mod timestamp;
pub mod upload;

mod ansi;
mod header;
mod header_times;
mod marker;
mod queue;

pub use settings::{Marks, Settings};
pub use sink::{Ended, LogSink};
pub use stream::{Files, Summary, start};
pub use upload::{JobLog, LogUpload};
