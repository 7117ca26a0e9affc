//! Jobs that do nothing: one after the other on one worker, and many on twenty.

use anyhow::{Result, ensure};

use super::endpoint::Summary;
use super::{Agent, Endpoint, Programs};
use crate::bench::proc::{Snapshot, milliseconds_with_children};

/// Jobs of one worker.
const FEW: usize = 100;

/// Jobs of all workers.
const MANY: usize = 400;

/// Workers that share them.
const WORKERS: usize = 20;

/// One worker: the time of each job, the time between two, and their CPU.
pub(super) fn noop(programs: &Programs) -> Result<()> {
    let (summary, cpu_ms, _) = run(programs, FEW, 1)?;
    let mut took: Vec<u64> = summary
        .jobs
        .iter()
        .map(|job| job.finished_us - job.accepted_us)
        .collect();
    let mut between: Vec<u64> = summary
        .jobs
        .windows(2)
        .map(|pair| pair[1].accepted_us - pair[0].finished_us)
        .collect();
    took.sort_unstable();
    between.sort_unstable();
    println!(
        "no-op job, accepted to finished: median {} µs, best {} µs; finished to next accepted: median {} µs; {} µs CPU, its programs included ({FEW} jobs)",
        took[took.len() / 2],
        took[0],
        between[between.len() / 2],
        cpu_ms * 1000 / FEW as u64,
    );
    Ok(())
}

/// Twenty workers: jobs per second, CPU of each, memory.
pub(super) fn many(programs: &Programs) -> Result<()> {
    let (summary, cpu_ms, after) = run(programs, MANY, WORKERS)?;
    let first = summary.jobs.iter().map(|job| job.accepted_us).min();
    let last = summary.jobs.iter().map(|job| job.finished_us).max();
    let took = last.unwrap_or(0) - first.unwrap_or(0);
    let rate = MANY as u64 * 10_000_000 / took.max(1);
    println!(
        "{MANY} no-op jobs on {WORKERS} workers: {}.{} jobs/s, {} µs CPU a job, its programs included; agent peak {} KiB",
        rate / 10,
        rate % 10,
        cpu_ms * 1000 / MANY as u64,
        after.peak
    );
    Ok(())
}

/// Runs jobs to their end; also returns the CPU time of the agent and all that it started.
fn run(programs: &Programs, jobs: usize, workers: usize) -> Result<(Summary, u64, Snapshot)> {
    let plan = [format!("--jobs={jobs}"), "--ping-interval=1".into()];
    let mut endpoint = Endpoint::start(&programs.endpoint, &plan)?;
    let agent = Agent::start(programs, &endpoint, workers, &[])?;
    let summary = endpoint.finished()?;
    let cpu_ms = milliseconds_with_children(agent.pid())?;
    let after = agent.snapshot()?;
    agent.end()?;
    let good = summary.jobs.iter().filter(|job| job.exit_status == "0");
    ensure!(good.count() == jobs, "a job that does nothing failed");
    Ok((summary, cpu_ms, after))
}
