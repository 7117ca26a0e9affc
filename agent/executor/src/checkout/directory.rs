//! The folder of the checkout, and folders made for the time of a job.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared_protocol::env as names;

use super::error::CheckoutError;
use super::retry;
use crate::job::Job;
use crate::os;

/// How often removing a folder is tried: another process may still be writing into it.
const TRIES: u32 = 10;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(10);

/// The folder that the job checks out into.
pub(crate) fn of(job: &Job) -> PathBuf {
    let path = job.env.get(names::BUILD_CHECKOUT_PATH);
    absolute(path.map(PathBuf::from).unwrap_or_default())
}

/// The path from where the executor was started, for its children run here and there.
pub(super) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Makes the folder if it is not there; children run in it from now on.
pub(crate) fn enter(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    if path.as_os_str().is_empty() {
        return Err(CheckoutError::NoPlace);
    }
    std::fs::create_dir_all(path)
        .map_err(|error| CheckoutError::Directory(path.to_owned(), error))?;
    if job.cwd != path {
        job.move_to(path.to_owned());
    }
    Ok(())
}

/// Empties the folder for another attempt. That it cannot be emptied is no reason to give up: git
/// says next what is wrong with it.
pub(super) async fn renew(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    match remove(job, path).await {
        Ok(()) => {}
        Err(error) if error.ends_the_job() => return Err(error),
        Err(error) => {
            let text = format!("failed to remove the broken checkout: {error}");
            job.log.warning(&text);
        }
    }
    enter(job, path)
}

/// Removes the folder with everything in it; one that is not there is fine.
pub(crate) async fn remove(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    job.log.comment(&format!("Removing {}", path.display()));
    if job.cwd.starts_with(path) {
        // What runs next, if only the last hooks of a canceled job, needs a folder that is there.
        path.parent().unwrap_or(path).clone_into(&mut job.cwd);
    }
    for attempt in 1.. {
        let Err(error) = job.during(remove_once(path.to_owned())).await? else {
            return Ok(());
        };
        let Some(pause) = pause_after(attempt) else {
            return Err(CheckoutError::Directory(path.to_owned(), error));
        };
        job.log.comment(&format!(
            "Failed to remove it (try {attempt} of {TRIES}): {error}"
        ));
        job.pause(pause).await?;
    }
    unreachable!("the loop ends by returning")
}

/// How long to wait after a failed try (from 1); none after the last.
fn pause_after(attempt: u32) -> Option<Duration> {
    (attempt < TRIES).then_some(PAUSE)
}

/// A large folder takes seconds, so it is removed on a thread of its own, while others can listen to
/// signals. It goes on there when nobody waits any more.
pub(super) async fn remove_once(path: PathBuf) -> io::Result<()> {
    let removal = move || match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !path.is_symlink() => {
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

/// A path in `folder` that begins with `prefix` and that nobody else has: digits end it.
pub(super) fn fresh(folder: &Path, prefix: &str) -> PathBuf {
    folder.join(format!("{prefix}{}", retry::random()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_is_tried_for_a_minute_and_a_half() {
        let pauses: Vec<Duration> = (1..).map_while(pause_after).collect();
        assert_eq!(pauses, [Duration::from_secs(10); 9]);
    }

    #[tokio::test]
    async fn a_link_is_removed_and_not_what_it_leads_to() {
        let folder = tempfile::tempdir().expect("folder");
        let kept = folder.path().join("kept");
        std::fs::create_dir(&kept).expect("folder");
        std::fs::write(kept.join("file"), "x").expect("file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&kept, &link).expect("link");
        remove_once(link.clone()).await.expect("removed");
        assert!(!link.exists() && kept.join("file").exists());
        remove_once(link).await.expect("nothing to remove is fine");
    }
}
