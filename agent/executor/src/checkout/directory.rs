//! The folder of the checkout.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::CheckoutError;
use crate::job::Job;
use crate::os;

/// How often removing a folder is tried: another process may still be writing into it.
const TRIES: u32 = 10;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(10);

/// Makes the folder if it is not there; children run in it from now on.
pub(crate) fn enter(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    std::fs::create_dir_all(path)
        .map_err(|error| CheckoutError::Directory(path.to_owned(), error))?;
    path.clone_into(&mut job.cwd);
    Ok(())
}

/// Removes the folder with everything in it; one that is not there is fine.
pub(crate) async fn remove(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    job.log.comment(&format!("Removing {}", path.display()));
    let mut attempt = 1;
    loop {
        match remove_once(path.to_owned()).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt >= TRIES => {
                return Err(CheckoutError::Directory(path.to_owned(), error));
            }
            Err(error) => {
                job.log.comment(&format!(
                    "Failed to remove it (try {attempt} of {TRIES}): {error}"
                ));
                job.pause(PAUSE).await?;
                attempt += 1;
            }
        }
    }
}

/// A large folder takes seconds, so it is removed beside the loop that hears signals.
async fn remove_once(path: PathBuf) -> io::Result<()> {
    let removal = move || match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // Tools such as Go's module cache make folders read-only.
            os::make_removable(&path)?;
            std::fs::remove_dir_all(&path)
        }
        result => result,
    };
    tokio::task::spawn_blocking(removal)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
