//! Checkout phase: a folder with the repository at the job's commit, and the job in it.

use std::path::Path;

use agent_hooks::Name;
use shared_protocol::env as names;

use crate::checkout::error::CheckoutError;
use crate::checkout::{self, directory, metadata};
use crate::failure::Failure;
use crate::hook;
use crate::job::Job;
use crate::os;

/// Makes the checkout.
pub(crate) async fn run(job: &mut Job) -> Result<(), Failure> {
    hook::run(job, Name::PreCheckout).await?;
    if job.settings.checkout.clean {
        job.log.header("Cleaning pipeline checkout");
        directory::remove(job, &directory::of(job)).await?;
    }
    job.log.header("Preparing working directory");
    if job.settings.checkout.repository.is_empty() {
        use_scratch(job)?;
    }
    directory::enter(job, &directory::of(job))?;
    job.checkout_root = Some(job.cwd.clone());
    if job.settings.checkout.skip {
        job.log
            .comment("Skipping checkout, BUILDKITE_SKIP_CHECKOUT is set");
    } else if hook::instead(job, Name::Checkout).await? {
        metadata::send(job).await?;
    } else if !job.settings.checkout.repository.is_empty() {
        checkout::with_retries(job).await?;
        metadata::send(job).await?;
    }
    let before = directory::of(job);
    hook::run(job, Name::PostCheckout).await?;
    follow_moved(job, &before)
}

/// A `post-checkout` hook may name another folder, which the rest of the job then runs in. The
/// repository's hooks still come from the checkout.
fn follow_moved(job: &mut Job, before: &Path) -> Result<(), Failure> {
    let now = directory::of(job);
    if now == before || now.as_os_str().is_empty() {
        return Ok(());
    }
    job.log.header(&format!(
        "A post-checkout hook has changed the working directory to \"{}\"",
        now.display()
    ));
    if let Err(error) = now.read_dir() {
        return Err(CheckoutError::Directory(now, error).into());
    }
    job.move_to(now);
    Ok(())
}

/// A job without the checkout phase works in what an earlier one left, or where it was started.
pub(crate) fn enter_existing(job: &mut Job) {
    let path = directory::of(job);
    if path.is_dir() {
        job.cwd = path;
    }
    job.checkout_root = Some(job.cwd.clone());
}

/// A job without a repository works in a folder that goes with it.
fn use_scratch(job: &mut Job) -> Result<(), CheckoutError> {
    let folder = job.env.filled("TMPDIR").unwrap_or("/tmp").to_owned();
    let prefix = format!("buildkite-job-{}", job.settings.job);
    let scratch = os::private_scratch(&prefix, Path::new(&folder))
        .map_err(|error| CheckoutError::Directory(folder.into(), error))?;
    job.env.set(names::BUILD_CHECKOUT_PATH, scratch.path());
    job.scratch = Some(scratch);
    Ok(())
}
