//! Tier 1: starts the launcher its slot names, for ever.
//!
//! The one part of Trireme that is never upgraded, so it is small and knows little: no network, no
//! format that could grow, one thread, one `poll`. It must start on a broken machine.
//!
//! One round, a step a file:
//!
//! 1. [`pick`]: which version, from the slot's page and a fresh look at each file's sha256;
//! 2. [`choose`]: makes that durable (a trial is counted *before* it starts), or takes the
//!    [`factory`] launcher when nothing else is whole;
//! 3. [`start`]: runs it, with a pipe to hear from it and one by which it hears that we are gone;
//! 4. [`watch`]: sleeps until it reports, ends, or somebody wants us to stop;
//! 5. [`judge`]: commits a trial that is healthy, rejects one that is not;
//! 6. [`back_off`]: how long to wait until the next round; [`crash_loop`]: whether another version
//!    should have a turn in it.
//!
//! No error of the operating system ends the circle. What fails is said, and done again after a
//! while; only a state folder that cannot be made or a wrong command line is refused at the start.
//!
//! [`keep_running`] is the circle of these, [`stop`] the way out of it.

mod args;
mod back_off;
mod choose;
mod clock;
mod crash_loop;
mod factory;
mod host;
mod judge;
mod keep_running;
mod leftovers;
mod log;
#[cfg(no_backtraces)]
mod no_backtraces;
mod os;
pub mod payload;
mod pick;
mod start;
mod stop;
mod try_record;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use shared_handover::exit::Exit;

use crate::args::Command;

/// Runs the bootstrapper with the arguments of this process; `stamp` is its version.
pub fn main(stamp: &'static str) -> ExitCode {
    shared_fault::begin("bootstrapper");
    os::run(move || run(stamp))
}

fn run(stamp: &'static str) -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => print(&args::help()),
        Ok(Command::Version) => print(&format!("bootstrapper {stamp}\n")),
        Ok(Command::Run(options)) => match host::Host::open(options, stamp) {
            Ok(mut host) => keep_running::keep_running(&mut host),
            Err(refusal) => fail(&refusal.text, refusal.exit),
        },
        Err(wrong) => fail(
            &format!("{wrong}; `bootstrapper --help` shows what it takes"),
            Exit::Usage,
        ),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Success.into(),
        Err(_) => Exit::Failure.into(),
    }
}

/// Says on standard error why it does not even begin: there is no log yet.
fn fail(text: &str, exit: Exit) -> ExitCode {
    // Where there is nobody to tell, the exit code has to do.
    let _ = std::io::stderr().write_all(format!("bootstrapper: {text}\n").as_bytes());
    exit.into()
}
