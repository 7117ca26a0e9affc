//! A log file with a size cap, for all three tiers.
//!
//! A tier must outlive a full disk, and its log may not be what fills it. So: [`LogFile`] never
//! fails its caller, keeps at most two files of a known size, and says afterwards how much it had
//! to drop. [`stamp`] writes times as RFC 3339; the caller brings the clock.
//!
//! Nothing is buffered, so nothing is lost with the process. Two processes may share a file, as two
//! agents do while one takes over from the other: whole lines are appended, and whichever does not
//! turn the file over follows the one that did.

mod file;
mod os;
mod time;

pub use file::{LogFile, MOST_BYTES};
pub use time::stamp;
