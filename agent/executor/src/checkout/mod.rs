//! Getting the repository with git: the default sequence, and trying it again.
//!
//! How git is called, in which order, with which flags and when again is the peer's, for hosts put
//! programs of their own in git's place. It never leaves anything but the checkout, mirrors, and
//! known hosts behind, and never takes a setting for a flag.

pub(crate) mod credentials;
pub(crate) mod directory;
pub(crate) mod error;
mod fetch;
mod git;
pub(crate) mod hosts;
mod key;
pub(crate) mod lfs;
pub(crate) mod metadata;
mod mirror;
mod origin;
mod retry;
mod sparse;
mod submodules;
mod verify;

use std::path::Path;

use shared_protocol::env as names;
use shared_protocol::experiment::Experiment;

use crate::job::{Job, Span};
use crate::settings::Borrowing;
use crate::trace::inside;
use crate::warnings::Warning;

use error::{CheckoutError, Step};
use mirror::borrow;
use sparse::Sparse;

/// Checks out, up to the configured number of attempts.
pub(crate) async fn with_retries(job: &mut Job) -> Result<(), CheckoutError> {
    let path = directory::of(job);
    if let Some(error) = job.settings.undecided() {
        return Err(CheckoutError::Setting(error.to_string()));
    }
    lfs::probe(job).await?;
    let attempts = job.settings.checkout.attempts;
    for attempt in 1.. {
        job.limit(job.settings.checkout.attempt_limit);
        let span = span(job, attempt);
        let result = inside(job, span, async |job| once(job, &path).await).await;
        job.limit(None);
        let Err(error) = result else {
            return Ok(());
        };
        if error.ends_the_job() {
            return Err(error);
        }
        job.log.warning(&format!(
            "checkout failed: {error} (attempt {attempt} of {attempts})"
        ));
        let next = retry::after(&error);
        if next.afresh {
            directory::renew(job, &path).await?;
        }
        if !next.again || attempt >= attempts {
            return Err(error);
        }
        job.pause(retry::wait(attempt)).await?;
    }
    unreachable!("the loop ends by returning")
}

/// Removes what a checkout needed for as long as the job ran.
pub(crate) async fn take_down(job: &mut Job) {
    mirror::remove_snapshots(job).await;
}

/// One attempt, with the job's key for as long as it takes.
async fn once(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    let repository = job.settings.checkout.repository.clone();
    if credentials::allow_scan(job, &repository) {
        hosts::make_known(job, &repository).await?;
    }
    let key = key::lend(job, path)?;
    let result = steps(job, path).await;
    if let Some(key) = key {
        key.take_back(job);
    }
    result
}

/// The span of one attempt.
fn span(job: &Job, attempt: u32) -> Span {
    let checkout = &job.settings.checkout;
    let span = Span::new("repo-checkout")
        .with("checkout.repo_name", origin::shown(&checkout.repository))
        .with(
            "checkout.refspec",
            checkout.refspec.as_deref().unwrap_or_default(),
        )
        .with("checkout.commit", checkout.commit.as_str())
        .with("checkout.attempt", attempt.to_string());
    match checkout.mirrors {
        Some(_) => span.with("checkout.is_using_git_mirrors", "true"),
        None => span,
    }
}

/// Exactly the calls of git that the peer makes.
async fn steps(job: &mut Job, path: &Path) -> Result<(), CheckoutError> {
    let mirror = mirror::of_repository(job).await?;
    directory::enter(job, path)?;
    let sparse = Sparse::wanted_by(job).await?;
    let sparse = sparse.as_ref();
    if job.here(".git").exists() {
        let repository = job.settings.checkout.repository.clone();
        origin::point(job, None, &repository).await?;
        borrow::adapt(job, mirror.as_deref()).await?;
    } else {
        let mirror = mirror.as_deref();
        let work = async |job: &mut Job| clone(job, mirror, sparse).await;
        inside(job, Span::new("git.clone"), work).await?;
    }
    inside(job, Span::new("git.clean.pre"), async |job| {
        submodules::clean(job).await?;
        clean(job).await
    })
    .await?;
    lfs::install(job).await?;
    let flags = &job.settings.checkout.flags;
    let filtered = sparse::has_filter(&flags.clone) || sparse::has_filter(&flags.fetch);
    let blobless = sparse.is_some() && !filtered;
    inside(job, Span::new("git.fetch"), async |job| {
        fetch::run(job, blobless).await
    })
    .await?;
    inside(job, Span::new("git.verify_commit"), verify::run).await?;
    inside(job, Span::new("git.sparse_checkout"), async |job| {
        sparse::apply(job, sparse).await
    })
    .await?;
    inside(job, Span::new("git.checkout"), check_out).await?;
    let has_submodules = submodules::update(job, sparse.is_some()).await?;
    lfs::get(job, sparse).await?;
    inside(job, Span::new("git.clean.post"), async |job| {
        clean(job).await?;
        if has_submodules {
            submodules::clean(job).await?;
        }
        Ok::<_, CheckoutError>(())
    })
    .await?;
    resolve_commit(job).await
}

