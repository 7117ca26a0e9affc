//! Telling the build which commit it is about: the first job that checks out sends the commit's
//! description, by calling the agent as a job would.

use agent_process::Exit;
use shared_protocol::env as names;

use super::error::CheckoutError;
use crate::job::Job;
use crate::own;

const KEY: &str = "buildkite:git:commit";
const FORMAT: &str = "--format=commit %H%nabbrev-commit %h%nAuthor: %an <%ae>%n%n%w(0,4,4)%B";
/// The status of `meta-data exists` for a key that is not set.
const ABSENT: Exit = Exit::Code(100);

/// Sends the description unless the build has it. That it cannot be sent never fails a job.
pub(crate) async fn send(job: &mut Job) -> Result<(), CheckoutError> {
    let resolved = job.env.text("BUILDKITE_COMMIT_RESOLVED") == Some("true");
    if resolved || job.env.filled(names::AGENT_ACCESS_TOKEN).is_none() {
        return Ok(());
    }
    let agent = match own::program(job) {
        Ok(agent) => agent,
        Err(error) => {
            let text = format!("failed to send the commit's description: {error}");
            job.log.warning(&text);
            return Ok(());
        }
    };
    let (exit, _) = job
        .capture(&agent, &["meta-data", "exists", KEY], b"")
        .await?;
    match exit {
        Exit::Code(0) => return Ok(()),
        ABSENT => {}
        exit => {
            job.log.comment(&format!(
                "The build's commit is not described: asking for it {exit}"
            ));
            return Ok(());
        }
    }
    job.log
        .comment("Sending the commit's description to the build");
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
    let exit = if exit.success() {
        let args = ["meta-data", "set", KEY];
        job.capture(&agent, &args, description.trim_ascii_end())
            .await?
            .0
    } else {
        exit
    };
    if !exit.success() {
        job.log.warning(&format!(
            "failed to send the commit's description: it {exit}"
        ));
    }
    Ok(())
}
