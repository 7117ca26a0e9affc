//! `cargo xtask torture`: every fault at every fault point, on real processes.
//!
//! Builds bootstrapper, launcher and the sweep (`tests/torture`) with the feature `faults`, copies
//! the programs aside so that no later build replaces them while they run, and starts the sweep.
//! Without arguments it runs the full sweep; with `--sample` only so many cases, chosen by a seed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::{cargo, points};

/// Programs that are built, and that lie in the folder of programs.
const PROGRAMS: [&str; 5] = ["bootstrapper", "launcher", "agent", "torture", "fake-agent"];

/// Strike every fault point with every fault, on real processes.
#[derive(Parser)]
pub(crate) struct Args {
    /// Only so many cases; without a number, as many as take about a minute.
    #[arg(long, num_args = 0..=1, default_missing_value = "120", value_name = "N")]
    sample: Option<usize>,
    /// Which sample.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only cases whose name contains this: `<scenario>:<component>/<point>:<action>:<hit>`.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Cases at a time; they mostly wait.
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// In how many scenarios each point, action and hit is tried.
    #[arg(long, default_value_t = 2)]
    depth: usize,
    /// Print the cases and run none.
    #[arg(long)]
    list: bool,
}

/// Builds what is needed and runs the sweep.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = build()?;
    let names = folder.join("points");
    let reasons = points::unreached()?;
    let lines = points::names()?.into_iter().map(|name| {
        let excuse = reasons.get(&name).map(|reason| format!(" {reason}"));
        name + &excuse.unwrap_or_default() + "\n"
    });
    std::fs::write(&names, lines.collect::<String>()).context("write the list of points")?;
    let mut command = std::process::Command::new(folder.join("torture"));
    for program in ["bootstrapper", "launcher", "agent", "fake-agent"] {
        command
            .arg(format!("--{program}"))
            .arg(folder.join(program));
    }
    command
        .arg("--folder")
        .arg(hosts())
        .arg("--points")
        .arg(&names)
        .args(["--seed", &args.seed.to_string()])
        .args(["--jobs", &args.jobs.to_string()])
        .args(["--depth", &args.depth.to_string()]);
    if let Some(sample) = args.sample {
        command.args(["--sample", &sample.to_string()]);
    }
    if let Some(only) = &args.only {
        command.args(["--only", only]);
    }
    if args.list {
        command.arg("--list");
    }
    let status = command.status().context("start the sweep")?;
    if !status.success() {
        bail!("the sweep found something; each failed case can be run again as printed above");
    }
    Ok(())
}

/// Builds the programs with their fault points; the folder in which they lie, without symbols.
fn build() -> Result<PathBuf> {
    cargo::run(&[
        "build",
        "--package",
        "bootstrapper",
        "--package",
        "launcher",
        "--package",
        "agent",
        "--package",
        "torture",
        "--features",
        "bootstrapper/faults,launcher/faults,agent/faults,torture/faults",
    ])?;
    let target = cargo::target_dir()?;
    let folder = target.join("torture");
    std::fs::create_dir_all(&folder).context("make the folder of programs")?;
    for program in PROGRAMS {
        let to = folder.join(program);
        // A new file, for the old one may still run.
        let _ = std::fs::remove_file(&to);
        std::fs::copy(target.join("debug").join(program), &to)
            .with_context(|| format!("copy {program}"))?;
        strip(&to);
    }
    Ok(folder)
}

/// Makes a program a third as long, for it is copied and compared thousands of times. Where there
/// is no such tool, all just takes longer.
fn strip(program: &Path) {
    let _ = std::process::Command::new("strip").arg(program).status();
}

/// Where the hosts of a sweep lie: in memory if there is such a folder, for they sync a lot.
fn hosts() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    // Short, for the limit of socket paths.
    folder.join(format!("torture-{}", std::process::id()))
}
