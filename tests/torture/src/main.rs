//! Strikes every fault point of the chain with every fault, and counts who survives.
//!
//! Real bootstrapper, real launcher, and as agent a stand-in or the real one ([`scenario`] says
//! what they go through). First each scenario runs without a fault, which tells the points it passes; then each
//! point × action × hit is a case on a fresh host ([`plan`]). While it runs, and when it has
//! stopped, [`check`] and [`course`] hold it to the invariants of an upgrade: the pointer finds a
//! whole committed version at every moment, the host comes to the newest release, no job is lost or
//! runs twice, nobody stops for good, nothing is left over.
//!
//! `cargo xtask torture` builds what this needs and starts it.

mod check;
mod clock;
mod course;
mod damage;
mod endpoint;
mod fault;
mod host;
mod ledger;
mod plan;
mod release;
mod report;
mod scenario;
mod server;
mod sweep;
mod templates;
mod verdict;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::Parser;

use crate::host::Rig;
use crate::release::Publisher;
use crate::server::Server;
use crate::templates::Templates;

/// Strikes every fault point of the chain with every fault, and counts who survives.
#[derive(Debug, Parser)]
struct Args {
    /// Bootstrapper, built with the feature `faults`.
    #[arg(long)]
    bootstrapper: PathBuf,
    /// Launcher, built with the feature `faults`.
    #[arg(long)]
    launcher: PathBuf,
    /// Agent, built with the feature `faults`.
    #[arg(long)]
    agent: PathBuf,
    /// The stand-in for an agent.
    #[arg(long)]
    fake_agent: PathBuf,
    /// Folder for the hosts; those of failed cases stay there.
    #[arg(long)]
    folder: PathBuf,
    /// Names of the points in the sources, one a line; after a blank, why it need not be reached.
    #[arg(long)]
    points: Option<PathBuf>,
    /// Only so many cases.
    #[arg(long)]
    sample: Option<usize>,
    /// Which sample.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only cases whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Cases at a time.
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// In how many scenarios each point, action and hit is tried.
    #[arg(long, default_value_t = 2)]
    depth: usize,
    /// Gate of the launchers, in seconds.
    #[arg(long, default_value = "0.2")]
    gate: String,
    /// Poll interval of the launchers, in seconds.
    #[arg(long, default_value = "0.1")]
    poll: String,
    /// Only print the cases.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "torture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, String> {
    let rig = rig(args).map_err(|error| error.to_string())?;
    let templates = Templates::prepare(&rig)
        .map_err(|failure| format!("no host to begin with could be made: {failure}"))?;
    let passes =
        sweep::discover(&rig, &templates, args.jobs).map_err(|failures| failures.join("\n"))?;
    let mut cases = plan::cases(&passes, args.depth);
    if let Some(only) = &args.only {
        // A case may be named that the even spread over scenarios has left out.
        cases = plan::cases(&passes, usize::MAX);
        cases.retain(|case| sweep::name(case).contains(only));
    }
    let most = args.sample.unwrap_or(usize::MAX);
    let cases = plan::sample(cases, most, args.seed);
    if args.list {
        return Ok(report::list(&cases));
    }
    let tally = sweep::run(&rig, &templates, &cases, args.jobs);
    let names = match &args.points {
        Some(path) => fs::read_to_string(path).map_err(|error| error.to_string())?,
        None => String::new(),
    };
    let unreached = report::unreached(&names, &passes);
    report::print(&passes, &tally, &unreached);
    if tally.failures.is_empty() {
        // Else the hosts of failed cases stay, for whoever wants to look at them.
        let _ = fs::remove_dir_all(&args.folder);
    }
    let is_whole = args.sample.is_none() && args.only.is_none();
    Ok(tally.failures.is_empty() && (unreached.is_empty() || !is_whole))
}

fn rig(args: &Args) -> std::io::Result<Rig> {
    fs::create_dir_all(&args.folder)?;
    let publisher = Arc::new(Publisher::new(
        &args.launcher,
        &args.agent,
        &args.fake_agent,
    )?);
    fs::write(args.folder.join("root.json"), publisher.root())?;
    let embedded = args.folder.join("embedded");
    host::embed(&args.bootstrapper, &args.launcher, &embedded)?;
    Ok(Rig {
        bootstrapper: args.bootstrapper.clone(),
        launcher: args.launcher.clone(),
        embedded,
        fake_agent: args.fake_agent.clone(),
        folder: args.folder.clone(),
        gate: args.gate.clone(),
        poll: args.poll.clone(),
        server: Server::start(Arc::clone(&publisher))?,
        publisher,
        starting: Mutex::new(()),
    })
}
