//! `status.json`: at most one write a second, and the last state always gets there.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use shared_control::Status;
use shared_handover::layout::StateDir;

use crate::replace::replace;

/// The shortest time between two writes.
const BETWEEN: Duration = Duration::from_secs(1);

/// Writes the file. Times are since any fixed moment, such as the start of the launcher.
#[derive(Debug)]
pub struct StatusFile {
    path: PathBuf,
    waiting: Option<Status>,
    written: Option<Duration>,
}

impl StatusFile {
    /// Names the file; nothing is written yet.
    pub fn new(state: &StateDir) -> Self {
        Self {
            path: state.status(),
            waiting: None,
            written: None,
        }
    }

    /// Takes a new state, and writes it if the last write is long enough ago; otherwise
    /// [`StatusFile::tick`] does, at [`StatusFile::due`].
    pub fn put(&mut self, status: Status, now: Duration) -> io::Result<()> {
        self.waiting = Some(status);
        self.tick(now)
    }

    /// When a state that waits may be written; `None` if none does.
    pub fn due(&self) -> Option<Duration> {
        self.waiting.as_ref()?;
        Some(self.written.map_or(Duration::ZERO, |at| at + BETWEEN))
    }

    /// Writes the state that waits, if it is time. One that cannot be written is dropped: the next
    /// one says more.
    pub fn tick(&mut self, now: Duration) -> io::Result<()> {
        match self.due() {
            Some(due) if due <= now => {
                self.written = Some(now);
                self.flush()
            }
            _ => Ok(()),
        }
    }

    /// Writes the state that waits, now: the launcher ends.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(status) = self.waiting.take() else {
            return Ok(());
        };
        let mut text = serde_json::to_vec_pretty(&status).expect("plain data always serialises");
        text.push(b'\n');
        replace(&self.path, &text)
    }
}
