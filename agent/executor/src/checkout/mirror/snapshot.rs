//! Snapshots of mirrors: what a job borrows from must not change while it runs, and a mirror does
//! when git tidies it up.
//!
//! Only a checkout that is removed anyway may borrow from a snapshot, so there are none without
//! clean checkouts; and only the executor that also runs the command knows when the job is over.

use std::path::{Path, PathBuf};

use super::super::directory;
use super::super::error::{CheckoutError, Step};
use crate::job::Job;
use crate::phase::Phase;
use crate::settings::Mirrors;

/// What to borrow from: a snapshot that goes with the job, or the mirror itself.
pub(super) async fn take(
    job: &mut Job,
    settings: &Mirrors,
    mirror: &Path,
) -> Result<PathBuf, CheckoutError> {
    if !job.settings.checkout.clean || !job.settings.phases.contains(&Phase::Command) {
        return Ok(mirror.to_owned());
    }
    let name = mirror.file_name().unwrap_or_default().to_string_lossy();
    let snapshot = directory::fresh(&settings.folder.join("snapshots"), &name);
    std::fs::create_dir_all(&snapshot)
        .map_err(|error| CheckoutError::Directory(snapshot.clone(), error))?;
    job.snapshots.push(snapshot.clone());
    let (from, to) = (mirror.to_string_lossy(), snapshot.to_string_lossy());
    // On one file system git makes hard links, so this copies next to nothing.
    let args = ["clone", "--mirror", "--", &from, &to];
    job.git(Step::Clone, &args).await?;
    Ok(snapshot)
}

/// Removes the snapshots of the job.
pub(in super::super) async fn remove(job: &mut Job) {
    for snapshot in std::mem::take(&mut job.snapshots) {
        if let Err(error) = directory::remove_once(snapshot.clone()).await {
            let text = format!("failed to remove {}: {error}", snapshot.display());
            job.log.warning(&text);
        }
    }
}
