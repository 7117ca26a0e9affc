//! A log file with a size cap, for all three tiers.
//!
//! A tier must outlive a full disk, and its log may not be what fills it. So: [`LogFile`] never
//! fails its caller, keeps at most two files of a known size, and says afterwards how much it had
//! to drop. [`stamp`] writes times as RFC 3339; the caller brings the clock.
//!
//! One process writes a file at a time; nothing is buffered, so nothing is lost with the process.

mod file;
mod os;
mod time;

pub use file::{LogFile, MOST_BYTES};
pub use time::stamp;
