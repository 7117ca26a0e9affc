//! The launcher's outward side: the socket that operators ask through, and the files that say how
//! the host is.
//!
//! * [`Control`] listens; each request comes to the launcher as an [`Asked`] with the [`Replier`]
//!   that answers it.
//! * [`Journal`] is told of each transition of an upgrade; out of that it makes lines of
//!   `events.jsonl` and the counters of `metrics.prom`.
//! * [`StatusFile`] writes `status.json`.
//!
//! Nothing here decides anything, nothing that is written is read back, and no trouble with any of
//! it may hold up an upgrade: the launcher logs it and goes on.

mod event_log;
mod journal;
mod metrics;
mod os;
mod replace;
mod replier;
mod server;
mod status_file;
mod visit;

pub use journal::{Journal, Step};
pub use metrics::Metrics;
pub use replier::{Asked, Replier};
pub use server::{Control, Limits, OpenError};
pub use status_file::StatusFile;
