//! How often the pages of this host were written for one release: the stop for all loops that
//! nobody thought of.
//!
//! An upgrade writes a page five times or so. A release that took [`MOST_WRITES`] without a commit
//! is left alone until there is a newer one, whatever the reason; a host that is restarted within
//! each trial, say. The mark is kept on disk, because such loops run through restarts. It is written
//! once per release, and a lost one means no more than that the count begins anew.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_slots::{Fs as _, OsFs, Page, Records};

/// Writes of both pages together that one release gets without a commit.
const MOST_WRITES: u64 = 28;

/// Longest record that is read, in bytes.
const RECORD_MOST: u64 = 4096;

/// What the pages counted when the first version of a release was put on trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    serial: u64,
    writes: u64,
}

/// The mark of the release that is being installed.
#[derive(Debug)]
pub(crate) struct Effort {
    record: PathBuf,
    mark: Option<Mark>,
}

impl Mark {
    fn is_spent(self, serial: u64, pages: [&Page; 2]) -> bool {
        self.serial == serial && written(pages).saturating_sub(self.writes) >= MOST_WRITES
    }
}

/// Each write of a page raises its generation by one.
fn written(pages: [&Page; 2]) -> u64 {
    pages.into_iter().map(Page::generation).sum()
}

impl Effort {
    /// Reads the mark back; one that makes no sense is none.
    pub(crate) fn load(record: &Path) -> Self {
        let mark = OsFs
            .read("effort.read", record, RECORD_MOST)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            record: record.to_owned(),
            mark,
        }
    }

    /// Whether the release of this serial had its chances.
    pub(crate) fn is_spent(&self, serial: u64, pages: [&Page; 2]) -> bool {
        self.mark.is_some_and(|mark| mark.is_spent(serial, pages))
    }

    /// A version of this release is about to be put on trial.
    pub(crate) fn begins(
        &mut self,
        serial: u64,
        pages: [&Page; 2],
        records: &Records,
    ) -> io::Result<()> {
        if self.mark.is_some_and(|mark| mark.serial == serial) {
            return Ok(());
        }
        let mark = Mark {
            serial,
            writes: written(pages),
        };
        self.mark = Some(mark);
        let text = serde_json::to_vec(&mark).expect("two numbers always serialise");
        records.replace(&self.record, &text)
    }

    /// Something was committed: what comes next has its chances anew.
    pub(crate) fn ends(&mut self) {
        self.mark = None;
        if let Err(error) = OsFs.remove_file("effort.remove", &self.record) {
            tracing::warn!(%error, file = %self.record.display(), "cannot remove the count of tries");
        }
    }
}

#[cfg(test)]
mod tests {
    use shared_slots::{Digest, Slot};

    use super::*;

    #[test]
    fn a_release_is_left_alone_after_28_writes_and_the_next_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("effort.json");
        let records = Records::new(folder.path(), folder.path().join("quarantine"));
        let slot = Slot::new(["p0", "p1"].map(|name| folder.path().join(name)));
        slot.create().unwrap();
        let launcher = Page::default();
        let mut page = slot.read().page;
        let mut effort = Effort::load(&record);
        effort.begins(7, [&launcher, &page], &records).unwrap();
        for write in 0..28 {
            assert!(!effort.is_spent(7, [&launcher, &page]), "{write}");
            let digest = Digest::from_bytes([write; 32]);
            page = slot.write(page.arm(digest, 3).unwrap()).unwrap();
        }
        // As after a restart.
        let mut effort = Effort::load(&record);
        assert!(effort.is_spent(7, [&launcher, &page]));
        assert!(!effort.is_spent(8, [&launcher, &page]));
        effort.ends();
        assert!(!effort.is_spent(7, [&launcher, &page]));
        assert!(!Effort::load(&record).is_spent(7, [&launcher, &page]));
    }

    #[test]
    fn a_record_that_makes_no_sense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("effort.json");
        std::fs::write(&record, "\0\0").unwrap();
        let page = Page::default();
        assert!(!Effort::load(&record).is_spent(7, [&page, &page]));
    }
}
