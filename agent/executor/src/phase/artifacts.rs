//! Artifacts: what the job leaves behind is uploaded, by calling the agent as a job would.

use agent_hooks::Name;

use crate::failure::Failure;
use crate::hook;
use crate::job::{Job, Span};
use crate::own;
use crate::run_error::RunError;
use crate::trace::inside;

/// Uploads what the job names, between its hooks, whether its command passed or not.
pub(super) async fn run(job: &mut Job) -> Result<(), Failure> {
    if job.settings.artifacts.paths.is_none() {
        return Ok(());
    }
    let span = Span::new("artifacts").in_datadog("artifact upload");
    inside(job, span, between_hooks).await
}

async fn between_hooks(job: &mut Job) -> Result<(), Failure> {
    inside(job, Span::new("pre-artifact"), async |job| {
        hook::run(job, Name::PreArtifact).await
    })
    .await?;
    // The hook may have chosen other paths.
    let paths = job.settings.artifacts.paths.clone().unwrap_or_default();
    inside(job, Span::new("artifact-upload"), async |job| {
        upload(job, &paths).await
    })
    .await?;
    inside(job, Span::new("post-artifact"), async |job| {
        hook::run(job, Name::PostArtifact).await
    })
    .await
}

async fn upload(job: &mut Job, paths: &str) -> Result<(), Failure> {
    job.check().await.map_err(|_| Failure::Canceled)?;
    job.log.header("Uploading artifacts");
    let destination = job.settings.artifacts.destination.clone();
    let mut args = vec!["artifact", "upload", paths];
    args.extend(destination.as_deref());
    let result = match own::program(job) {
        Ok(agent) => {
            job.log.prompt_words(&agent, &args);
            job.run(&agent, &args).await
        }
        Err(error) => Err(RunError::Io(error)),
    };
    let (status, text) = match result {
        Ok(exit) if exit.success() => return Ok(()),
        Ok(exit) => (exit.status(), format!("the upload of artifacts {exit}")),
        Err(RunError::Canceled) => return Err(Failure::Canceled),
        Err(error) => (1, format!("failed to upload artifacts: {error}")),
    };
    job.log.error(&text);
    Err(Failure::Told(status))
}
