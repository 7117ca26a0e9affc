//! A private key for git, for the time of the checkout only.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use super::error::CheckoutError;
use crate::job::Job;
use crate::os;
use crate::words;

const VARIABLE: &str = "GIT_SSH_COMMAND";

/// A key that lies in a private folder beside the checkout, and the variable as it was before.
#[derive(Debug)]
pub(super) struct Lent {
    folder: PathBuf,
    before: Option<OsString>,
}

/// Writes the job's key down and makes git use it, if the job has one.
pub(super) fn lend(job: &mut Job) -> Result<Option<Lent>, CheckoutError> {
    let Some(key) = job.settings.checkout.ssh_key.clone() else {
        return Ok(None);
    };
    let folder = folder_beside(&job.cwd);
    write(&folder, &key).map_err(|error| CheckoutError::Directory(folder.clone(), error))?;
    let file = words::quote(&folder.join("id").to_string_lossy());
    let before = job.env.get(VARIABLE).map(OsString::from);
    let program = job.env.filled(VARIABLE).unwrap_or("ssh").to_owned();
    job.env.set(
        VARIABLE,
        format!("{program} -i {file} -o IdentitiesOnly=yes"),
    );
    Ok(Some(Lent { folder, before }))
}

impl Lent {
    /// Takes the key away again.
    pub(super) fn take_back(self, job: &mut Job) {
        match self.before {
            Some(before) => job.env.set(VARIABLE, before),
            None => job.env.remove(VARIABLE),
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            let folder = self.folder.display();
            job.log.warning(&format!(
                "failed to remove the SSH key in {folder}: {error}"
            ));
        }
    }
}

fn folder_beside(checkout: &Path) -> PathBuf {
    let name = checkout.file_name().unwrap_or_default().to_string_lossy();
    let random = RandomState::new().hash_one(0_u8);
    checkout.with_file_name(format!(".buildkite-ssh-key-{name}-{random}"))
}

/// The key ends with a line end, or ssh does not read it.
fn write(folder: &Path, key: &str) -> io::Result<()> {
    os::create_private_folder(folder)?;
    let line_end = if key.ends_with('\n') { "" } else { "\n" };
    io::Write::write_all(
        &mut os::append_private(&folder.join("id"))?,
        format!("{key}{line_end}").as_bytes(),
    )
}
