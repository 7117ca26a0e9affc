//! The command that operators use on a host: `trireme status`, `trireme update …`, `trireme doctor`.
//!
//! A running launcher is asked through its socket and does the work itself. With a dead one, the
//! command reads the same files, and what changes them takes the launcher's lock first: it never
//! races a launcher, and it never starts or stops one.
//!
//! | file | what it does |
//! |---|---|
//! | `cli` | the command line |
//! | `place` | finds the state folder and refuses what is none |
//! | `ask` | the client of the launcher's socket |
//! | `offline` | what the files say while no launcher runs, and the lock |
//! | `trust` | this host's roots and last manifest, verified |
//! | `update/` | one file per command of `trireme update` |
//! | `bundle/` | `export` and `import`: a release tree in one file |
//! | `doctor/` | the checks of `trireme doctor` |
//! | `show/` | text for people: status, tables, progress |
//! | `look_only` | a disk that is looked at and never changed, for what would be done |
//! | `file` | writing a file that the launcher's user can read, as a whole or not at all |
//! | `os/` | what the operating systems do differently |

mod ask;
mod bundle;
mod cli;
mod doctor;
mod failure;
mod file;
mod look_only;
mod offline;
mod os;
mod output;
mod place;
mod show;
mod trust;
mod update;

use std::process::ExitCode;

use shared_handover::exit::Exit;

use crate::cli::{Command, Line, Update};
use crate::failure::Failure;
use crate::output::Output;

/// The program: `stamp` is its version. Arguments come from the process.
pub fn main(stamp: &'static str) -> ExitCode {
    let line = match cli::parse(stamp) {
        Ok(line) => line,
        Err(refusal) => return cli::refuse(&refusal),
    };
    let output = Output::new(line.json);
    match run(&line, &output, stamp) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit().into()
        }
    }
}

fn run(line: &Line, output: &Output, stamp: &str) -> Result<Exit, Failure> {
    let state = place::find(line.state_dir.as_deref())?;
    let host = place::Host {
        state,
        patience: line.timeout,
        now: cli::now(),
    };
    match &line.command {
        Command::Status => Ok(update::status::overview(&host, output)),
        Command::Doctor => Ok(doctor::run(&host, output, stamp)),
        Command::Update(update) => match update {
            Update::Status { events } => update::status::detail(&host, *events, output),
            Update::Check => update::live::check(&host, output),
            Update::Apply { to } => update::live::apply(&host, to.clone(), output),
            Update::Rollback { component, no_pin } => {
                update::rollback::run(&host, *component, !no_pin, output)
            }
            Update::Pin(pin) => update::policy::pin(&host, pin, output),
            Update::Unpin { component } => update::policy::unpin(&host, *component, output),
            Update::Hold(hold) => update::policy::hold(&host, hold, output),
            Update::Policy { file } => update::policy::show_or_set(&host, file.as_deref(), output),
            Update::Retry { whose } => update::retry::run(&host, whose, output),
            Update::Verify => update::verify::run(&host, output),
            Update::Gc { dry_run } => update::gc::run(&host, *dry_run, output),
            Update::Export { bundle } => bundle::export::run(&host, bundle, output),
            Update::Import { bundle } => bundle::import::run(&host, bundle, output),
        },
    }
}
