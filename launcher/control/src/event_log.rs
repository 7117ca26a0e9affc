//! `events.jsonl`: lines are added, and the older half goes when the file is full.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use shared_control::Event;
use shared_control::event::MAX_BYTES;
use shared_fault::{point, write_point};
use shared_handover::layout::StateDir;

use crate::replace::replace;

/// The file.
#[derive(Debug)]
pub(crate) struct EventLog {
    path: PathBuf,
}

impl EventLog {
    /// Names the file; nothing is written yet.
    pub(crate) fn new(state: &StateDir) -> Self {
        Self {
            path: state.events(),
        }
    }

    /// Adds a line.
    pub(crate) fn add(&self, event: &Event) -> io::Result<()> {
        let mut line = event.encode();
        let mut file = self.open()?;
        if file.metadata()?.len() + line.len() as u64 >= MAX_BYTES as u64 {
            self.make_room(&mut file)?;
            file = self.open()?;
        }
        if is_torn(&mut file)? {
            line.insert(0, '\n');
        }
        let (half, _) = line.as_bytes().split_at(line.len() / 2);
        write_point("events.write", || (&file).write_all(half))?;
        file.write_all(line.as_bytes())
    }

    fn open(&self) -> io::Result<File> {
        point("events.open")?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        options.open(&self.path)
    }

    /// Keeps the newer half, from the beginning of a line on. However long the file is, no more
    /// than that is read.
    fn make_room(&self, file: &mut File) -> io::Result<()> {
        let half = MAX_BYTES as u64 / 2;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(half)))?;
        let mut bytes = Vec::new();
        point("events.read")?;
        file.take(half).read_to_end(&mut bytes)?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        replace(&self.path, &bytes[end.map_or(bytes.len(), |end| end + 1)..])
    }
}

/// Whether a crash has left a line without its end.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
