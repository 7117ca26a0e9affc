//! Bytes of a job to timestamped, numbered, uploaded chunks.
//!
//! ```text
//! LogSink::write → channel → timestamp → chunk (cut, number, gzip) → queue → up to 3 uploads
//! ```
//!
//! One stream per running job, made by its runner. Its memory is bounded whatever the endpoint
//! does: [`Settings::queue_bytes`] of compressed chunks, one chunk being filled, and a quarter of a
//! mebibyte in the channel. It neither redacts nor interprets the log.

pub mod chunk;
pub mod settings;
pub mod stream;
pub mod timestamp;
pub mod upload;

mod ansi;

pub use settings::{Marks, Settings};
pub use stream::{Ended, LogSink, Summary, start};
pub use upload::{ChunkUpload, JobLog};
