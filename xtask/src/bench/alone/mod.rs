//! The agent alone, against an endpoint that does next to nothing: whatever is measured is the
//! agent's and its executors'.

mod endpoint;
mod fleet;
mod host;
mod jobs;
mod log;

use std::path::{Path, PathBuf};

use anyhow::Result;

use self::endpoint::Endpoint;
use self::host::Agent;
use super::Figure;
use crate::cargo;

/// The programs that are measured with.
struct Programs {
    agent: PathBuf,
    endpoint: PathBuf,
}

/// Measures these figures with this agent, or with a release build of ours if none is named.
pub(super) fn measure(figures: &[Figure], agent: Option<&Path>) -> Result<()> {
    let release = cargo::target_dir()?.join("release");
    cargo::run(&["build", "--release", "--package", "bench-endpoint"])?;
    if agent.is_none() {
        cargo::run(&["build", "--release", "--package", "agent"])?;
    }
    let programs = Programs {
        agent: agent.map_or_else(|| release.join("agent"), Path::to_owned),
        endpoint: release.join("bench-endpoint"),
    };
    println!("agent: {} bytes", std::fs::metadata(&programs.agent)?.len());
    for figure in figures {
        match figure {
            Figure::Fleet => fleet::measure(&programs)?,
            Figure::Noop => jobs::noop(&programs)?,
            Figure::Jobs => jobs::many(&programs)?,
            Figure::Log => log::measure(&programs)?,
            Figure::Outage => log::outage(&programs)?,
            Figure::Size | Figure::Idle | Figure::Executor | Figure::Upgrade => {}
        }
    }
    Ok(())
}
