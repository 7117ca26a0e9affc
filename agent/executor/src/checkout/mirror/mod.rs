//! Mirrors: one copy of each repository for all jobs of the host, so that a fresh checkout copies
//! little and the server is asked little.
//!
//! A mirror is made once and then only fetched into, each under a lock file beside it that other
//! agents, also the peer's, respect. Nobody but [`snapshot`] ever removes one that is whole.

pub(super) mod borrow;
mod lock;
mod snapshot;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{CheckoutError, Lock, Step};
use super::{directory, fetch, git, origin};
use crate::job::{Job, Span};
use crate::settings::Mirrors;
use crate::trace::inside;

pub(super) use snapshot::remove as remove_snapshots;

const VARIABLE: &str = "BUILDKITE_REPO_MIRROR";

/// Whose mirror it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The job's repository: its commit is known.
    Main,
    /// A submodule's: which commit is needed is not known yet.
    Submodule,
}

/// Gets the mirror of the job's repository ready, if the host has mirrors, and tells children
/// where it is. The working directory is another one afterwards.
pub(super) async fn of_repository(job: &mut Job) -> Result<Option<PathBuf>, CheckoutError> {
    if job.settings.checkout.mirrors.is_none() {
        return Ok(None);
    }
    let address = job.settings.checkout.repository.clone();
    let span = Span::new("git.mirror.update").with("git.repo", origin::shown(&address));
    let work = async |job: &mut Job| ready(job, &address, Role::Main).await;
    let mirror = inside(job, span, work).await?;
    let shown = mirror.as_deref().unwrap_or(Path::new(""));
    job.env.set(VARIABLE, shown);
    Ok(mirror)
}

/// Gets the mirror of an address ready. None where the host has no mirrors, or is to use only those
/// that are there. The working directory is another one afterwards.
pub(super) async fn ready(
    job: &mut Job,
    address: &str,
    role: Role,
) -> Result<Option<PathBuf>, CheckoutError> {
    let Some(mut settings) = job.settings.checkout.mirrors.clone() else {
        return Ok(None);
    };
    settings.folder = directory::absolute(settings.folder);
    let folder = settings.folder.join(folder_name(address));
    if settings.skip_update {
        return Ok(as_it_is(job, folder));
    }
    directory::enter(job, &settings.folder)?;
    let wait = settings.lock_timeout;
    let mut held = lock(job, Lock::Clone, &folder, wait).await?;
    let is_whole = !held.was_interrupted() && folder.join("HEAD").exists();
    if !is_whole && folder.exists() {
        job.log
            .comment("Removing a mirror that was never cloned to its end");
        remove(&folder).await?;
    }
    if !folder.exists() {
        held.begin().map_err(in_folder(&folder))?;
        let span = Span::new("git.mirror.clone");
        let work = async |job: &mut Job| clone(job, &settings, address, &folder).await;
        let cloned = inside(job, span, work).await;
        if !folder.exists() || cloned.is_ok() {
            // The peer does not know the mark: a mirror that it makes next is whole.
            held.finish().map_err(in_folder(&folder))?;
        }
        cloned?;
        return snapshot(job, &settings, &folder).await.map(Some);
    }
    drop(held);
    let _held = lock(job, Lock::Update, &folder, wait).await?;
    inside(job, Span::new("git.mirror.fetch"), async |job| {
        update(job, address, &folder, role).await
    })
    .await?;
    snapshot(job, &settings, &folder).await.map(Some)
}

async fn lock(
    job: &mut Job,
    what: Lock,
    folder: &Path,
    wait: Duration,
) -> Result<lock::Held, CheckoutError> {
    let span = Span::new(format!("git.mirror.lock_wait.{what}"));
    let work = async |job: &mut Job| lock::take(job, what, folder, wait).await;
    inside(job, span, work).await
}

async fn snapshot(
    job: &mut Job,
    settings: &Mirrors,
    folder: &Path,
) -> Result<PathBuf, CheckoutError> {
    let span = Span::new("git.mirror.snapshot");
    let work = async |job: &mut Job| snapshot::take(job, settings, folder).await;
    inside(job, span, work).await
}

fn as_it_is(job: &mut Job, folder: PathBuf) -> Option<PathBuf> {
    let shown = folder.display();
    if folder.exists() {
        job.log
            .comment(&format!("Using the mirror {shown} without an update"));
        return Some(folder);
    }
    job.log
        .comment(&format!("There is no mirror {shown}, and none is made"));
    None
}

/// Each character of the address that is no ASCII letter or digit becomes a `-`. Two addresses may
/// share a name; the mirror is then pointed to and fro, which is slow but right.
fn folder_name(address: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    address.chars().map(plain).collect()
}

/// Clones the mirror; what a failed clone left is removed.
async fn clone(
    job: &mut Job,
    settings: &Mirrors,
    address: &str,
    folder: &Path,
) -> Result<(), CheckoutError> {
    job.log
        .comment(&format!("Cloning the mirror {}", folder.display()));
    let path = folder.to_string_lossy();
    let before = ["clone", "--mirror"];
    let args = git::args(&before, &settings.clone_flags, &["--", address, &path]);
    let cloned = job.git(Step::Clone, &args).await;
    if cloned.is_err()
        && let Err(error) = remove(folder).await
    {
        let text = format!("failed to remove the broken mirror: {error}");
        job.log.warning(&text);
    }
    cloned
}

/// Fetches into a mirror what the job needs, and nothing else.
async fn update(
    job: &mut Job,
    address: &str,
    folder: &Path,
    role: Role,
) -> Result<(), CheckoutError> {
    let path = folder.to_string_lossy();
    let commit = job.settings.checkout.commit.clone();
    let known = role == Role::Main && job.has_commit(&path, &commit).await?;
    let moved = origin::point(job, Some(&path), address).await?;
    match role {
        Role::Main if known => {
            let text = format!("Commit {commit} is in the mirror");
            job.log.comment(&text);
        }
        Role::Main => fetch::into_mirror(job, &path).await?,
        Role::Submodule => {
            let args = ["--git-dir", &path, "fetch", "origin"];
            job.git(Step::Submodules, &args).await?;
        }
    }
    if moved {
        // Two repositories that shared a name leave each other's objects behind.
        for check in ["fsck", "gc"] {
            job.git_or_warn(&["--git-dir", &path, check]).await?;
        }
    }
    Ok(())
}

async fn remove(folder: &Path) -> Result<(), CheckoutError> {
    directory::remove_once(folder.to_owned())
        .await
        .map_err(in_folder(folder))
}

fn in_folder(folder: &Path) -> impl Fn(io::Error) -> CheckoutError {
    move |error| CheckoutError::Directory(folder.to_owned(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_mirror_never_leaves_its_folder() {
        for (address, name) in [
            (
                "git@boat.test:fleet/oars.git",
                "git-boat-test-fleet-oars-git",
            ),
            ("/srv/git/ö", "-srv-git--"),
            ("../..", "-----"),
        ] {
            assert_eq!(folder_name(address), name);
        }
    }
}
