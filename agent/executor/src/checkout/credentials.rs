//! Credentials that the endpoint gives out for the pipeline's repository: git is configured, once
//! and for the user, to ask the agent for them.

use std::time::Duration;

use super::error::{Cause, CheckoutError, Step};
use crate::job::Job;
use crate::own;
use crate::words;

/// How GitHub's repositories are addressed over SSH, where a credential for HTTPS is of no use.
const GITHUB_SSH: &str = "git@github.com:";
/// How often writing the user's configuration is tried while other jobs write it.
const TRIES: u32 = 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// How the endpoint asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    /// For whatever host the repository is on.
    ForProvider,
    /// The older way: for GitHub alone, on hosts that know no SSH.
    ForGitHub,
}

impl Asked {
    fn by(job: &Job) -> Self {
        let is_true = |name: &str| job.env.text(name) == Some("true");
        if is_true("BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS") {
            Self::ForGitHub
        } else if is_true("BUILDKITE_USE_REPOSITORY_PROVIDER_GIT_CREDENTIALS") {
            Self::ForProvider
        } else {
            Self::Not
        }
    }

    /// Whether addresses of GitHub over SSH are to mean the same over HTTPS.
    fn rewrites(self, repository: &str) -> bool {
        match self {
            Self::Not => false,
            Self::ForProvider => repository.starts_with(GITHUB_SSH),
            Self::ForGitHub => true,
        }
    }
}

/// Whether the host of this address is to be made known to SSH: not if git is told to use HTTPS.
pub(super) fn allow_scan(job: &Job, address: &str) -> bool {
    let checkout = &job.settings.checkout;
    let asked = Asked::by(job);
    let rewritten = address == checkout.repository && asked.rewrites(address);
    checkout.ssh_keyscan && asked != Asked::ForGitHub && !rewritten
}

/// Configures git, before anything of the job may need it.
pub(crate) async fn prepare(job: &mut Job) -> Result<(), CheckoutError> {
    let asked = Asked::by(job);
    if asked == Asked::Not {
        return Ok(());
    }
    let own = own::program(job).map_err(CheckoutError::Own)?;
    let helper = format!("!{} git-credentials-helper", words::single_quote(&own));
    configure(job, "credential.useHttpPath", "true").await?;
    configure(job, "credential.helper", &helper).await?;
    if asked.rewrites(&job.settings.checkout.repository) {
        rewrite(job).await?;
    }
    Ok(())
}

/// Once more, when hooks have had their say about the repository; `before` is what it was.
pub(crate) async fn follow(job: &mut Job, before: &str) -> Result<(), CheckoutError> {
    let asked = Asked::by(job);
    if asked.rewrites(&job.settings.checkout.repository) && !asked.rewrites(before) {
        rewrite(job).await?;
    }
    Ok(())
}

async fn rewrite(job: &mut Job) -> Result<(), CheckoutError> {
    configure(job, "url.https://github.com/.insteadOf", GITHUB_SSH).await
}

/// Sets a value in the user's configuration. Every job of the user does so, and git gives up at
/// once if another one writes the file.
async fn configure(job: &mut Job, name: &str, value: &str) -> Result<(), CheckoutError> {
    let args = ["config", "--global", name, value];
    for attempt in 1.. {
        let (exit, tail) = job.run_with_tail("git", &args).await?;
        if exit.success() {
            return Ok(());
        }
        if attempt >= TRIES || !tail.contains("could not lock config file") {
            let (step, cause) = (Step::Credentials, Cause::Unknown);
            return Err(CheckoutError::Git { step, exit, cause });
        }
        job.pause(PAUSE).await?;
    }
    unreachable!("the loop ends by returning")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_rewritten_as_far_as_the_endpoint_asks() {
        let github = "git@github.com:fleet/oars.git";
        let other = "git@boat.test:fleet/oars.git";
        for (asked, of_github, of_other) in [
            (Asked::Not, false, false),
            (Asked::ForProvider, true, false),
            (Asked::ForGitHub, true, true),
        ] {
            assert_eq!(asked.rewrites(github), of_github, "{asked:?}");
            assert_eq!(asked.rewrites(other), of_other, "{asked:?}");
        }
    }
}
