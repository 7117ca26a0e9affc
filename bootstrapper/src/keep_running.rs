//! The circle: start, watch, wait, and again, whatever the launcher's exit code.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use shared_handover::exit::Exit;
use shared_slots::Damage;
use shared_supervise::{Event, Signal};

use crate::back_off::{BackOff, Ending};
use crate::clock;
use crate::factory::NoLauncher;
use crate::host::Host;
use crate::watch::reap_all;

/// Keeps a launcher running until somebody wants it stopped, or runs it once.
pub(crate) fn keep_running(host: &mut Host) -> ExitCode {
    let (stamp, pid) = (host.stamp, std::process::id());
    host.say(format_args!("bootstrapper {stamp} runs as process {pid}"));
    host.end_orphans();
    if host.options.once {
        run_once(host)
    } else {
        run_for_ever(host)
    }
}

fn run_for_ever(host: &mut Host) -> ExitCode {
    let mut back_off = BackOff::new(host.options.restart_delay);
    loop {
        let (ending, lasted) = match host.start() {
            Ok((chosen, child)) => {
                let run = host.watch(chosen, child);
                if let Some(by) = run.stop_by {
                    return host.stop(by).into();
                }
                (run.ending, run.lasted)
            }
            // There never was one: somebody has to install it.
            Err(none @ NoLauncher::NotFound { .. }) if host.is_new() => {
                host.say(format_args!("{none}"));
                return Exit::NothingToRun.into();
            }
            Err(none) => {
                host.say(format_args!("{none}"));
                (Ending::Ended, Duration::ZERO)
            }
        };
        let (next, delay) = back_off.after(ending, lasted, clock::noise());
        back_off = next;
        if !delay.is_zero() {
            let (seconds, millis) = (delay.as_secs(), delay.subsec_millis());
            host.say(format_args!("the next start is in {seconds}.{millis:03} s"));
        }
        if let Some(signal) = host.rest(delay) {
            let name = signal.name();
            host.say(format_args!("got {name}"));
            let by = clock::now() + host.options.stop_grace;
            return host.stop(by).into();
        }
    }
}

/// One run; its status is ours.
fn run_once(host: &mut Host) -> ExitCode {
    let (chosen, child) = match host.start() {
        Ok(started) => started,
        Err(none) => {
            host.say(format_args!("{none}"));
            return match none {
                NoLauncher::NotFound { .. } => Exit::NothingToRun.into(),
                _ => Exit::Failure.into(),
            };
        }
    };
    let run = host.watch(chosen, child);
    if let Some(by) = run.stop_by {
        host.stop(by);
    }
    // Only the low eight bits of a status ever get through.
    ExitCode::from(run.ended.shell_status().to_le_bytes()[0])
}

impl Host {
    /// Whether no launcher was ever installed here, as far as anybody knows.
    fn is_new(&self) -> bool {
        let reading = self.slot.read();
        let blank = |damage: &Option<Damage>| *damage == Some(Damage::Blank);
        reading.damage.iter().all(blank)
    }

    /// Waits between two runs; the signal that ended it early, if one did.
    fn rest(&mut self, delay: Duration) -> Option<Signal> {
        let until: Instant = clock::now() + delay;
        loop {
            let left = until.saturating_duration_since(clock::now());
            match self.wait(&[], Some(left)) {
                Event::Signal(signal) => return Some(signal),
                Event::TimedOut => return None,
                // Somebody's orphan.
                Event::ChildExited | Event::Readable(_) => {
                    reap_all(0);
                }
            }
        }
    }
}
