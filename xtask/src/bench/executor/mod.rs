//! What the executor costs beside the programs it runs: a job that does nothing, hooks, a checkout.
//!
//! Each figure is a race: all contenders run in turns on the same machine at the same time.

mod host;
mod race;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use self::host::Host;
use self::race::Contender;
use crate::cargo;

/// Runs of each contender; a checkout takes longer and gets a quarter of them.
const ROUNDS: usize = 200;

/// Measures this agent, or a release build of ours if none is named.
pub(super) fn measure(agent: Option<&Path>) -> Result<()> {
    let built;
    let agent = if let Some(agent) = agent {
        agent
    } else {
        cargo::run(&["build", "--release", "--package", "agent"])?;
        built = cargo::target_dir()?.join("release/agent");
        &built
    };
    let host = Host::new(agent)?;
    let load = std::fs::read_to_string("/proc/loadavg").context("read the machine's load")?;
    println!("executor: load of the machine before: {}", load.trim());
    hooks(&host)?;
    polyglot(&host)?;
    checkout(&host)
}

/// A job that does nothing, and six shell hooks that change a variable each.
fn hooks(host: &Host) -> Result<()> {
    let without_terminal = |mut job: Command| {
        job.env("BUILDKITE_PTY", "false");
        job
    };
    let [bash, none, _, six] = race::run(
        ROUNDS,
        [
            Contender::new("bash -c true", [bash()]),
            Contender::new("no-op job", [host.job()]),
            Contender::new(
                "no-op job without a terminal",
                [without_terminal(host.job())],
            ),
            Contender::new(
                "no-op job with six shell hooks",
                [host.job_with_hooks("shell-hooks")],
            ),
        ],
    )?;
    println!(
        "executor: a no-op job beyond bash: {}",
        none.took().beyond(bash.took())
    );
    println!(
        "executor: each shell hook: {}",
        six.took().beyond(none.took()).each_of(6)
    );
    Ok(())
}

/// A hook in another language that changes a variable through the job API.
fn polyglot(host: &Host) -> Result<()> {
    let mut perl = Command::new("perl");
    perl.args(["-e", "exit(0)"]);
    let [none, one, _] = race::run(
        ROUNDS / 2,
        [
            Contender::new("no-op job", [host.job()]),
            Contender::new(
                "no-op job with a perl hook that sets a variable",
                [host.job_with_hooks("polyglot-hooks")],
            ),
            Contender::new("perl -e 'exit(0)'", [perl]),
        ],
    )?;
    let cost = one.took().beyond(none.took());
    println!("executor: the perl hook with its `env set`: {cost}");
    Ok(())
}

/// A fresh checkout of a local repository, and its git commands alone.
fn checkout(host: &Host) -> Result<()> {
    let commands = host.git_commands()?;
    let count = commands.len();
    let folder = host.checkout();
    let [none, whole, alone] = race::run(
        ROUNDS / 4,
        [
            Contender::new("no-op job", [host.job()]),
            Contender::new(
                "job with a checkout of 200 files",
                [host.job_with_checkout()],
            )
            .in_empty(&folder),
            Contender::new("the git commands of that checkout alone", commands).in_empty(&folder),
        ],
    )?;
    let cost = whole.took().beyond(alone.took()).beyond(none.took());
    println!("executor: the checkout beyond its {count} git commands and a no-op job: {cost}");
    Ok(())
}

fn bash() -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", "true"]);
    bash
}
