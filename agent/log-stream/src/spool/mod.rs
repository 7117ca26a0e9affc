//! Chunks of a log on disk, while its endpoint is away: in a file of the job's own, which only the
//! agent's user may read.
//!
//! The file is a journal: chunks, and which of them are settled. After a crash of the agent the
//! next one reads it and delivers the rest ([`recover`]). It is not synced: a crash of the process
//! loses nothing of it, and after a power cut nobody waits for the log of that job.

mod file;
mod frame;
mod room;

use std::io;
use std::path::{Path, PathBuf};

use crate::settings::Settings;
use crate::stream::{Summary, deliver};
use crate::upload::LogUpload;

pub(crate) use file::Spool;
pub(crate) use frame::Frame;
pub use room::Room;

/// Where a spool may be made when one is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file that the next agent finds if this one dies.
    Named(PathBuf),
    /// A file without a name in this folder, which vanishes with the agent.
    Unnamed(PathBuf),
}

/// Delivers what an agent that died left in the spool `path`, and removes it. None if there is no
/// such file. May be dropped half-way: the file then says what is left.
///
/// The summary counts chunks that were found to be delivered by now; a log without its end, or with
/// a torn tail, has one more failed chunk, for nobody knows how many are missing. What is in the file
/// counts in the `room` of the agent that delivers it.
pub async fn recover(
    path: &Path,
    uploader: impl LogUpload,
    settings: Settings,
    room: &Room,
) -> io::Result<Option<Summary>> {
    let spool = match Spool::open(path.to_owned(), room).await {
        Ok(spool) => spool,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let missing = u64::from(!spool.is_whole());
    let mut summary = deliver(uploader, settings, spool).await;
    summary.failed += missing;
    Ok(Some(summary))
}
