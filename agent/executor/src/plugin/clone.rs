//! Getting a plugin with git: cloned once, used by all later jobs of the agent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_step_plugins::Reference;

use super::error::Trouble;
use super::place::{self, Place};
use crate::checkout::error::CheckoutError;
use crate::checkout::hosts;
use crate::job::Job;

/// How often a clone is tried.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// Clones the plugin, or finds it cloned; its folder.
pub(super) async fn get(
    job: &mut Job,
    place: &Place,
    reference: &Reference,
    repository: &str,
) -> Result<PathBuf, Trouble> {
    let folder = place.own.join(reference.folder()?);
    if job.settings.plugins.always_clone_fresh && folder.exists() {
        job.log.comment(&format!(
            "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH is true, so the earlier checkout of plugin {} is removed",
            reference.label()
        ));
        place::remove(&folder).await?;
    }
    if folder.join(".git").exists() {
        tell_commit(job, reference, &folder).await?;
        return Ok(folder);
    }
    // Whatever lies there is no plugin, and nothing could take its place.
    place::remove(&folder).await?;
    job.log.comment(&format!(
        "Plugin {:?} will be checked out to {}",
        reference.display_name(),
        folder.display()
    ));
    make_host_known(job, repository).await?;
    let whole = clone(job, place, repository).await?;
    if let Some(version) = reference.version() {
        job.log.comment(&format!("Checking out `{version}`"));
        let args = ["-c", "advice.detachedHead=false", "checkout", "-f", version];
        git_in(job, whole.path(), "checkout", &args).await?;
    }
    place::name(whole, &folder)?;
    Ok(folder)
}

/// Which commit an earlier job got. Not to know it is no trouble.
async fn tell_commit(job: &mut Job, reference: &Reference, folder: &Path) -> Result<(), Trouble> {
    let tree = folder.to_string_lossy().into_owned();
    let git_dir = format!("{tree}/.git");
    let args = [
        "--git-dir",
        &git_dir,
        "--work-tree",
        &tree,
        "rev-parse",
        "--short=7",
        "HEAD",
    ];
    let commit = match job.capture("git", &args, b"").await {
        Ok((exit, output)) if exit.success() => String::from_utf8_lossy(&output).trim().to_owned(),
        Ok(_) => "its commit cannot be read".to_owned(),
        Err(error) => return Err(error.into()),
    };
    let label = reference.label();
    job.log
        .comment(&format!("Plugin {label:?} already checked out ({commit})"));
    Ok(())
}

async fn make_host_known(job: &mut Job, repository: &str) -> Result<(), Trouble> {
    if !job.settings.checkout.ssh_keyscan {
        return Ok(());
    }
    match hosts::make_known(job, repository).await {
        Err(error @ (CheckoutError::Canceled | CheckoutError::Log(_))) => Err(error.into()),
        // git itself says what is missing.
        _ => Ok(()),
    }
}

/// Clones to a folder without a name. Flags that the job or agent has for clones are for its own
/// repository only.
async fn clone(
    job: &mut Job,
    place: &Place,
    repository: &str,
) -> Result<tempfile::TempDir, Trouble> {
    let recursive = job.settings.checkout.submodules.then_some("--recursive");
    let args = ["clone", "-v"].into_iter().chain(recursive);
    let args: Vec<&str> = args.chain(["--", repository, "."]).collect();
    for attempt in 1.. {
        // A clone that was ended leaves things behind that the next one would stumble over.
        let folder = place.temporary()?;
        match git_in(job, folder.path(), "clone", &args).await {
            Ok(()) => return Ok(folder),
            Err(Trouble::Git { exit, .. }) if attempt < TRIES => {
                job.log
                    .comment(&format!("git clone: {exit} (try {attempt} of {TRIES})"));
                job.pause(PAUSE).await?;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    unreachable!("the loop ends by returning")
}

/// Runs git in this folder; its output goes to the log.
async fn git_in(
    job: &mut Job,
    folder: &Path,
    step: &'static str,
    args: &[&str],
) -> Result<(), Trouble> {
    job.log.prompt_words("git", args);
    let before = std::mem::replace(&mut job.cwd, folder.to_owned());
    let ended = job.run("git", args).await;
    job.cwd = before;
    match ended {
        _ if job.canceled_by().is_some() => Err(Trouble::Canceled),
        Ok(exit) if exit.success() => Ok(()),
        Ok(exit) => Err(Trouble::Git { step, exit }),
        Err(error) => Err(error.into()),
    }
}
