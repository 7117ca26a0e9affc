//! The circle: start, watch, wait, and again, whatever the launcher's exit code.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use shared_handover::exit::Exit;
use shared_supervise::{Event, Signal};

use crate::back_off::{BackOff, Ending};
use crate::clock;
use crate::factory::NoLauncher;
use crate::host::Host;
use crate::watch::reap_all;

/// Keeps a launcher running until somebody wants it stopped, or runs it once.
pub(crate) fn keep_running(host: &mut Host) -> ExitCode {
    let (stamp, pid) = (host.stamp, std::process::id());
    host.log
        .say(format_args!("bootstrapper {stamp} runs as process {pid}"));
    let done = if host.options.once {
        run_once(host)
    } else {
        run_for_ever(host)
    };
    done.unwrap_or_else(|error| {
        host.log
            .say(format_args!("cannot wait for events: {error}"));
        Exit::Failure.into()
    })
}

fn run_for_ever(host: &mut Host) -> io::Result<ExitCode> {
    let mut back_off = BackOff::new(host.options.restart_delay);
    let mut first = true;
    loop {
        let (ending, lasted) = match host.start() {
            Ok((chosen, child)) => {
                let run = host.watch(chosen, child)?;
                if let Some(by) = run.stop_by {
                    return Ok(host.stop(by)?.into());
                }
                (run.ending, run.lasted)
            }
            // There never was one: somebody has to install it.
            Err(none @ NoLauncher::NotFound { .. }) if first => {
                host.log.say(format_args!("{none}"));
                return Ok(Exit::NothingToRun.into());
            }
            Err(none) => {
                host.log.say(format_args!("{none}"));
                (Ending::Ended, Duration::ZERO)
            }
        };
        first = false;
        let (next, delay) = back_off.after(ending, lasted, clock::noise());
        back_off = next;
        if !delay.is_zero() {
            let (seconds, millis) = (delay.as_secs(), delay.subsec_millis());
            host.log
                .say(format_args!("the next start is in {seconds}.{millis:03} s"));
        }
        if let Some(signal) = host.rest(delay)? {
            let name = signal.name();
            host.log.say(format_args!("got {name}"));
            let by = clock::now() + host.options.stop_grace;
            return Ok(host.stop(by)?.into());
        }
    }
}

/// One run; its status is ours.
fn run_once(host: &mut Host) -> io::Result<ExitCode> {
    let (chosen, child) = match host.start() {
        Ok(started) => started,
        Err(none) => {
            host.log.say(format_args!("{none}"));
            return Ok(match none {
                NoLauncher::NotFound { .. } => Exit::NothingToRun.into(),
                _ => Exit::Failure.into(),
            });
        }
    };
    let run = host.watch(chosen, child)?;
    if let Some(by) = run.stop_by {
        host.stop(by)?;
    }
    // Only the low eight bits of a status ever get through.
    Ok(ExitCode::from(run.ended.shell_status().to_le_bytes()[0]))
}

impl Host {
    /// Waits between two runs; the signal that ended it early, if one did.
    fn rest(&mut self, delay: Duration) -> io::Result<Option<Signal>> {
        let until: Instant = clock::now() + delay;
        loop {
            let left = until.saturating_duration_since(clock::now());
            match self.events.wait(&[], Some(left))? {
                Event::Signal(signal) => return Ok(Some(signal)),
                Event::TimedOut => return Ok(None),
                // Somebody's orphan.
                Event::ChildExited | Event::Readable(_) => {
                    reap_all(0);
                }
            }
        }
    }
}
