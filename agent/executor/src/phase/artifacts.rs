//! Artifacts: what the job leaves behind is uploaded, by calling the agent as a job would.

use agent_hooks::Name;

use crate::failure::Failure;
use crate::hook;
use crate::job::Job;

/// Uploads what the job names, between its hooks. Nothing is done where no paths are named.
pub(super) async fn run(job: &mut Job) -> Result<(), Failure> {
    if job.env.filled("BUILDKITE_ARTIFACT_PATHS").is_none() {
        return Ok(());
    }
    hook::run(job, Name::PreArtifact).await?;
    hook::run(job, Name::PostArtifact).await
}
