//! The file that a patch makes, which never gets longer than was promised.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use shared_fault::{point, write_point};

use crate::DeltaError;

/// Counts what is written, and refuses what is too much before it is written.
pub(crate) struct Output {
    /// Most steps of a patch make a few bytes only.
    file: BufWriter<Faulty>,
    path: PathBuf,
    size: u64,
    made: u64,
}

impl Output {
    /// Creates the file, or empties the one that is there.
    pub(crate) fn create(path: &Path, size: u64) -> Result<Self, DeltaError> {
        let file = point("delta.create").and_then(|()| File::create(path));
        let file = file.map_err(DeltaError::disk("write", path))?;
        Ok(Self {
            file: BufWriter::with_capacity(64 * 1024, Faulty(file)),
            path: path.to_owned(),
            size,
            made: 0,
        })
    }

    /// Bytes that are still to come.
    pub(crate) const fn missing(&self) -> u64 {
        self.size - self.made
    }

    /// Bytes there should be in the end.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Appends bytes.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), DeltaError> {
        if bytes.len() as u64 > self.missing() {
            return Err(DeltaError::TooLong { size: self.size });
        }
        let written = self.file.write_all(bytes);
        written.map_err(DeltaError::disk("write", &self.path))?;
        self.made += bytes.len() as u64;
        Ok(())
    }

    /// The last act: all promised bytes are there.
    pub(crate) fn finish(mut self) -> Result<(), DeltaError> {
        let flushed = self.file.flush();
        flushed.map_err(DeltaError::disk("write", &self.path))?;
        if self.missing() == 0 {
            return Ok(());
        }
        Err(DeltaError::TooShort {
            made: self.made,
            size: self.size,
        })
    }
}

/// The file behind its fault point.
struct Faulty(File);

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = &mut self.0;
        write_point("delta.write", || file.write_all(&bytes[..bytes.len() / 2]))?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
