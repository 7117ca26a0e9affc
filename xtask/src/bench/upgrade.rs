//! What an upgrade costs: bytes, durable acts, verdict, rollback and the time without a worker.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Bed, NEXT_VERSION, jobs};
use crate::cargo;
use crate::chain::{self, Profile};

/// Version of the release whose agent ends at once.
const BAD_VERSION: &str = "0.1.0-bench.bad";

/// Longer than the launcher takes to write its metrics.
const METRICS_LAG: Duration = Duration::from_secs(2);

/// Upgrades a host while a job runs, then gives it a release that must be undone.
pub(super) async fn measure(bed: &Bed) -> Result<()> {
    let release = chain::release(bed.folder.path(), Profile::Release, NEXT_VERSION)?;
    patches(&bed.release.join("agent"), &release.join("agent"))?;
    durable_acts(&release.join("agent"), bed.folder.path())?;
    good(bed, &release).await?;
    bad(bed, &release).await
}

/// Sizes of the second of two builds of the agent, and what applying them takes.
fn patches(old: &Path, new: &Path) -> Result<()> {
    let example = ["run", "--quiet", "--release", "--example", "measure"];
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path is text");
    let (old, new) = (text(old)?, text(new)?);
    let of_delta = ["--package", "shared-delta", "--features", "create", "--"];
    cargo::run(&[&example[..], &of_delta, &[&old, &new]].concat())
}

fn durable_acts(file: &Path, folder: &Path) -> Result<()> {
    let example = ["run", "--quiet", "--release", "--example", "measure"];
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path is text");
    let (file, folder) = (text(file)?, text(folder)?);
    let of_slots = ["--package", "shared-slots", "--"];
    cargo::run(&[&example[..], &of_slots, &[&file, &folder]].concat())
}

/// A release is published while a job of ten seconds runs.
async fn good(bed: &Bed, release: &Path) -> Result<()> {
    let number = jobs::start(bed, "gap", &["sleep 10", "true"]).await?;
    jobs::until_state(bed, "gap", number, 0, "running").await?;
    chain::publish(&bed.built, bed.folder.path(), NEXT_VERSION, release)?;
    jobs::until_ended(bed, "gap", number).await?;
    bed.chain.wait_for_commit_of(NEXT_VERSION).await?;
    println!(
        "upgrade during a job: {} ms without a ready or busy worker",
        bed.chain.gap_ms()?
    );
    print_metrics(
        bed,
        "upgrade",
        &["trireme_verdict_seconds", "trireme_downloaded_bytes_total"],
    )
    .await
}

/// A release whose agent ends at once.
async fn bad(bed: &Bed, release: &Path) -> Result<()> {
    let folder = bed.folder.path().join("bin").join(BAD_VERSION);
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(release.join("launcher"), folder.join("launcher"))?;
    std::fs::write(folder.join("agent"), "#!/bin/sh\nexit 7\n")?;
    chain::publish(&bed.built, bed.folder.path(), BAD_VERSION, &folder)?;
    bed.chain
        .wait_for_log(&["agent rejected", BAD_VERSION])
        .await?;
    print_metrics(
        bed,
        "bad release",
        &["trireme_verdict_seconds", "trireme_rollback_seconds"],
    )
    .await
}

/// Prints what the launcher counted. It writes that down within a second.
async fn print_metrics(bed: &Bed, what: &str, families: &[&str]) -> Result<()> {
    tokio::time::sleep(METRICS_LAG).await;
    let text = bed.chain.metrics()?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if families.iter().any(|family| line.starts_with(family)) {
            println!("{what}: {line}");
        }
    }
    Ok(())
}
