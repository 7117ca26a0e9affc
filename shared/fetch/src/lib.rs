//! Fetching over HTTP what is then checked by other means: a manifest, or a file of known digest.
//!
//! Who are the two? The launcher and the installer. The server is not trusted: it can lie about
//! lengths and ranges, stall, trickle, break off, or be a captive portal that answers everything
//! with a login page. Whatever it does ends in one [`FetchError`] with one line of text, within a
//! bounded number of bytes.
//!
//! [`Fetcher::obtain`] gets a file by the best of several ways: a delta to a file that is here
//! already, a compressed file, the plain file; each from several mirrors or a local folder. What
//! counts in the end is the digest of the plain file, so every way may fail, and the next is tried.
//!
//! Nothing here waits to try again later: the caller's schedule decides when, and partial files
//! make the next try cheap. There is no total time limit either, because a slow line is not a
//! broken one; given up is only a line that stays silent for [`STALL_LIMIT`], or brings less than a
//! kibibyte per second for five minutes.

mod bucket;
mod download;
mod error;
mod jitter;
mod line;
mod manifest;
mod obtain;
mod options;
mod order;
mod pace;
mod partial;
mod patch;
mod reply;
mod source;
mod sweep;

use std::time::Duration;

pub use error::FetchError;
pub use jitter::start_offset;
pub use manifest::{ManifestReply, ServerDate};
pub use obtain::{Obtained, Received};
pub use options::{Fetcher, Options};
pub use order::{Encoding, Kind, Order, Phase, Progress, Source};
pub use patch::{Patch, Patcher};
pub use sweep::remove_superseded;

/// How long a connection may stay silent before it is given up.
pub const STALL_LIMIT: Duration = Duration::from_mins(1);
