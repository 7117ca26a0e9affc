//! Idle workers, from one to a hundred in one agent.

use std::time::Duration;

use anyhow::Result;

use super::{Agent, Endpoint, Programs};

/// Workers of one agent.
const SIZES: [usize; 3] = [1, 10, 100];

/// Time for all workers to be there.
const SETTLE: Duration = Duration::from_secs(10);

/// Length of the measurement.
const SPAN: Duration = Duration::from_secs(40);

/// Prints memory, wake-ups and CPU of each size, and the connections since its start.
pub(super) fn measure(programs: &Programs) -> Result<()> {
    for workers in SIZES {
        one(programs, workers)?;
    }
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
