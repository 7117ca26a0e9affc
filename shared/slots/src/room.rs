//! How much room the volume has, how much an upgrade needs, and what may go when it is short.
//!
//! Pure, but for [`Room::of`]. A download that would fill the disk is not begun: jobs need the
//! disk more than a new version does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use crate::{Digest, Fs, Meta, PAGE_BYTES};

/// Left free for everything else: at least this many bytes, or a hundredth of the volume.
const MARGIN: u64 = 64 << 20;

/// Files and folders that an upgrade may make.
const FILES: u64 = 16;

/// What a volume has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Size of the volume in bytes.
    pub total: u64,
    /// Bytes that this user may still write.
    pub free: u64,
    /// Files that this user may still make; `None` where that is not limited.
    pub files: Option<u64>,
}

/// The volume has too little room for a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// Too few bytes.
    Bytes {
        /// Bytes that must be free.
        needed: u64,
        /// Bytes that are.
        free: u64,
    },
    /// Too few places for files.
    Files {
        /// Files that must be possible.
        needed: u64,
        /// Files that are.
        free: u64,
    },
}

impl Room {
    /// Asks the disk about the volume that `path` lies on.
    pub fn of(fs: &impl Fs, path: &Path) -> io::Result<Self> {
        fs.room("room.look", path)
    }

    /// Whether a version of `size` bytes, fetched as `encoded` further bytes, has room.
    pub fn check(&self, size: u64, encoded: u64) -> Result<(), Short> {
        let needed = need(size, encoded, self.total);
        if self.free < needed {
            let free = self.free;
            return Err(Short::Bytes { needed, free });
        }
        match self.files {
            Some(free) if free < FILES => Err(Short::Files {
                needed: FILES,
                free,
            }),
            _ => Ok(()),
        }
    }
}

/// Bytes that must be free before a version of `size` bytes is fetched as `encoded` further bytes
/// (0 if it comes as it is) onto a volume of `total` bytes: both files, both pages, and a margin.
pub const fn need(size: u64, encoded: u64, total: u64) -> u64 {
    let hundredth = total / 100;
    let margin = if hundredth > MARGIN {
        hundredth
    } else {
        MARGIN
    };
    size.saturating_add(encoded)
        .saturating_add(2 * PAGE_BYTES as u64)
        .saturating_add(margin)
}

/// Something that may be removed to make room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expendable {
    /// The partial download of a version that is not the wanted one.
    Partial(Digest),
    /// A version that nothing names.
    Version(Digest),
}

/// What may go on a full disk, in that order: partial downloads, then versions that nothing names,
/// the oldest first. Never what is in `keep`: all that a page [names](crate::Page::named), the
/// factory copy, and what a process runs; nor the plugins that these use.
pub fn expendable(
    partials: &[Digest],
    wanted: Digest,
    entries: &BTreeMap<Digest, Meta>,
    keep: &BTreeSet<Digest>,
) -> Vec<Expendable> {
    let kept = |digest: &Digest| keep.contains(digest) || *digest == wanted;
    let used: BTreeSet<Digest> = entries
        .iter()
        .filter(|(digest, _)| kept(digest))
        .filter_map(|(_, meta)| meta.plugins)
        .collect();
    let mut versions: Vec<_> = entries
        .iter()
        .filter(|(digest, _)| !kept(digest) && !used.contains(digest))
        .collect();
    versions.sort_by_key(|(_, meta)| meta.serial);
    let partials = partials.iter().filter(|partial| **partial != wanted);
    partials
        .map(|partial| Expendable::Partial(*partial))
        .chain(
            versions
                .into_iter()
                .map(|(digest, _)| Expendable::Version(*digest)),
        )
        .collect()
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { needed, free } => write!(
                f,
                "the volume has {} MiB left and {} MiB are needed; remove files or give it more room",
                free >> 20,
                needed.div_ceil(1 << 20)
            ),
            Self::Files { needed, free } => write!(
                f,
                "the volume has places for {free} more files and {needed} are needed; remove files"
            ),
        }
    }
}

impl std::error::Error for Short {}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_margin_is_a_hundredth_of_a_large_volume() {
        assert_eq!(need(0, 0, 0), 64 * MIB + 1024);
        assert_eq!(need(5, 7, 100 * MIB), 64 * MIB + 1024 + 12);
        assert_eq!(need(5, 7, 100_000 * MIB), 1_000 * MIB + 1024 + 12);
        assert_eq!(need(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn bytes_and_files_must_both_suffice() {
        let room = |free, files| Room {
            total: 0,
            free,
            files,
        };
        let enough = need(MIB, 0, 0);
        assert_eq!(room(enough, None).check(MIB, 0), Ok(()));
        assert_eq!(room(enough, Some(FILES)).check(MIB, 0), Ok(()));
        let short = room(enough - 1, None).check(MIB, 0).expect_err("too full");
        assert!(short.to_string().contains("66 MiB are needed"), "{short}");
        let short = room(enough, Some(3)).check(MIB, 0).expect_err("too full");
        assert!(short.to_string().contains("3 more files"), "{short}");
    }

    #[test]
    fn this_volume_has_room_to_speak_of() {
        let room = Room::of(&crate::OsFs, &std::env::temp_dir()).expect("a volume");
        assert!(room.free <= room.total && room.total > 0, "{room:?}");
    }

    #[test]
    fn a_full_disk_gives_up_partials_then_the_oldest_that_nothing_names() {
        let digest = |name: u8| Digest::of(&[name]);
        let meta = |serial, plugins: Option<u8>| Meta {
            component: "agent".into(),
            serial,
            plugins: plugins.map(digest),
            ..Meta::default()
        };
        let entries = BTreeMap::from([
            (digest(1), meta(5, Some(3))),
            (digest(2), meta(4, Some(4))),
            (digest(3), meta(5, None)),
            (digest(4), meta(4, None)),
            (digest(5), meta(1, None)),
        ]);
        let keep = BTreeSet::from([digest(1)]);
        let order = expendable(&[digest(8), digest(9)], digest(9), &entries, &keep);
        assert_eq!(order[0], Expendable::Partial(digest(8)));
        assert_eq!(order[1], Expendable::Version(digest(5)));
        assert_eq!(order.len(), 4);
        for kept in [digest(1), digest(3), digest(9)] {
            assert!(!order.contains(&Expendable::Version(kept)));
        }
    }
}
