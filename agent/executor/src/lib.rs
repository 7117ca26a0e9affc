//! One job, child side: checkout and command; sees the job token only.
//!
//! `agent bootstrap` is started by the runner for one job, in a process, session and terminal of
//! its own. It reads what to do from flags and environment ([`settings`]), goes through the phases
//! in order ([`phase`]), and ends with the job's exit status, or by the signal that canceled it.
//! Everything children write passes the redactor before it leaves this process ([`log`]).
//!
//! It never registers, pings or reports: that is the runner's side, with other tokens.

mod cancellation;
mod checkout;
mod control;
mod desk;
mod docker;
mod endpoint;
mod environment;
mod failure;
mod hiding;
mod hook;
mod job;
mod log;
mod os;
mod own;
mod phase;
mod plugin;
mod profile;
mod promise;
mod protected;
mod run_error;
mod settings;
mod trace;
mod warnings;
mod words;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use control::Control;
use environment::Environment;
use job::Job;
use log::Log;
use os::Outlet;
use settings::{Parsed, Settings, SettingsError};

/// Runs `agent bootstrap` with the arguments after that word and the process's own environment.
/// `version` is the agent's.
///
/// Status: the command's own; 1 for settings that cannot be used, a command that cannot be run, or
/// a failed checkout without a status of its own; 125 if the set-up failed before anything of the
/// job ran; 255 for a command that a signal ended. A canceled job ends by the signal it received, or by
/// `SIGKILL` if its command had to be killed.
pub fn main(version: &'static str, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let env: Environment = std::env::vars_os().collect();
    let settings = match read(args, &env) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            let _ = std::io::stdout().write_all(settings::help().as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(version, settings, env));
            // Threads that nobody waits for any more do not hold up the end.
            runtime.shutdown_background();
            ended
        }
        Err(error) => refuse(&error),
    }
}

fn read(
    args: impl IntoIterator<Item = OsString>,
    env: &Environment,
) -> Result<Option<Settings>, SettingsError> {
    match settings::parse(args)? {
        Parsed::Help => Ok(None),
        Parsed::Run(given) => Settings::read(&given, env).map(Some),
    }
}

async fn run(version: &'static str, settings: Settings, env: Environment) -> ExitCode {
    let control = Control::start(settings.cancel_signal, settings.grace);
    let (cwd, control) = match (std::env::current_dir(), control) {
        (Ok(cwd), Ok(control)) => (cwd, control),
        (Err(error), _) | (_, Err(error)) => return refuse(&error),
    };
    let log = Log::new(Outlet::standard());
    let mut job = Job::new(version, settings, env, cwd, log, control);
    let profile = profile::begin(&mut job);
    let status = phase::run(&mut job).await;
    profile::end(profile, &mut job).await;
    match job.ends_by() {
        Some(signal) => {
            drop(job);
            os::end_by(signal)
        }
        None => ExitCode::from(failure::exit_byte(status)),
    }
}

/// Says why nothing runs; the log has not begun yet.
fn refuse(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "failed to run the job: {error}");
    ExitCode::FAILURE
}
