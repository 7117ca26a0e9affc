//! Jobs of a whole chain: started, and waited for.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Bed;

/// Time between two looks at the server.
const LOOK: Duration = Duration::from_millis(20);

/// Looks before a job is given up: five minutes.
const MOST_LOOKS: u32 = 15_000;

/// Starts a build of a new pipeline that checks out nothing, and returns its number.
pub(super) async fn start(bed: &Bed, pipeline: &str, commands: &[&str]) -> Result<u64> {
    let env = json!({"BUILDKITE_SKIP_CHECKOUT": "true"});
    let steps: Vec<Value> = commands
        .iter()
        .map(|command| json!({"command": command, "env": env}))
        .collect();
    bed.api
        .create_pipeline(pipeline, "/nowhere.git", steps)
        .await?;
    bed.api.create_build(pipeline, "HEAD").await
}

/// Waits until a job of a build is in this state.
pub(super) async fn until_state(
    bed: &Bed,
    pipeline: &str,
    number: u64,
    job: usize,
    state: &str,
) -> Result<()> {
    for _ in 0..MOST_LOOKS {
        if bed
            .api
            .jobs(pipeline, number)
            .await?
            .get(job)
            .is_some_and(|job| job["state"] == state)
        {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("job {job} of {pipeline} did not become {state}")
}

/// Waits until every job of a build has ended, and returns them.
pub(super) async fn until_ended(bed: &Bed, pipeline: &str, number: u64) -> Result<Vec<Value>> {
    for _ in 0..MOST_LOOKS {
        let jobs = bed.api.jobs(pipeline, number).await?;
        if jobs.iter().all(|job| !job["finished_at"].is_null()) {
            return Ok(jobs);
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the build of {pipeline} did not end")
}
