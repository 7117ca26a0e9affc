//! Idle workers, from one to a hundred in one agent.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Agent, Endpoint, Programs};
use crate::bench::proc::Snapshot;

/// Workers of one agent.
const SIZES: [usize; 3] = [1, 10, 100];

/// Time for all workers to be there.
const SETTLE: Duration = Duration::from_secs(10);

/// Length of the measurement.
const SPAN: Duration = Duration::from_secs(40);

/// Prints memory, wake-ups and CPU of each size, and the connections since its start; then what the
/// pings of a hundred workers cost this machine at least.
pub(super) fn measure(programs: &Programs) -> Result<()> {
    for workers in SIZES {
        one(programs, workers)?;
    }
    floor(programs)
}

#[expect(clippy::disallowed_methods, reason = "a span of time is measured")]
fn floor(programs: &Programs) -> Result<()> {
    let endpoint = Endpoint::start(&programs.endpoint, &[])?;
    let address = endpoint.url.trim_start_matches("http://");
    let address = address.split('/').next().context("a URL has a host")?;
    let mut pings = Command::new(&programs.endpoint)
        .args(["ping", address])
        .spawn()
        .context("start the pings")?;
    let before = Snapshot::of(pings.id())?;
    std::thread::sleep(SPAN);
    let after = Snapshot::of(pings.id())?;
    // It has nothing to lose.
    pings.kill().context("end the pings")?;
    pings.wait().context("end the pings")?;
    let micros = (after.cpu_ns - before.cpu_ns) / 1000 / SPAN.as_secs();
    println!("50 pings/s by system calls alone: {micros} µs CPU/s");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a span of time is measured")]
fn one(programs: &Programs, workers: usize) -> Result<()> {
    let endpoint = Endpoint::start(&programs.endpoint, &["--ping-interval=2".into()])?;
    let agent = Agent::start(programs, &endpoint, workers, &[])?;
    std::thread::sleep(SETTLE);
    let before = agent.snapshot()?;
    std::thread::sleep(SPAN);
    let after = agent.snapshot()?;
    let summary = endpoint.end()?;
    let seconds = SPAN.as_secs();
    let wake_ups = (after.wake_ups - before.wake_ups) * 100 / seconds;
    let micros = (after.cpu_ns - before.cpu_ns) / 1000 / seconds;
    println!(
        "fleet of {workers}: {} KiB resident ({} KiB anonymous), {}.{:02} wake-ups/s, {micros} µs CPU/s, {} connections in {} s",
        after.rss,
        after.anonymous,
        wake_ups / 100,
        wake_ups % 100,
        summary.connections,
        (SETTLE + SPAN).as_secs(),
    );
    agent.end()
}
