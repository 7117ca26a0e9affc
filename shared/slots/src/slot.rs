//! The double-buffered pointer on disk: two files, of which the older is overwritten.
//!
//! Both files exist from [`Slot::create`] on, so no name changes later. A write that is torn leaves
//! the other page, which is whole and durable: it is synced once more before its rival is
//! overwritten, for the process that wrote it may have been killed before its own sync. There is
//! one writer at a time by agreement (the bootstrapper while its launcher starts, the launcher
//! while it runs); [`WriteError::Stale`] catches the writer that did not see the other's page.
//!
//! On a full disk the [`Reserve`] beside the pages makes room.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::folder_of;
use crate::record::{Damage, PAGE_BYTES};
use crate::{Fs, OsFs, Page, Reserve};

/// How often a page that cannot be read is looked at. One that is not seen looks like an older slot,
/// and a decision would be made by that.
const LOOKS: u32 = 3;

/// The pointer of one component.
#[derive(Debug, Clone)]
pub struct Slot<F = OsFs> {
    fs: F,
    pages: [PathBuf; 2],
}

/// What the two files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The valid page with the highest generation, or a default one if neither is valid.
    pub page: Page,
    /// What is wrong with each file, if anything. [`Damage::Blank`] is how a slot begins; the rest
    /// deserves a line in a log, and heals with the next writes.
    pub damage: [Option<Damage>; 2],
}

impl Reading {
    /// Whether there may be a page that is not seen: one that cannot be read, or two damaged ones
    /// of which at least one was written. What it names is not known then, so nothing may be
    /// removed because it is not named. A torn page beside a whole one is no such case: it never
    /// counted.
    pub fn is_lost(&self) -> bool {
        let unseen = |damage: &Damage| matches!(damage, Damage::Unreadable | Damage::Format(_));
        let never_written = |damage: &Option<Damage>| *damage == Some(Damage::Blank);
        self.damage.iter().flatten().any(unseen)
            || self.damage.iter().all(Option::is_some) && !self.damage.iter().all(never_written)
    }
}

/// A page did not get onto the disk; what was there before still counts.
#[derive(Debug)]
pub enum WriteError {
    /// The slot has moved on since the page was read: read again and decide again.
    Stale {
        /// Generation of the page that was to be replaced.
        read: u64,
        /// Generation on disk.
        found: u64,
    },
    /// The operating system said no.
    Io(io::Error),
}

impl Slot {
    /// Names the two files; nothing is created or read.
    pub const fn new(pages: [PathBuf; 2]) -> Self {
        Self::on(OsFs, pages)
    }
}

impl<F: Fs> Slot<F> {
    /// The same on another disk.
    pub const fn on(fs: F, pages: [PathBuf; 2]) -> Self {
        Self { fs, pages }
    }

    /// Makes what is missing of the two files, and makes durable what is there: a process that was
    /// killed before its sync leaves a page that is seen and that a power cut can still take back,
    /// and nobody may clean up by that. To be called at the start of each process.
    ///
    /// A new page gets its name when it is blank and durable, so that a crash meanwhile does not
    /// look like a lost slot.
    pub fn create(&self) -> io::Result<()> {
        for page in &self.pages {
            match self.fs.size("slot.look", page) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.create_page(page)?,
                // A disk that fails here must not keep what is installed from starting.
                Ok(_) => drop(self.fs.sync_file("slot.sync-page", page)),
                Err(error) => return Err(error),
            }
        }
        self.fs.sync_dir("slot.sync-dir", folder_of(&self.pages[0]))
    }

    fn create_page(&self, page: &Path) -> io::Result<()> {
        let mut unfinished = page.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = Path::new(&unfinished);
        self.fs.remove_file("slot.clear", unfinished)?;
        self.fs
            .write_new("slot.create", unfinished, &[0; PAGE_BYTES])?;
        self.fs.sync_file("slot.sync-created", unfinished)?;
        self.fs.rename("slot.rename", unfinished, page)
    }

    /// Reads the slot. Never fails: whatever is damaged is as good as not there.
    pub fn read(&self) -> Reading {
        let [first, second] = [0, 1].map(|place| self.read_page(place));
        let damage = [
            first.as_ref().err().copied(),
            second.as_ref().err().copied(),
        ];
        let page = match (first, second) {
            (Ok(first), Ok(second)) if first.generation >= second.generation => first,
            (_, Ok(page)) | (Ok(page), Err(_)) => page,
            (Err(_), Err(_)) => Page::default(),
        };
        Reading { page, damage }
    }

    /// Replaces the page that `page` was made from. Returns it with its new generation once it is
    /// durable.
    pub fn write(&self, mut page: Page) -> Result<Page, WriteError> {
        let on_disk = [0, 1].map(|place| self.read_page(place));
        let generations = on_disk
            .each_ref()
            .map(|read| read.as_ref().ok().map(Page::generation));
        let found = generations.into_iter().flatten().max().unwrap_or_default();
        if found != page.generation {
            return Err(WriteError::Stale {
                read: page.generation,
                found,
            });
        }
        // `None` is less than any generation, so a damaged page is the first to be overwritten.
        let older = usize::from(generations[1] < generations[0]);
        page.generation += 1;
        self.settle(1 - older, &on_disk[1 - older])
            .and_then(|()| self.replace(older, &page))
            .map_err(WriteError::Io)?;
        Ok(page)
    }

    /// Makes sure that the page which stays is durable before the other one is touched.
    fn settle(&self, place: usize, page: &Result<Page, Damage>) -> io::Result<()> {
        match page {
            Ok(_) => self.fs.sync_file("page.sync-other", &self.pages[place]),
            Err(_) => Ok(()),
        }
    }

    fn replace(&self, place: usize, page: &Page) -> io::Result<()> {
        let path = &self.pages[place];
        let before = self.fs.read("page.keep", path, PAGE_BYTES as u64);
        let reserve = Reserve::on(&self.fs, folder_of(path));
        let written = reserve.retried(|| self.overwrite(path, &page.encode()));
        if written.is_err() {
            // A sync that failed once may report success later without having written anything.
            // With its old bytes the page is the older one again, and the next to be overwritten.
            let blank = vec![0; PAGE_BYTES];
            let _ = self
                .fs
                .write_in_place("page.undo", path, &before.unwrap_or(blank));
        }
        written
    }

    fn overwrite(&self, path: &Path, bytes: &[u8; PAGE_BYTES]) -> io::Result<()> {
        match self.fs.write_in_place("page.write", path, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create()?;
                self.fs.write_in_place("page.write-again", path, bytes)?;
            }
            written => written?,
        }
        self.fs.sync_file("page.sync", path)
    }

    fn read_page(&self, place: usize) -> Result<Page, Damage> {
        let mut seen = self.look_at_page(place);
        for _ in 1..LOOKS {
            if !matches!(seen, Err(Damage::Unreadable)) {
                break;
            }
            seen = self.look_at_page(place);
        }
        seen
    }

    fn look_at_page(&self, place: usize) -> Result<Page, Damage> {
        let bytes = self
            .fs
            .read("page.read", &self.pages[place], PAGE_BYTES as u64)
            .map_err(|_| Damage::Unreadable)?;
        Page::decode(&bytes)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { .. } => f.write_str("another process wrote the slot meanwhile"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {}
