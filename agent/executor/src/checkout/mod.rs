//! Getting the repository with git: the default sequence, and trying it again.

pub(crate) mod directory;
mod error;
mod fetch;
mod git;
mod hosts;
mod key;
pub(crate) mod metadata;
mod retry;
mod submodules;
mod verify;

use crate::job::Job;

pub(crate) use error::CheckoutError;
use error::Step;
use retry::Next;

/// Checks out, up to the configured number of attempts.
pub(crate) async fn with_retries(job: &mut Job) -> Result<(), CheckoutError> {
    let attempts = job.settings.checkout.attempts;
    for attempt in 1.. {
        job.limit(job.settings.checkout.attempt_limit);
        let key = key::lend(job)?;
        let result = once(job).await;
        if let Some(key) = key {
            key.take_back(job);
        }
        job.limit(None);
        let Err(error) = result else {
            return Ok(());
        };
        let next = retry::after(&error);
        if matches!(error, CheckoutError::Canceled) {
            return Err(error);
        }
        job.log.warning(&format!(
            "checkout failed: {error} (attempt {attempt} of {attempts})"
        ));
        if next == Next::Stop || attempt >= attempts {
            return Err(error);
        }
        if next == Next::StartAfresh {
            let path = job.cwd.clone();
            directory::remove(job, &path).await?;
            directory::enter(job, &path)?;
        }
        job.pause(retry::wait(attempt)).await?;
    }
    unreachable!("the loop ends by returning")
}

/// One attempt, with exactly the calls of git that the peer makes.
async fn once(job: &mut Job) -> Result<(), CheckoutError> {
    if job.settings.checkout.ssh_keyscan {
        let repository = job.settings.checkout.repository.clone();
        hosts::make_known(job, &repository).await?;
    }
    if job.here(".git").exists() {
        point_to_repository(job).await?;
    } else {
        clone(job).await?;
    }
    submodules::clean(job).await?;
    clean(job).await?;
    fetch::run(job).await?;
    verify::run(job).await?;
    check_out(job).await?;
    let has_submodules = submodules::update(job).await?;
    clean(job).await?;
    if has_submodules {
        submodules::clean(job).await?;
    }
    resolve_commit(job).await
}

async fn clone(job: &mut Job) -> Result<(), CheckoutError> {
    let flags = job.settings.checkout.flags.clone.clone();
    let repository = job.settings.checkout.repository.clone();
    let args = git::args(&["clone"], &flags, &["--", &repository, "."]);
    job.git(Step::Clone, &args).await.map(drop)
}

/// An earlier checkout may be of another address of the repository.
async fn point_to_repository(job: &mut Job) -> Result<(), CheckoutError> {
    let wanted = job.settings.checkout.repository.clone();
    let configured = job
        .git_text(Step::Remote, &["config", "--get-all", "remote.origin.url"])
        .await?;
    let current = match configured.lines().collect::<Vec<_>>()[..] {
        [one] => one.to_owned(),
        _ => {
            job.git_text(Step::Remote, &["remote", "get-url", "origin"])
                .await?
        }
    };
    if current.trim() == wanted {
        return Ok(());
    }
    let args = ["remote", "set-url", "origin", &wanted];
    job.git(Step::Remote, &args).await.map(drop)
}

async fn clean(job: &mut Job) -> Result<(), CheckoutError> {
    let flags = job.settings.checkout.flags.clean.clone();
    job.git(Step::Clean, &git::args(&["clean"], &flags, &[]))
        .await
        .map(drop)
}

async fn check_out(job: &mut Job) -> Result<(), CheckoutError> {
    let commit = match job.settings.checkout.commit.as_str() {
        "HEAD" => "FETCH_HEAD",
        commit => commit,
    }
    .to_owned();
    if !git::is_safe_ref(&commit) {
        return Err(CheckoutError::BadRef(commit));
    }
    let flags = job.settings.checkout.flags.checkout.clone();
    let args = git::args(
        &["-c", "advice.detachedHead=false", "checkout"],
        &flags,
        &[&commit],
    );
    job.git(Step::Checkout, &args).await.map(drop)
}

/// With the experiment, the job sees the commit's full name whatever it was asked by.
async fn resolve_commit(job: &mut Job) -> Result<(), CheckoutError> {
    let experiments = &job.settings.experiments;
    if !experiments
        .iter()
        .any(|name| name == "resolve-commit-after-checkout")
    {
        return Ok(());
    }
    let asked = job.settings.checkout.commit.clone();
    match job.git_text(Step::Resolve, &["rev-parse", &asked]).await {
        Ok(commit) => job.env.set(shared_protocol::env::COMMIT, commit.trim()),
        Err(error @ (CheckoutError::Canceled | CheckoutError::TimedOut)) => return Err(error),
        Err(error) => job
            .log
            .warning(&format!("failed to resolve {asked}: {error}")),
    }
    Ok(())
}
