//! The file of a spool. Each call does its work on a thread for blocking calls and is waited for.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared_fault::{point, write_point};

use super::room::{Share, spare};
use super::{Frame, Place, Room};
use crate::chunk::Chunk;

/// A spool in use. Dropping it leaves a named file where it is.
#[derive(Debug)]
pub(crate) struct Spool {
    file: Arc<File>,
    path: Option<PathBuf>,
    share: Share,
    /// Bytes of whole frames.
    length: u64,
    /// Where the next unread chunk is looked for.
    read_at: u64,
    /// Chunks from there on that are not settled.
    unread: u64,
    found: Option<Found>,
}

/// What a file held that an earlier agent left.
#[derive(Debug, Default)]
struct Found {
    /// Numbers of the chunks that are not settled.
    left: BTreeSet<u64>,
    failed: u64,
    whole: bool,
}

impl Spool {
    /// Makes the file.
    pub(crate) async fn create(place: &Place, room: &Room) -> io::Result<Self> {
        let share = room.share();
        let place = place.clone();
        let (file, path) = blocking(move || match place {
            Place::Named(path) => Ok((create_named(&path)?, Some(path))),
            Place::Unnamed(folder) => {
                point("log-spool.create-unnamed")?;
                Ok((tempfile::tempfile_in(folder)?, None))
            }
        })
        .await?;
        Ok(Self {
            file: Arc::new(file),
            path,
            share,
            length: 0,
            read_at: 0,
            unread: 0,
            found: None,
        })
    }

    /// Opens the file that another agent left, without its torn tail.
    pub(crate) async fn open(path: PathBuf, room: &Room) -> io::Result<Self> {
        let mut share = room.share();
        blocking(move || {
            point("log-spool.open")?;
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            let (mut found, length) = scan(&file)?;
            found.whole &= file.metadata()?.len() == length;
            point("log-spool.cut-torn")?;
            file.set_len(length)?;
            share.add(length);
            Ok(Self {
                file: Arc::new(file),
                path: Some(path),
                share,
                length,
                read_at: 0,
                unread: found.left.len() as u64,
                found: Some(found),
            })
        })
        .await
    }

    /// Whether the file held a log to its end.
    pub(crate) fn is_whole(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.whole)
    }

    /// Chunks that an earlier agent had to give up.
    pub(crate) fn failed(&self) -> u64 {
        self.found.as_ref().map_or(0, |found| found.failed)
    }

    /// Bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Chunks that are only on disk.
    pub(crate) fn unread(&self) -> u64 {
        self.unread
    }

    /// Bytes of the file from the first of those chunks on.
    pub(crate) fn unread_bytes(&self) -> u64 {
        match self.unread {
            0 => 0,
            _ => self.length - self.read_at,
        }
    }

    /// Adds frames. Chunks among them are `unread` afterwards, unless they are also in memory. When
    /// it fails the file is as before. Chunks need room; what became of others is always noted.
    pub(crate) async fn append(&mut self, frames: Vec<Frame>, unread: u64) -> io::Result<()> {
        let (file, from) = (self.file.clone(), self.length);
        let added: u64 = frames.iter().map(Frame::bytes).sum();
        let has_chunks = frames.iter().any(|frame| matches!(frame, Frame::Chunk(_)));
        if has_chunks {
            self.share.grow(added)?;
        } else {
            self.share.add(added);
        }
        let appended = blocking(move || {
            if has_chunks {
                spare(&file, added)?;
            }
            let written = write(&file, from, &frames);
            if written.is_err() {
                // A torn tail would do no harm either, as long as nothing follows it.
                let _ = file.set_len(from);
            }
            written
        });
        if let Err(error) = appended.await {
            self.share.shrink(added);
            return Err(error);
        }
        if self.unread == 0 && unread == 0 {
            self.read_at = from + added;
        }
        self.length += added;
        self.unread += unread;
        Ok(())
    }

    /// Takes the next unread chunks, of `bytes` bytes or a little more.
    pub(crate) async fn read(&mut self, bytes: usize) -> io::Result<Vec<Chunk>> {
        let (file, from, most) = (self.file.clone(), self.read_at, self.unread);
        let found = self.found.take();
        let (found, result) = tokio::task::spawn_blocking(move || {
            let left = found.as_ref().map(|found| &found.left);
            let result = read(&file, from, most, bytes, left);
            (found, result)
        })
        .await?;
        self.found = found;
        let (chunks, read_at) = result?;
        self.read_at = read_at;
        self.unread -= chunks.len() as u64;
        Ok(chunks)
    }

    /// Empties the file: all that was in it is settled, or in memory and comes again.
    pub(crate) async fn clear(&mut self) -> io::Result<()> {
        let file = self.file.clone();
        blocking(move || {
            point("log-spool.clear")?;
            file.set_len(0)
        })
        .await?;
        self.share.clear();
        (self.length, self.read_at, self.unread) = (0, 0, 0);
        Ok(())
    }

    /// Removes the file: all of it is settled.
    pub(crate) async fn remove(self) {
        let Self {
            file, path, share, ..
        } = self;
        let removed = blocking(move || {
            let _share = share;
            // A file's blocks are freed when the last handle is closed, which takes its time.
            let _file = file;
            let Some(path) = path else { return Ok(()) };
            point("log-spool.remove")?;
            std::fs::remove_file(&path).map_err(|error| {
                let path = path.display();
                io::Error::new(error.kind(), format!("{path}: {error}"))
            })
        });
        if let Err(error) = removed.await {
            tracing::warn!("failed to remove the spool of a job's log: {error}");
        }
    }
}

