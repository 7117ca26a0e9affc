//! The disk of the operating system, with a fault point before each call.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use shared_fault::{point, write_point};

use crate::{Digest, Fs, Hasher, Room, os};

/// How much is read or written at once. Small, because it lies on the stack of a process that
/// should stay under a megabyte.
const BUFFER: usize = 16 * 1024;

/// The disk of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFs;

impl Fs for OsFs {
    fn read(&self, at: &'static str, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        point(at)?;
        part(path, 0..most)
    }

    fn read_range(&self, at: &'static str, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
        point(at)?;
        part(path, range)
    }

    fn size(&self, at: &'static str, path: &Path) -> io::Result<u64> {
        point(at)?;
        Ok(fs::metadata(path)?.len())
    }

    fn hash(&self, at: &'static str, path: &Path) -> io::Result<Digest> {
        point(at)?;
        pour(os::open(path)?, &mut io::sink())
    }

    fn write_in_place(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let write = |bytes: &[u8]| {
            let mut file = os::retried(|| OpenOptions::new().write(true).open(path))?;
            file.write_all(bytes)
        };
        write_point(at, || write(half(bytes)))?;
        write(bytes)
    }

    fn write_new(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let write = |bytes: &[u8]| create(path)?.write_all(bytes);
        write_point(at, || write(half(bytes)))?;
        write(bytes)
    }

    fn allocate(&self, at: &'static str, path: &Path, size: u64) -> io::Result<()> {
        let write = |size| pour(Noise(1).take(size), &mut create(path)?).map(drop);
        write_point(at, || write(size / 2))?;
        write(size)
    }

    fn copy(
        &self,
        at: &'static str,
        from: &Path,
        range: Range<u64>,
        to: &Path,
    ) -> io::Result<Digest> {
        let copy = |range: Range<u64>| {
            let mut from = os::open(from)?;
            from.seek(SeekFrom::Start(range.start))?;
            let from = from.take(range.end.saturating_sub(range.start));
            pour(from, &mut create(to)?)
        };
        write_point(at, || {
            let end = range.end.min(fs::metadata(from)?.len());
            let length = end.saturating_sub(range.start);
            copy(range.start..range.start + length / 2).map(drop)
        })?;
        copy(range)
    }

    fn sync_file(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        os::sync_file(path)
    }

    fn sync_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        os::sync_dir(path)
    }

    fn create_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        fs::create_dir_all(path)
    }

    fn create_private_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        os::create_private_dir(path)
    }

    fn rename(&self, at: &'static str, from: &Path, to: &Path) -> io::Result<()> {
        point(at)?;
        os::retried(|| fs::rename(from, to))
    }

    fn set_executable(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        os::set_executable(path)
    }

    fn alias(&self, at: &'static str, target: &str, link: &Path) -> io::Result<()> {
        point(at)?;
        os::alias(target, link)
    }

    fn remove_file(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        gone(os::retried(|| fs::remove_file(path)))
    }

    fn remove_dir(&self, at: &'static str, path: &Path) -> io::Result<()> {
        point(at)?;
        gone(os::retried(|| fs::remove_dir_all(path)))
    }

    fn list(&self, at: &'static str, path: &Path) -> io::Result<Vec<OsString>> {
        point(at)?;
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    fn room(&self, at: &'static str, path: &Path) -> io::Result<Room> {
        point(at)?;
        os::room(path)
    }
}

fn create(path: &Path) -> io::Result<File> {
    os::retried(|| File::create_new(path))
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn part(path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut file = os::open(path)?;
    // A pipe or a file of the kernel cannot be moved in, and need not be.
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start))?;
    }
    let mut bytes = Vec::new();
    file.take(range.end.saturating_sub(range.start))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads to the end, hands all on, and says what it was.
fn pour(mut from: impl Read, to: &mut impl Write) -> io::Result<Digest> {
    let mut buffer = [0; BUFFER];
    let mut hasher = Hasher::default();
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes that no file system can compress away (xorshift64, Marsaglia 2003).
struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for piece in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            piece.copy_from_slice(&self.0.to_le_bytes()[..piece.len()]);
        }
        Ok(buffer.len())
    }
}
