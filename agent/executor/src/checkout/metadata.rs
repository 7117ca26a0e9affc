//! Telling the build which commit it is about: the first job that checks out sends the commit's
//! description, by calling the agent as a job would.

use agent_process::Exit;
use shared_protocol::env as names;

use super::error::CheckoutError;
use super::git;
use crate::job::Job;
use crate::own;
use crate::warnings::Warning;

const KEY: &str = "buildkite:git:commit";
const FORMAT: &str = "--format=commit %H%nabbrev-commit %h%nAuthor: %an <%ae>%n%n%w(0,4,4)%B";

/// Sends the description unless the build has it. That it cannot be sent never fails a job.
pub(crate) async fn send(job: &mut Job) -> Result<(), CheckoutError> {
    let resolved = job.env.text("BUILDKITE_COMMIT_RESOLVED") == Some("true");
    let has_token = job.env.filled(names::AGENT_ACCESS_TOKEN).is_some();
    // A checkout hook may have dealt with a commit that git must not be given.
    if resolved || !has_token || !git::is_safe_ref(&job.settings.checkout.commit) {
        return Ok(());
    }
    let agent = match own::program(job) {
        Ok(agent) => agent,
        Err(error) => {
            let text = format!("failed to send the commit's description: {error}");
            job.warn(Warning::GitCommitResolutionFailed, &text);
            return Ok(());
        }
    };
    let asked = ["meta-data", "exists", KEY];
    let (exit, _) = job.capture(&agent, &asked, b"").await?;
    if exit.success() {
        return Ok(());
    }
    job.log
        .comment("Sending the commit's description to the build");
    if let Err(exit) = describe(job, &agent).await? {
        let text = format!("failed to send the commit's description: it {exit}");
        job.warn(Warning::GitCommitResolutionFailed, &text);
    }
    Ok(())
}

/// Asks git for the description and hands it to the agent; how the one that failed ended.
async fn describe(job: &mut Job, agent: &str) -> Result<Result<(), Exit>, CheckoutError> {
    let commit = job.settings.checkout.commit.clone();
    let args = [
        "--no-pager",
        "log",
        "-1",
        &commit,
        "-s",
        "--no-color",
        FORMAT,
    ];
    let (exit, description) = job.capture("git", &args, b"").await?;
    if !exit.success() {
        return Ok(Err(exit));
    }
    let set = ["meta-data", "set", KEY];
    let description = description.trim_ascii_end();
    let (exit, _) = job.capture(agent, &set, description).await?;
    Ok(if exit.success() { Ok(()) } else { Err(exit) })
}
