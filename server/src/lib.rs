//! Trireme's control plane as one program.
//!
//! | file | what it does |
//! |---|---|
//! | `cli` | the command line as values |
//! | `serve` | `serve`: opens the data folder, listens, stops in order |
//! | `token` | `token create`, `token list`, `token revoke` |
//! | `release` | `release …`: keys, publications, rotations, bundles |
//! | `release_show` | `release list`, `release show`: for people and as JSON |
//!
//! No logic of its own: what the server does is in `server/*`. The commands beside `serve` work on
//! the same files while a server runs.

mod cli;
mod os;
mod release;
mod release_show;
mod serve;
mod token;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::error::ErrorKind;

use crate::cli::Command;

/// Exit code of a wrong flag or argument; the same number in all of Trireme's programs.
const USAGE: u8 = 64;

/// Runs the command line of this process; `stamp` is its version.
pub fn main(stamp: &'static str) -> ExitCode {
    let command = match cli::parse(std::env::args_os(), stamp) {
        Ok(command) => command,
        Err(error) => return usage(&error),
    };
    match run(command, stamp) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone there is nobody left to tell; the exit code still does.
            let _ = writeln!(io::stderr(), "trireme-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Help and version are asked for, so they are no failure.
fn usage(error: &clap::Error) -> ExitCode {
    let is_asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    match error.print() {
        Ok(()) if is_asked => ExitCode::SUCCESS,
        Ok(()) | Err(_) => ExitCode::from(USAGE),
    }
}

fn run(command: Command, stamp: &'static str) -> Result<()> {
    match command {
        Command::Serve(serve) => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(serve::THREADS)
                .enable_all()
                .build()
                .context("start the runtime")?;
            runtime.block_on(serve::serve(&serve, stamp))
        }
        Command::Token(token) => one_thread()?.block_on(token::run(token)),
        Command::Release(command) => release::run(command),
    }
}

fn one_thread() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")
}

/// The operating system's clock, read in one place.
#[expect(
    clippy::disallowed_methods,
    reason = "the outermost layer of a process reads the clock and passes it on"
)]
fn clock() -> server_jobs::Moment {
    std::time::SystemTime::now().into()
}

/// Writes a line that scripts read.
fn print(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("write to standard output")
}
