//! A private key for git, for the time of the checkout only.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::directory;
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

/// Writes the job's key down beside `checkout` and makes git use it, if the job has one.
pub(super) fn lend(job: &mut Job, checkout: &Path) -> Result<Option<Lent>, CheckoutError> {
    let Some(key) = job.settings.checkout.ssh_key.clone() else {
        return Ok(None);
    };
    let folder = folder_beside(checkout);
    if let Err(error) = write(&folder, &key) {
        // Half a key is still a secret.
        let _ = std::fs::remove_dir_all(&folder);
        return Err(CheckoutError::Directory(folder, error));
    }
    let file = words::quote(&folder.join("id").to_string_lossy());
    let before = job.env.get(VARIABLE).map(OsString::from);
    let program = job.env.filled(VARIABLE).unwrap_or("ssh").trim().to_owned();
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
    let parent = checkout.parent().unwrap_or(Path::new("/"));
    directory::fresh(parent, &format!(".buildkite-ssh-key-{name}-"))
}

/// The key ends with one line end, or ssh does not read it.
fn write(folder: &Path, key: &str) -> io::Result<()> {
    os::create_private_folder(folder)?;
    let key = key.trim_end_matches('\n');
    io::Write::write_all(
        &mut os::append_private(&folder.join("id"))?,
        format!("{key}\n").as_bytes(),
    )
}
