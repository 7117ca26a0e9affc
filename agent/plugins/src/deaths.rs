//! Libraries in which the agent died or hung, so that none of them does it for ever.
//!
//! Before anything of a library runs its name is added to a file, one line each, and afterwards its
//! lines are taken out again. A line that is found at the start is a death. One may be a power cut;
//! from [`TOO_MANY`] in a row on the library is left out. The file belongs to one archive: another one starts
//! without guilt, and removing the file by hand forgives.
//!
//! Two agents may start at once and lose a line of each other. That costs one more try.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// So many deaths are no accident.
pub const TOO_MANY: usize = 2;

/// The count of one archive.
#[derive(Debug)]
pub struct Deaths {
    path: PathBuf,
    found: Vec<String>,
}

impl Deaths {
    /// Reads what is there. A file that cannot be read accuses nobody.
    pub fn open(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        Self {
            path: path.to_owned(),
            found: text.lines().map(str::to_owned).collect(),
        }
    }

    /// Whether a library is to be left out.
    pub fn too_many(&self, library: &str) -> bool {
        let own = self.found.iter().filter(|line| *line == library);
        own.count() >= TOO_MANY
    }

    /// Something of a library is about to run. Not synced: the file has to outlive the process only.
    pub fn begin(&mut self, library: &str) {
        self.found.push(library.to_owned());
        let added = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{library}\n").as_bytes()));
        tell(&self.path, added);
    }

    /// The process is still there, and the library answered.
    pub fn end(&mut self, library: &str) {
        self.found.retain(|line| line != library);
        let kept = if self.found.is_empty() {
            fs::remove_file(&self.path)
        } else {
            fs::write(&self.path, self.found.join("\n") + "\n")
        };
        tell(&self.path, kept);
    }
}

fn tell(path: &Path, done: io::Result<()>) {
    if let Err(error) = done {
        tracing::warn!("failed to write {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_left_out_after_two_deaths_and_no_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deaths");
        Deaths::open(&path).begin("a");
        let mut second = Deaths::open(&path);
        assert!(!second.too_many("a"), "once may be an accident");
        second.begin("a");
        let mut third = Deaths::open(&path);
        assert!(third.too_many("a") && !third.too_many("b"));
        third.begin("b");
        third.end("b");
        assert!(
            Deaths::open(&path).too_many("a"),
            "another's success is not its own"
        );
    }

    #[test]
    fn a_call_that_ends_clears_its_library_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deaths");
        Deaths::open(&path).begin("a");
        let mut next = Deaths::open(&path);
        next.begin("a");
        next.end("a");
        assert!(!path.exists());
    }
}
