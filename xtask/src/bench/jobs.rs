//! Jobs as a measure: one that does nothing, one that prints a lot.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Bed;
use super::proc::{Snapshot, children};

/// Number of no-op jobs; the median of them is printed.
const NOOPS: usize = 40;

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

/// The server's clock from the start to the finish of a job that runs `true` without a checkout.
pub(super) async fn noop(bed: &Bed) -> Result<()> {
    let number = start(bed, "noop", &["true"; NOOPS]).await?;
    let jobs = until_ended(bed, "noop", number).await?;
    let mut spans = jobs
        .iter()
        .map(|job| span(job, "started_at", "finished_at"))
        .collect::<Result<Vec<_>>>()?;
    spans.sort_unstable();
    let mut waits = Vec::new();
    for pair in jobs.windows(2) {
        waits.push(between(&pair[0]["finished_at"], &pair[1]["started_at"])?);
    }
    waits.sort_unstable();
    println!(
        "no-op job, started to finished: median {} µs, best {} µs; finished to next started: median {} µs ({NOOPS} jobs)",
        spans[spans.len() / 2],
        spans[0],
        waits[waits.len() / 2]
    );
    Ok(())
}

/// A job that prints 50 MB of text; memory is watched while it runs.
pub(super) async fn log(bed: &Bed) -> Result<()> {
    const BYTES: u64 = 50_000_000;
    let command =
        format!("yes 'the quick brown fox jumps over the lazy dog 0123456789' | head -c {BYTES}");
    let number = start(bed, "flood", &[&command]).await?;
    let agent = bed.chain.agent_pid().context("find the agent")?;
    let mut executor_peak = 0;
    let jobs = loop {
        for child in children(agent) {
            // The executor may end between the two looks.
            executor_peak =
                executor_peak.max(Snapshot::of(child).map_or(0, |snapshot| snapshot.peak));
        }
        let jobs = bed.api.jobs("flood", number).await?;
        if jobs.iter().all(|job| !job["finished_at"].is_null()) {
            break jobs;
        }
        tokio::time::sleep(LOOK).await;
    };
    let micros = span(&jobs[0], "started_at", "finished_at")?;
    println!(
        "50 MB log: agent peak {} KiB, executor peak {executor_peak} KiB, {} MB/s",
        Snapshot::of(agent)?.peak,
        BYTES / micros.max(1)
    );
    Ok(())
}

fn span(job: &Value, from: &str, to: &str) -> Result<u64> {
    between(&job[from], &job[to])
}

/// Microseconds between two RFC 3339 times.
fn between(from: &Value, to: &Value) -> Result<u64> {
    let read = |value: &Value| -> Result<jiff::Timestamp> {
        let text = value
            .as_str()
            .context("a job that ended has all its times")?;
        text.parse()
            .with_context(|| format!("{text} is no RFC 3339 time"))
    };
    Ok(u64::try_from(
        (read(to)?.as_microsecond() - read(from)?.as_microsecond()).max(0),
    )?)
}
