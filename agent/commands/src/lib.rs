//! Client subcommands of the agent that hooks and commands call from inside a job: `env`, `lock`,
//! `redactor` and `workdir`, which speak to sockets of the host, and below [`api`] those that speak to
//! the endpoint.
//!
//! Each is a row of [`COMMANDS`] and a function in a file of its own. Names, flags, variables,
//! defaults, output and statuses are those of buildkite-agent 3.137.

mod api;
mod dump;
mod env;
mod error;
mod format;
mod given;
mod help;
mod lock;
mod profile;
mod redactor;
mod workdir;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use error::CommandError;
use given::{Flag, Given};

/// A subcommand of two words, or of one, which has no name in its group then.
struct Command {
    group: &'static str,
    name: &'static str,
    /// What comes after it beside flags, for the help text.
    arguments: &'static str,
    help: &'static str,
    /// Its own flags; those of [`given::COMMON`] come on top.
    flags: &'static [Flag],
    run: fn(&Given) -> Result<(), CommandError>,
}

/// The table.
const COMMANDS: &[Command] = &[
    dump::DUMP,
    env::GET,
    env::SET,
    env::UNSET,
    lock::ACQUIRE,
    lock::RELEASE,
    lock::DO,
    lock::DONE,
    lock::GET,
    redactor::ADD,
    workdir::SET,
    api::worker::STOP,
    api::worker::PAUSE,
    api::worker::RESUME,
];

/// Whether a first word of a command line begins one of these subcommands.
pub fn knows(group: &str) -> bool {
    COMMANDS.iter().any(|command| command.group == group)
}

/// Runs the subcommand of this group with the arguments after that word. `stamp` is the program's
/// version. Status: 0 done as asked, 1 any error; the error is said on standard error.
pub fn main(
    stamp: &'static str,
    group: &str,
    args: impl IntoIterator<Item = OsString>,
) -> ExitCode {
    match run(stamp, group, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is nobody to tell; the status still says it.
            let _ = writeln!(std::io::stderr(), "buildkite-agent: fatal: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    stamp: &'static str,
    group: &str,
    args: impl IntoIterator<Item = OsString>,
) -> Result<(), CommandError> {
    let mut args = args.into_iter();
    if let Some(command) = find(group, "") {
        return run_command(stamp, command, args);
    }
    let name = args.next().unwrap_or_default();
    let name = name.to_string_lossy();
    if matches!(&*name, "" | "help" | "h" | "--help" | "-help" | "-h") {
        return print(&help::of_group(group));
    }
    let Some(command) = find(group, &name) else {
        return Err(CommandError::Unknown(format!("{group} {name}")));
    };
    run_command(stamp, command, args)
}

fn run_command(
    stamp: &'static str,
    command: &Command,
    args: impl Iterator<Item = OsString>,
) -> Result<(), CommandError> {
    let variable = |name: &str| std::env::var_os(name);
    match Given::read(stamp, command.flags, args, variable)? {
        Some(given) => profile::during(given.text("profile"), || (command.run)(&given)),
        None => print(&help::of_command(command)),
    }
}

fn find(group: &str, name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.group == group && command.name == name)
}

fn print(text: &str) -> Result<(), CommandError> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(CommandError::Output)
}

/// Runs what has to wait for a socket.
fn block_on<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, CommandError>
where
    CommandError: From<E>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    Ok(runtime.block_on(work)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_every_flag_of_it_is_named_once() {
        for (index, command) in COMMANDS.iter().enumerate() {
            let same = |other: &Command| (other.group, other.name) == (command.group, command.name);
            assert!(!COMMANDS[index + 1..].iter().any(same));
            let all: Vec<&Flag> = given::COMMON.iter().chain(command.flags).collect();
            for (index, flag) in all.iter().enumerate() {
                let same =
                    |other: &&Flag| other.name == flag.name || other.variable == flag.variable;
                assert!(!all[index + 1..].iter().any(same), "{}", flag.name);
            }
        }
    }
}
