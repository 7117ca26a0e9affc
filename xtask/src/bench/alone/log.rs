//! A job that prints a lot: speed, memory and size of its log; and what an endpoint that is away
//! does to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::endpoint::Summary;
use super::{Agent, Endpoint, Programs};
use crate::bench::proc::{Snapshot, children, milliseconds};

const MIB: u64 = 1 << 20;

/// Text of the job whose log is measured.
const BYTES: u64 = 256 * MIB;

/// Text of the job whose endpoint is away for a while.
const OUTAGE_BYTES: u64 = 512 * MIB;

/// Seconds without the endpoint.
const AWAY: u64 = 60;

/// Time between two looks at the processes.
const LOOK: Duration = Duration::from_millis(20);

/// Ways to treat a log.
const WAYS: [(&str, &[&str]); 4] = [
    ("as it is by default", &[]),
    ("without time marks", &["--no-ansi-timestamps"]),
    ("without secrets to hide", &["--redacted-vars=NONE"]),
    (
        "without both",
        &["--no-ansi-timestamps", "--redacted-vars=NONE"],
    ),
];

/// What one job with its log cost.
struct Cost {
    summary: Summary,
    agent: Snapshot,
    agent_ms: u64,
    executor_ms: u64,
    /// In KiB.
    executor_peak: u64,
    disk_peak: u64,
}

/// Prints speed, memory and size for each way to treat a log.
pub(super) fn measure(programs: &Programs) -> Result<()> {
    for (way, flags) in WAYS {
        let cost = run(programs, BYTES, flags, &[])?;
        let job = cost.summary.jobs.first().context("the job has finished")?;
        let log = &cost.summary.log;
        ensure!(log.misplaced == 0, "the log has holes: {log:?}");
        println!(
            "log of {} MiB, {way}: {} MB/s, {} MB per CPU second ({} ms agent, {} ms executor), gzip'd {} of 1000, {} chunks, agent peak {} KiB, executor peak {} KiB",
            BYTES / MIB,
            BYTES / (job.finished_us - job.accepted_us).max(1),
            BYTES / 1000 / (cost.agent_ms + cost.executor_ms).max(1),
            cost.agent_ms,
            cost.executor_ms,
            log.gzip * 1000 / BYTES,
            log.chunks,
            cost.agent.peak,
            cost.executor_peak,
        );
    }
    Ok(())
}

/// Prints memory and completeness of a log whose endpoint is away for a while.
pub(super) fn outage(programs: &Programs) -> Result<()> {
    let plan = [
        format!("--away={AWAY}"),
        format!("--printed={OUTAGE_BYTES}"),
    ];
    let cost = run(programs, OUTAGE_BYTES, &[], &plan)?;
    let log = &cost.summary.log;
    println!(
        "log of {} MiB, endpoint away for {AWAY} s: {} of {OUTAGE_BYTES} bytes arrived in order ({} bytes with marks), {} chunks misplaced, {} came twice; agent peak {} KiB, executor peak {} KiB, {} bytes on disk at most",
        OUTAGE_BYTES / MIB,
        log.printed,
        log.raw,
        log.misplaced,
        log.repeated,
        cost.agent.peak,
        cost.executor_peak,
        cost.disk_peak,
    );
    Ok(())
}

fn run(programs: &Programs, bytes: u64, flags: &[&str], plan: &[String]) -> Result<Cost> {
    let command = format!("{} print {bytes}", programs.endpoint.display());
    let mut all = vec!["--jobs=1".into(), format!("--command={command}")];
    all.extend_from_slice(plan);
    let mut endpoint = Endpoint::start(&programs.endpoint, &all)?;
    let agent = Agent::start(programs, &endpoint, 1, flags)?;
    let over = AtomicBool::new(false);
    let (summary, (executor_peak, executor_ms, disk_peak)) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&agent, &over));
        let summary = endpoint.finished();
        over.store(true, Ordering::Relaxed);
        let watched = watch.join();
        (summary, watched.unwrap_or_default())
    });
    let summary = summary?;
    let after = agent.snapshot()?;
    let agent_ms = milliseconds(agent.pid())?;
    agent.end()?;
    Ok(Cost {
        summary,
        agent: after,
        agent_ms,
        executor_ms,
        executor_peak,
        disk_peak,
    })
}

/// Looks at the executor and at the disk again and again; the highest values.
#[expect(
    clippy::disallowed_methods,
    reason = "a process that will end can only be looked at from time to time"
)]
fn watch(agent: &Agent, over: &AtomicBool) -> (u64, u64, u64) {
    let (mut peak, mut cpu, mut disk) = (0, 0, 0);
    while !over.load(Ordering::Relaxed) {
        for child in children(agent.pid()) {
            // It may end between the two looks.
            peak = peak.max(Snapshot::of(child).map_or(0, |snapshot| snapshot.peak));
            cpu = cpu.max(milliseconds(child).unwrap_or(0));
        }
        disk = disk.max(agent.bytes_on_disk());
        std::thread::sleep(LOOK);
    }
    (peak, cpu, disk)
}