fn create_named(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        point("log-spool.create-dir")?;
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    point("log-spool.create")?;
    options.open(path)
}

fn write(mut file: &File, from: u64, frames: &[Frame]) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut out = BufWriter::with_capacity(64 << 10, file);
    for (number, frame) in frames.iter().enumerate() {
        if number == 0 {
            write_point("log-spool.write", || out.write_all(b"C"))?;
        }
        frame.write(&mut out)?;
    }
    out.flush()
}

fn read(
    mut file: &File,
    from: u64,
    most: u64,
    bytes: usize,
    left: Option<&BTreeSet<u64>>,
) -> io::Result<(Vec<Chunk>, u64)> {
    point("log-spool.read")?;
    file.seek(SeekFrom::Start(from))?;
    let mut input = BufReader::with_capacity(64 << 10, file);
    let (mut chunks, mut at, mut taken) = (Vec::new(), from, 0);
    while (chunks.len() as u64) < most && taken < bytes {
        let frame = match Frame::read(&mut input) {
            Ok(Some(frame)) => frame,
            // What was read is not lost with what cannot be read: the next call meets that again.
            _ if !chunks.is_empty() => break,
            Ok(None) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) => return Err(error),
        };
        at += frame.bytes();
        if let Frame::Chunk(chunk) = frame
            && left.is_none_or(|left| left.contains(&chunk.place.sequence))
        {
            taken += chunk.gzip.len();
            chunks.push(chunk);
        }
    }
    Ok((chunks, at))
}

fn scan(file: &File) -> io::Result<(Found, u64)> {
    let mut input = BufReader::with_capacity(64 << 10, file);
    let mut found = Found::default();
    let mut length = 0;
    while let Some(frame) = Frame::read(&mut input)? {
        if length == 0 && !matches!(frame, Frame::Begin { .. }) {
            break;
        }
        length += frame.bytes();
        match frame {
            Frame::Begin { failed } => found.failed += failed,
            Frame::Chunk(chunk) => {
                found.left.insert(chunk.place.sequence);
            }
            Frame::Settled {
                sequence,
                delivered,
            } => {
                found.failed += u64::from(!delivered);
                found.left.remove(&sequence);
            }
            Frame::End => found.whole = true,
        }
    }
    Ok((found, length))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