async fn clone(
    job: &mut Job,
    mirror: Option<&Path>,
    sparse: Option<&Sparse>,
) -> Result<(), CheckoutError> {
    let checkout = &job.settings.checkout;
    let mut flags = checkout.flags.clone.clone();
    if let Some(mirror) = mirror {
        let borrowing = checkout.mirrors.as_ref().map(|mirrors| mirrors.borrowing);
        let borrowing = borrowing.unwrap_or(Borrowing::Reference);
        flags.extend(borrow::clone_flags(mirror, borrowing));
    }
    if sparse.is_some() {
        sparse::extend_clone_flags(&mut flags);
    }
    let repository = checkout.repository.clone();
    let args = git::args(&["clone"], &flags, &["--", &repository, "."]);
    job.git(Step::Clone, &args).await
}

async fn clean(job: &mut Job) -> Result<(), CheckoutError> {
    let flags = job.settings.checkout.flags.clean.clone();
    job.git(Step::Clean, &git::args(&["clean"], &flags, &[]))
        .await
}

async fn check_out(job: &mut Job) -> Result<(), CheckoutError> {
    let commit = match job.settings.checkout.commit.as_str() {
        "HEAD" => "FETCH_HEAD",
        commit => commit,
    }
    .to_owned();
    if !git::is_safe_ref(&commit) || is_only_a_path(job, &commit).await? {
        return Err(CheckoutError::BadRef(commit));
    }
    let flags = job.settings.checkout.flags.checkout.clone();
    let args = git::args(
        &["-c", "advice.detachedHead=false", "checkout"],
        &flags,
        &[&commit],
    );
    job.git(Step::Checkout, &args).await
}

/// Whether git would take this for files: it would restore them, call that a success, and the job
/// would run on whatever commit there was. Asked only about what may be a path or a pattern of some.
async fn is_only_a_path(job: &mut Job, commit: &str) -> Result<bool, CheckoutError> {
    if !commit.contains(['*', '?', '[']) && !job.here(commit).exists() {
        return Ok(false);
    }
    let object = format!("{commit}^{{commit}}");
    let args = ["rev-parse", "--quiet", "--verify", &object];
    let (exit, _) = job.git_asked(&args).await?;
    Ok(!exit.success())
}

/// With the experiment, the job sees the commit's full name whatever it was asked by.
async fn resolve_commit(job: &mut Job) -> Result<(), CheckoutError> {
    if job.env.get(names::AGENT_ACCESS_TOKEN).is_none() {
        job.log.warning(
            "the build is not told about the commit, for BUILDKITE_AGENT_ACCESS_TOKEN is missing",
        );
        return Ok(());
    }
    let experiment = Experiment::ResolveCommitAfterCheckout;
    let wanted = job.settings.experiments.has(experiment);
    let asked = job.env.filled(names::COMMIT).map(str::to_owned);
    let asked = asked.filter(|asked| git::is_safe_ref(asked));
    let Some(asked) = asked.filter(|_| wanted) else {
        return Ok(());
    };
    let (exit, commit) = job.git_asked(&["rev-parse", &asked]).await?;
    if exit.success() {
        job.env.set(names::COMMIT, commit.trim());
    } else {
        let text = format!("failed to resolve {asked}: git rev-parse {exit}");
        job.warn(Warning::GitCommitResolutionFailed, &text);
    }
    Ok(())
}
