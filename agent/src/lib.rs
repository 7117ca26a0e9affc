//! Tier 3: the agent's program. Command line, configuration, wiring; what workers, jobs and
//! executors do is in the crates below.
//!
//! `agent start` registers workers and runs jobs ([`start`]); `agent bootstrap` is the child
//! process that it starts for each job, and `agent try-plugin` the one for each native plugin
//! before it loads it. The wiring is on one page: [`wire`].

pub mod config;
pub mod control;
pub mod kept;
pub mod life;
pub mod locks;
pub mod observers;
pub mod plan;
pub mod plugins;
pub mod service;
pub mod signals;
pub mod start;
pub mod systemd;
pub mod tags;
pub mod wire;

mod config_command;
mod connection;
mod os;
mod profile;
mod rest;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use agent_plugins::rehearse;

const USAGE: &str = "\
Usage: agent COMMAND [flags]

  start         register workers and run jobs
  config show   print what each flag of start is set to, and where
  bootstrap     run one job; started by `agent start`
  try-plugin F  see whether a process survives the plugin F; started by `agent start`
  env COMMAND   read and change the job's environment; called by jobs, like those below
  lock COMMAND  locks that all jobs of this host share
  redactor add  hide a value in the job's log
  workdir set   choose the folder in which the job goes on
  stop          end a worker after its job
  pause         have a worker take no more jobs for now
  resume        have a paused worker take jobs again
  --version     print the version
  --help        print this; `agent start --help` lists the flags of start
";

/// The program. `stamp` is its version. Exit status: 0 ended as asked, 1 any error; `bootstrap`
/// has its own.
pub fn main(stamp: &'static str) -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next().unwrap_or_default();
    match command.to_str() {
        Some("start") => start_or_help(stamp, &args.collect::<Vec<_>>()),
        Some("config") => config_command::main(args),
        Some("bootstrap") => agent_executor::main(stamp, args),
        Some(rehearse::COMMAND) => match args.next() {
            Some(library) => rehearse::main(Path::new(&library)),
            None => fatal("try-plugin needs the path of a plugin"),
        },
        Some(group) if agent_commands::knows(group) => agent_commands::main(stamp, group, args),
        Some("--version" | "-version" | "-v" | "version") => {
            print(&format!("buildkite-agent version {stamp}+x\n"))
        }
        Some("" | "--help" | "-help" | "-h" | "help") => print(USAGE),
        _ => {
            let command = command.display();
            fatal(&format!(
                "unknown command {command:?}; `agent --help` lists all commands"
            ))
        }
    }
}

fn start_or_help(stamp: &'static str, args: &[OsString]) -> ExitCode {
    let help = ["--help", "-help", "-h"];
    if args.iter().any(|arg| help.iter().any(|help| arg == help)) {
        return print(&config::flags::help());
    }
    shared_fault::begin("agent");
    start::main(stamp, args)
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Says what is wrong where no log is open yet.
fn fatal(error: &(impl std::fmt::Display + ?Sized)) -> ExitCode {
    // Without standard error there is nobody to tell; the status still says it.
    let _ = writeln!(std::io::stderr(), "buildkite-agent: fatal: {error}");
    ExitCode::FAILURE
}
