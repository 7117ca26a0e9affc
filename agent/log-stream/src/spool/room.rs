//! How much disk the logs of all jobs of an agent may take, together and of what is left: a hundred
//! jobs under one outage must not fill the volume that their builds, and the host, live on.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all spools together: eight jobs that print as much as one may.
const MOST_BYTES: u64 = 8 << 30;
/// Bytes of a volume that are left to others, …
const SPARE_BYTES: u64 = 1 << 30;
/// … or this part of a small volume.
const SPARE_PART: u64 = 10;

/// The room that the spools of an agent share. Clones are the same room.
#[derive(Debug, Clone)]
pub struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: u64,
    used: AtomicU64,
}

/// What one spool takes of a room, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    room: Room,
    bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(MOST_BYTES)
    }
}

impl Room {
    /// A room of so many bytes.
    pub fn new(most: u64) -> Self {
        let used = AtomicU64::new(0);
        Self(Arc::new(Shared { most, used }))
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    pub(crate) fn share(&self) -> Share {
        let room = self.clone();
        Share { room, bytes: 0 }
    }
}

impl Share {
    /// Takes more, if there is so much.
    pub(crate) fn grow(&mut self, bytes: u64) -> io::Result<()> {
        let Shared { most, used } = &*self.room.0;
        let grown = |used: u64| used.checked_add(bytes).filter(|sum| sum <= most);
        if used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .is_err()
        {
            let text = format!("the logs of all jobs have reached {most} bytes on disk");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Takes what is on disk already, or is too little to be asked for.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.room.0.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// Gives back.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.room.0.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }

    /// Gives back everything.
    pub(crate) fn clear(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether the volume of the file has so many bytes and more than what is left to others. A volume
/// that does not say how much it has counts as large.
pub(crate) fn spare(file: &File, bytes: u64) -> io::Result<()> {
    let Some((size, free)) = volume(file) else {
        return Ok(());
    };
    if bytes <= offered(size, free) {
        return Ok(());
    }
    let text = format!("the {free} bytes that its volume has left are for others");
    Err(io::Error::new(io::ErrorKind::StorageFull, text))
}

/// How many bytes a spool may take of a volume of this size with so many bytes left.
fn offered(size: u64, free: u64) -> u64 {
    free.saturating_sub(SPARE_BYTES.min(size / SPARE_PART))
}

#[cfg(unix)]
fn volume(file: &File) -> Option<(u64, u64)> {
    let found = rustix::fs::fstatvfs(file).ok()?;
    let size = found.f_blocks.saturating_mul(found.f_frsize);
    Some((size, found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
fn volume(_file: &File) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_never_overfull_and_gets_back_what_was_taken() {
        let room = Room::new(100);
        let (mut one, mut other) = (room.share(), room.share());
        assert!(one.grow(60).is_ok());
        assert!(other.grow(41).is_err());
        assert!(other.grow(40).is_ok());
        assert!(one.grow(u64::MAX).is_err());
        other.add(7);
        assert_eq!(room.used(), 107);
        one.shrink(10);
        one.shrink(1000);
        drop(one);
        assert_eq!(room.used(), 47);
        other.clear();
        assert_eq!(room.used(), 0);
    }

    #[test]
    fn the_last_gibibyte_of_a_volume_or_tenth_of_a_small_one_is_for_others() {
        const GIB: u64 = 1 << 30;
        for (size, free, expected) in [
            (100 * GIB, 50 * GIB, 49 * GIB),
            (100 * GIB, GIB, 0),
            (100 * GIB, 0, 0),
            (1000, 300, 200),
            (1000, 99, 0),
            (0, 0, 0),
        ] {
            assert_eq!(offered(size, free), expected, "{size} {free}");
        }
    }
}
