//! A private key for git, for the time of the checkout only. One that a killed executor left is
//! removed by the next job that checks out to the same place.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::directory;
use super::error::CheckoutError;
use crate::job::Job;
use crate::os;
use crate::words;

const VARIABLE: &str = "GIT_SSH_COMMAND";
/// The key's name in its folder, by the peer's choice.
const FILE: &str = "id";

/// A key that lies in a private folder beside the checkout, and the variable as it was before.
#[derive(Debug)]
pub(super) struct Lent {
    folder: PathBuf,
    before: Option<OsString>,
    /// Locked for as long as the key is needed, so that others see that it is.
    _file: File,
}

/// Writes the job's key down beside `checkout` and makes git use it, if the job has one.
pub(super) fn lend(job: &mut Job, checkout: &Path) -> Result<Option<Lent>, CheckoutError> {
    let (parent, prefix) = place_beside(checkout);
    for folder in left_in(parent, &prefix) {
        let removed = std::fs::remove_dir_all(&folder);
        job.log.warning(&match removed {
            Ok(()) => "an earlier job was killed and left its SSH key; it is removed".to_owned(),
            Err(error) => cannot_remove(&folder, &error),
        });
    }
    let Some(key) = job.settings.checkout.ssh_key.clone() else {
        return Ok(None);
    };
    let folder = directory::fresh(parent, &prefix);
    let written = write(&folder, &key).map_err(|error| {
        // Half a key is still a secret.
        let _ = std::fs::remove_dir_all(&folder);
        CheckoutError::Directory(folder.clone(), error)
    })?;
    let file = words::quote(&folder.join(FILE).to_string_lossy());
    let before = job.env.get(VARIABLE).map(OsString::from);
    let program = job.env.filled(VARIABLE).unwrap_or("ssh").trim().to_owned();
    job.env.set(
        VARIABLE,
        format!("{program} -i {file} -o IdentitiesOnly=yes"),
    );
    Ok(Some(Lent {
        folder,
        before,
        _file: written,
    }))
}

impl Lent {
    /// Takes the key away again.
    pub(super) fn take_back(self, job: &mut Job) {
        match self.before {
            Some(before) => job.env.set(VARIABLE, before),
            None => job.env.remove(VARIABLE),
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            job.log.warning(&cannot_remove(&self.folder, &error));
        }
    }
}

fn cannot_remove(folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    format!("failed to remove the SSH key in {folder}: {error}")
}

/// Where the folder of a key lies, and how its name begins; digits follow.
fn place_beside(checkout: &Path) -> (&Path, String) {
    let name = checkout.file_name().unwrap_or_default().to_string_lossy();
    let parent = checkout.parent().unwrap_or(Path::new("/"));
    (parent, format!(".buildkite-ssh-key-{name}-"))
}

/// Folders with keys that nobody needs any more.
fn left_in(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    // For writing, without which some network file systems lock nothing.
    let open = |file: PathBuf| File::options().append(true).open(file);
    let is_left = |folder: &Path| match open(folder.join(FILE)) {
        Ok(file) => file.try_lock().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    let is_ours = |name: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|end| end.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .map(|entry| entry.path())
        .filter(|folder| is_left(folder))
        .collect()
}

/// The key ends with one line end, or ssh does not read it.
fn write(folder: &Path, key: &str) -> io::Result<File> {
    os::create_private_folder(folder)?;
    let mut file = os::append_private(&folder.join(FILE))?;
    // Where there are no locks, nothing is ever taken for left.
    let _ = file.try_lock();
    let key = key.trim_end_matches('\n');
    file.write_all(format!("{key}\n").as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_this_checkout_that_nobody_holds_are_left() {
        let parent = tempfile::tempdir().expect("folder");
        let (parent, prefix) = (parent.path(), ".buildkite-ssh-key-pipe-");
        let make = |name: &str| {
            let folder = parent.join(format!("{prefix}{name}"));
            let file = write(&folder, "key").expect("written");
            (folder, file)
        };
        let (left, file) = make("1");
        drop(file);
        let (held, _file) = make("2");
        let (empty, _) = make("3");
        std::fs::remove_file(empty.join(FILE)).expect("file");
        // Of the checkout "pipe-4".
        let (other, file) = make("4-5");
        drop(file);
        let mut found = left_in(parent, prefix);
        found.sort();
        assert_eq!(found, [left, empty]);
        assert!(held.exists() && other.exists());
    }
}
