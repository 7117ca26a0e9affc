//! The file: append, turn over at the cap, drop and count while the disk is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::os;

/// Cap of a log file in bytes, unless another one is given.
pub const MOST_BYTES: u64 = 10 * 1024 * 1024;

/// A log on disk: `<path>` of at most so many bytes, and the one before it as `<path>.1`.
///
/// As a [`Write`] it never fails and takes every buffer whole: what does not get onto the disk is
/// counted, and a line about it is written as soon as there is room. Call it with whole lines.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    most: u64,
    /// `None` while the file cannot be opened.
    file: Option<File>,
    length: u64,
    /// Bytes that are lost since the last line that got through.
    dropped: u64,
    /// Whether what got through last ended in the middle of a line.
    torn: bool,
}

impl LogFile {
    /// Opens `path` for appending, mode 0600 if it is new, with a cap of `most` bytes.
    ///
    /// # Errors
    /// That the file cannot be opened is said here, at the start, where somebody sees it. Later
    /// the log heals itself.
    pub fn open(path: impl Into<PathBuf>, most: u64) -> io::Result<Self> {
        let mut log = Self::closed(path, most);
        log.reopen()?;
        Ok(log)
    }

    /// A log whose file is opened with the first line, or as soon as that works: for a process
    /// that must run without a log, too.
    pub fn closed(path: impl Into<PathBuf>, most: u64) -> Self {
        Self {
            path: path.into(),
            most,
            file: None,
            length: 0,
            dropped: 0,
            torn: false,
        }
    }

    /// Where it is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are lost since the last time something got through.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Also after the whole folder was removed.
    fn reopen(&mut self) -> io::Result<()> {
        shared_fault::point("logfile.open")?;
        let file = match (os::open(&self.path), self.path.parent()) {
            (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
                os::create_dir(folder)?;
                os::open(&self.path)?
            }
            (opened, _) => opened?,
        };
        self.length = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    /// Follows what others did to the file since the last line: it has grown, or it was turned
    /// over or removed, and then a new one is at its path.
    fn follow(&mut self) -> io::Result<()> {
        let same = |file| os::length_if_same(file, &self.path);
        match self.file.as_ref().and_then(same) {
            Some(length) => self.length = length,
            None => self.reopen()?,
        }
        Ok(())
    }

    /// Makes room for `coming` bytes: the full file becomes the old one.
    fn turn_over(&mut self, coming: u64) -> io::Result<()> {
        if self.length == 0 || self.length.saturating_add(coming) <= self.most {
            return Ok(());
        }
        // Some systems do not rename an open file.
        self.file = None;
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        shared_fault::point("logfile.rename")?;
        if fs::rename(&self.path, older).is_err() {
            // Better to lose old lines than to grow without bound. Somebody may have been faster.
            let _ = fs::remove_file(&self.path);
        }
        self.reopen()
    }

    /// Gets ready for `coming` bytes, and says what was lost before them.
    fn prepare(&mut self, coming: u64) -> io::Result<()> {
        self.follow()?;
        self.turn_over(coming)?;
        if self.dropped > 0 {
            let end = if self.torn { "\n" } else { "" };
            let line = format!("{end}{} bytes of log were lost here\n", self.dropped);
            if self.put(line.as_bytes()) < line.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.dropped = 0;
        }
        Ok(())
    }

    /// Writes as much as gets through, and returns how much that is.
    fn put(&mut self, bytes: &[u8]) -> usize {
        let Some(file) = &mut self.file else { return 0 };
        let half = &bytes[..bytes.len() / 2];
        if shared_fault::write_point("logfile.write", || file.write_all(half)).is_err() {
            return 0;
        }
        let mut written = 0;
        while written < bytes.len() {
            match file.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.length += written as u64;
        if let Some(last) = bytes[..written].last() {
            self.torn = *last != b'\n';
        }
        written
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.prepare(bytes.len() as u64) {
            Ok(()) => self.put(bytes),
            Err(_) => 0,
        };
        self.dropped += (bytes.len() - written) as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
