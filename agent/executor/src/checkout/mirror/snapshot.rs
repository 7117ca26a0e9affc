//! Snapshots of mirrors: what a job borrows from must not change while it runs, and a mirror does
//! when git tidies it up.
//!
//! Only a checkout that is removed anyway may borrow from a snapshot, so there are none without
//! clean checkouts; and only the executor that also runs the command knows when the job is over. What
//! a killed one left goes with the next snapshot that is made in the same folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::directory;
use super::super::error::{CheckoutError, Step};
use crate::job::{Job, Snapshot};
use crate::settings::{Mirrors, Phase};

/// Ends the name of the file beside a snapshot that is locked for as long as the snapshot is needed.
/// The peer's snapshots have none, so they are never taken for left ones.
const HELD: &str = "heldlockf";

/// What to borrow from: a snapshot that goes with the job, or the mirror itself.
pub(super) async fn take(
    job: &mut Job,
    settings: &Mirrors,
    mirror: &Path,
) -> Result<PathBuf, CheckoutError> {
    if !job.settings.checkout.clean || !job.settings.phases.contains(&Phase::Command) {
        return Ok(mirror.to_owned());
    }
    let all = settings.folder.join("snapshots");
    remove_left(job, &all).await?;
    let name = mirror.file_name().unwrap_or_default().to_string_lossy();
    let snapshot = directory::fresh(&all, &name);
    let made = make(&snapshot);
    let made = made.map_err(|error| CheckoutError::Directory(snapshot.clone(), error))?;
    job.snapshots.push(made);
    let (from, to) = (mirror.to_string_lossy(), snapshot.to_string_lossy());
    // On one file system git makes hard links, so this copies next to nothing.
    let args = ["clone", "--mirror", "--", &from, &to];
    job.git(Step::Clone, &args).await?;
    Ok(snapshot)
}

/// The lock comes first, so that nothing is ever left that has none.
fn make(folder: &Path) -> io::Result<Snapshot> {
    fs::create_dir_all(folder.parent().unwrap_or(folder))?;
    let held = File::create_new(folder.with_extension(HELD))?;
    // Where there are no locks, nothing is ever taken for left.
    let _ = held.try_lock();
    fs::create_dir(folder)?;
    Ok(Snapshot {
        folder: folder.to_owned(),
        held,
    })
}

/// Removes the snapshots of jobs that are gone.
async fn remove_left(job: &mut Job, all: &Path) -> Result<(), CheckoutError> {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let held = entry.path();
        let is_left = |file: &File| file.try_lock().is_ok();
        if held.extension().is_some_and(|end| end == HELD)
            && let Some(_lock) = open(&held).ok().filter(is_left)
        {
            let folder = held.with_extension("");
            let text = format!("Removing {}, which a killed job left", folder.display());
            job.log.comment(&text);
            let removed = job.during(remove_one(folder.clone())).await?;
            warn(job, &folder, removed);
        }
    }
    Ok(())
}

/// For writing, without which some network file systems lock nothing.
fn open(held: &Path) -> io::Result<File> {
    File::options().append(true).open(held)
}

/// Removes the snapshots of the job.
pub(in super::super) async fn remove(job: &mut Job) {
    for snapshot in std::mem::take(&mut job.snapshots) {
        let removed = remove_one(snapshot.folder.clone()).await;
        warn(job, &snapshot.folder, removed);
    }
}

async fn remove_one(folder: PathBuf) -> io::Result<()> {
    directory::remove_once(folder.clone()).await?;
    fs::remove_file(folder.with_extension(HELD))
}

fn warn(job: &mut Job, folder: &Path, removed: io::Result<()>) {
    if let Err(error) = removed {
        let text = format!("failed to remove {}: {error}", folder.display());
        job.log.warning(&text);
    }
}
