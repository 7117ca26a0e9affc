//! An idle host: what three tiers cost while one worker waits for work.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Bed;
use super::proc::Snapshot;

/// Time for start-up, gate and commit to be over.
const SETTLE: Duration = Duration::from_secs(25);

/// Length of the measurement.
const SPAN: Duration = Duration::from_secs(30);

/// Prints memory, wake-ups and CPU of each tier.
pub(super) async fn measure(bed: &Bed) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    let tiers = bed.chain.tiers().context("find the three tiers")?;
    let before = tiers
        .iter()
        .map(|(_, pid)| Snapshot::of(*pid))
        .collect::<Result<Vec<_>>>()?;
    tokio::time::sleep(SPAN).await;
    let mut total = 0;
    for ((name, pid), before) in tiers.iter().zip(before) {
        let after = Snapshot::of(*pid)?;
        total += after.rss;
        let per_second = |count: u64| count * 100 / SPAN.as_secs();
        let wake_ups = per_second(after.wake_ups - before.wake_ups);
        let cpu = per_second((after.cpu_ns - before.cpu_ns) / 1000);
        println!(
            "idle {name}: {} KiB resident ({} KiB anonymous), {}.{:02} wake-ups/s, {}.{:02} µs CPU/s",
            after.rss,
            after.anonymous,
            wake_ups / 100,
            wake_ups % 100,
            cpu / 100,
            cpu % 100
        );
    }
    println!("idle, all three tiers: {total} KiB resident");
    Ok(())
}
