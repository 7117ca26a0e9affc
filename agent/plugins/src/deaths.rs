//! Libraries in which the agent died or hung, so that none of them does it for ever.
//!
//! A rehearsal has shown that a library can be survived; not that it always is, or among others.
//! Before anything of a library runs its name is added to a file, one line each, and afterwards its
//! lines are taken out again. A line that is found at the start is a death. One may be a power cut;
//! from [`TOO_MANY`] in a row on the library is left out. The file belongs to one archive: another
//! one starts without guilt, and removing the file by hand forgives.
//!
//! Two agents may start at once and lose a line of each other. That costs one more try.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::load::LoadError;

/// So many deaths are no accident.
pub(crate) const TOO_MANY: usize = 2;

/// The count of one archive.
#[derive(Debug)]
pub(crate) struct Deaths {
    path: PathBuf,
    found: Vec<String>,
}

impl Deaths {
    /// Reads what is there. A file that cannot be read accuses nobody.
    pub(crate) fn open(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        Self {
            path: path.to_owned(),
            found: text.lines().map(str::to_owned).collect(),
        }
    }

    /// Refuses a library that is to be left out.
    pub(crate) fn check(&self, library: &str) -> Result<(), LoadError> {
        let own = self.found.iter().filter(|line| *line == library);
        if own.count() >= TOO_MANY {
            return Err(LoadError::Deadly(self.path.clone()));
        }
        Ok(())
    }

    /// Something of a library is about to run, unless that cannot be written down: else a full disk
    /// would let it end the agent for ever. Not synced: the file has to outlive the process only.
    pub(crate) fn begin(&mut self, library: &str) -> Result<(), LoadError> {
        let added = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{library}\n").as_bytes()));
        added.map_err(|cause| LoadError::NoCount {
            path: self.path.clone(),
            cause,
        })?;
        self.found.push(library.to_owned());
        Ok(())
    }

    /// The process is still there, and the library answered.
    pub(crate) fn end(&mut self, library: &str) {
        self.found.retain(|line| line != library);
        let kept = if self.found.is_empty() {
            fs::remove_file(&self.path)
        } else {
            fs::write(&self.path, self.found.join("\n") + "\n")
        };
        if let Err(error) = kept {
            tracing::warn!("failed to write {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_left_out_after_two_deaths_and_no_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deaths");
        Deaths::open(&path).begin("a").unwrap();
        let mut second = Deaths::open(&path);
        assert!(second.check("a").is_ok(), "once may be an accident");
        second.begin("a").unwrap();
        let mut third = Deaths::open(&path);
        assert!(third.check("a").is_err() && third.check("b").is_ok());
        third.begin("b").unwrap();
        third.end("b");
        assert!(
            Deaths::open(&path).check("a").is_err(),
            "another's success is not its own"
        );
    }

    #[test]
    fn a_call_that_ends_clears_its_library_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deaths");
        Deaths::open(&path).begin("a").unwrap();
        let mut next = Deaths::open(&path);
        next.begin("a").unwrap();
        next.end("a");
        assert!(!path.exists());
    }

    #[test]
    fn a_library_whose_start_cannot_be_written_down_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut deaths = Deaths::open(folder.path());
        let text = deaths.begin("a").unwrap_err().to_string();
        assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    }
}
