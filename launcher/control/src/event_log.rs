//! `events.jsonl`: lines are added, and the older half goes when the file is full.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use shared_control::Event;
use shared_control::event::MAX_BYTES;
use shared_fault::{point, write_point};
use shared_handover::layout::StateDir;

use crate::replace::replace;

/// The file.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
}

impl EventLog {
    /// Names the file; nothing is written yet.
    pub fn new(state: &StateDir) -> Self {
        Self {
            path: state.events(),
        }
    }

    /// Adds a line.
    pub fn add(&self, event: &Event) -> io::Result<()> {
        // A line break first ends a line that a crash has torn; empty lines are skipped.
        let line = format!("\n{}", event.encode());
        point("events.open")?;
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        if file.metadata()?.len() + line.len() as u64 > MAX_BYTES as u64 {
            self.make_room()?;
            point("events.open-again")?;
            file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&self.path)?;
        }
        let (half, _) = line.as_bytes().split_at(line.len() / 2);
        write_point("events.write", || (&file).write_all(half))?;
        file.write_all(line.as_bytes())
    }

    /// Keeps the newer half, from the beginning of a line on.
    fn make_room(&self) -> io::Result<()> {
        point("events.read")?;
        let bytes = fs::read(&self.path)?;
        let half = &bytes[bytes.len().saturating_sub(MAX_BYTES / 2)..];
        let begin = half.iter().position(|byte| *byte == b'\n');
        replace(&self.path, &half[begin.unwrap_or(half.len())..])
    }
}
