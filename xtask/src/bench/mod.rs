//! `cargo xtask bench`: the figures of BENCHMARKS.md, measured on release builds: whole chains, and the
//! agent alone.
//!
//! Nothing is asserted here: a figure is a fact about one machine at one time. The method stands
//! beside each figure in BENCHMARKS.md.

mod alone;
mod executor;
mod idle;
mod jobs;
pub(crate) mod proc;
mod upgrade;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::cargo;
use crate::chain::{self, Api, Built, Chain, Profile, Start};

/// Version stamp of the measured release.
const VERSION: &str = "0.1.0-bench.a";

/// Version stamp of the release it is upgraded to.
const NEXT_VERSION: &str = "0.1.0-bench.b";

/// Measure sizes, memory, wake-ups and times on release builds.
#[derive(Parser)]
pub(crate) struct Args {
    /// Measure only these; all of them if none is named.
    only: Vec<Figure>,
    /// For `executor` and the agent alone: measure this agent instead of a release build of ours.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// Bytes of the bootstrapper, built alone with the profile `tiny`.
    Size,
    /// Memory, wake-ups and CPU of each tier while one worker waits for work.
    Idle,
    /// A job of `agent bootstrap` beside `bash -c true`; each hook; a checkout beside its git commands.
    Executor,
    /// The agent alone with 1, 10 and 100 idle workers: memory, wake-ups, CPU, connections.
    Fleet,
    /// The agent alone: a job that does nothing, from its acceptance to its finish; its CPU.
    Noop,
    /// The agent alone: 400 jobs that do nothing on 20 workers.
    Jobs,
    /// The agent alone: a job that prints 256 MiB, with and without time marks and secrets.
    Log,
    /// The agent alone: a job that prints 512 MiB while the endpoint is away for a minute.
    Outage,
    /// Bytes, verdict, rollback and time without a worker of an upgrade; cost of its durable acts.
    Upgrade,
}

/// A running chain of release builds.
struct Bed {
    folder: tempfile::TempDir,
    built: Built,
    /// Folder of the first release.
    release: PathBuf,
    chain: Chain,
    api: Api,
}

/// Measures and prints one line per figure.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |figure| args.only.is_empty() || args.only.contains(&figure);
    if wanted(Figure::Size) {
        size()?;
    }
    if wanted(Figure::Executor) {
        executor::measure(args.agent.as_deref())?;
    }
    let of_these = |figures: &[Figure]| -> Vec<Figure> {
        let wanted = figures.iter().filter(|figure| wanted(**figure));
        wanted.copied().collect()
    };
    let alone = of_these(&[
        Figure::Fleet,
        Figure::Noop,
        Figure::Jobs,
        Figure::Log,
        Figure::Outage,
    ]);
    if !alone.is_empty() {
        alone::measure(&alone, args.agent.as_deref())?;
    }
    let rest = of_these(&[Figure::Idle, Figure::Upgrade]);
    if rest.is_empty() {
        return Ok(());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(on_a_chain(&rest))
}

async fn on_a_chain(figures: &[Figure]) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("trireme-bench-")
        .tempdir()?;
    let mut bed = start(folder)?;
    for figure in figures {
        match figure {
            Figure::Idle => idle::measure(&bed).await?,
            Figure::Upgrade => upgrade::measure(&bed).await?,
            // Needs no chain.
            _ => {}
        }
    }
    bed.chain.stop()
}

fn start(folder: tempfile::TempDir) -> Result<Bed> {
    let path: &Path = folder.path();
    let mut built = chain::build_server_and_bootstrapper(path, Profile::Release)?;
    built.bootstrapper = tiny_bootstrapper()?;
    let release = chain::release(path, Profile::Release, VERSION)?;
    let chain = Chain::start(&Start {
        folder: path,
        built: &built,
        release: &release,
        version: VERSION,
        agent_config: "",
    })?;
    let api = Api::new(&chain.server_url, &chain.api_token)?;
    Ok(Bed {
        folder,
        built,
        release,
        chain,
        api,
    })
}

fn tiny_bootstrapper() -> Result<PathBuf> {
    cargo::run(&["build", "--profile", "tiny", "--package", "bootstrapper"])?;
    Ok(cargo::target_dir()?.join("tiny/bootstrapper"))
}

fn size() -> Result<()> {
    let bytes = std::fs::metadata(tiny_bootstrapper()?)?.len();
    println!("bootstrapper without payload: {bytes} bytes");
    Ok(())
}
