//! One run of a launcher: from its start to its end.

use std::io::{PipeWriter, Read as _};
use std::time::{Duration, Instant};

use shared_handover::exit::Exit;
use shared_handover::report::Report;
use shared_slots::Reason;
use shared_supervise::{Child, Ended, Event, ProcessId, Reports, Signal, reap, release_code};

use crate::back_off::Ending;
use crate::choose::Chosen;
use crate::clock;
use crate::crash_loop::Turn;
use crate::host::{Host, Judged};
use crate::judge;

/// Reads of the report pipe after the end: whoever inherited it may write for ever.
const LAST_READS: u32 = 64;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) ended: Ended,
    pub(crate) lasted: Duration,
    pub(crate) ending: Ending,
    /// When all must be gone, if this process was told to stop.
    pub(crate) stop_by: Option<Instant>,
}

/// A run that goes on.
struct Watch {
    chosen: Chosen,
    launcher: ProcessId,
    /// The report pipe, until the launcher closes it.
    reports: Option<Reports>,
    /// Held open for as long as the launcher is to run.
    _lifeline: PipeWriter,
    since: Instant,
    /// Until when a trial must have reported; `None` when nothing is expected any more.
    report_by: Option<Instant>,
    /// When to write the page again that could not be written when it reported.
    settle_at: Option<Instant>,
    /// When its turn in a crash loop is over.
    turn_by: Option<Instant>,
    /// When to tell the launcher to stop once more, because it could not be told.
    tell_at: Option<Instant>,
    /// When to kill the launcher, and it alone.
    kill_at: Option<Instant>,
    stop_by: Option<Instant>,
    given_up: bool,
}

impl Watch {
    fn begin(host: &Host, chosen: Chosen, child: Child) -> Self {
        let since = clock::now();
        let turn_by = match host.row.turn() {
            Turn::Rescue { until } if chosen.rescue => Some(host.begun + until),
            _ => None,
        };
        Self {
            report_by: chosen.on_trial.then(|| since + host.options.trial_limit),
            chosen,
            launcher: child.id,
            reports: Some(child.reports),
            _lifeline: child.lifeline,
            since,
            settle_at: host.settle_again(),
            turn_by,
            tell_at: None,
            kill_at: None,
            stop_by: None,
            given_up: false,
        }
    }

    /// When something is due, if anything is.
    fn wake(&self) -> Option<Instant> {
        [
            self.stop_by,
            self.report_by,
            self.settle_at,
            self.turn_by,
            self.tell_at,
            self.kill_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The launcher. Where it could not be told when it started, now may be the time: the number is
    /// its own until it is reaped.
    fn launcher(&mut self) -> ProcessId {
        if self.launcher.start == 0 {
            self.launcher = ProcessId::of(self.launcher.pid).unwrap_or(self.launcher);
        }
        self.launcher
    }
}

impl Host {
    /// Sleeps until the launcher has ended. Its reports, and signals to us, are dealt with.
    pub(crate) fn watch(&mut self, chosen: Chosen, child: Child) -> Run {
        let mut watch = Watch::begin(self, chosen, child);
        loop {
            // Whatever woke us: one that never lets us sleep must not get more time by it.
            self.do_what_is_due(&mut watch);
            let limit = watch
                .wake()
                .map(|wake| wake.saturating_duration_since(clock::now()));
            if limit.is_none() {
                release_code();
            }
            let reports = watch.reports.as_ref().map(Reports::watched);
            match self.wait(reports.as_slice(), limit) {
                Event::Signal(signal) => self.forward(signal, &mut watch),
                Event::Readable(_) => self.hear(&mut watch),
                Event::TimedOut => {}
                Event::ChildExited => {
                    if let Some(ended) = reap_all(watch.launcher.pid) {
                        self.hear_the_rest(&mut watch);
                        return self.close(&watch, ended);
                    }
                }
            }
        }
    }

    /// Hands a signal on, as what it means to the launcher: the first stops it, the second too but
    /// with its jobs.
    fn forward(&mut self, signal: Signal, watch: &mut Watch) {
        let name = signal.name();
        self.say(format_args!("got {name}: telling the launcher to stop"));
        watch.tell_at = self.tell_launcher(watch);
        watch.report_by = None;
        watch.turn_by = None;
        watch
            .stop_by
            .get_or_insert_with(|| clock::now() + self.options.stop_grace);
    }

    /// Returns when to try again if it did not work: jobs would be killed at the end of the time to
    /// stop. A launcher that is gone already is about to be noticed.
    fn tell_launcher(&mut self, watch: &mut Watch) -> Option<Instant> {
        let error = watch.launcher().send(Signal::Terminate).err()?;
        self.say(format_args!("cannot tell the launcher: {error}"));
        Some(clock::now() + self.options.restart_delay)
    }

    fn hear(&mut self, watch: &mut Watch) {
        let mut bytes = [0; 4096];
        let heard = match &mut watch.reports {
            Some(pipe) => pipe.read(&mut bytes),
            None => Ok(0),
        };
        let heard = match heard {
            Ok(0) => {
                watch.reports = None;
                return;
            }
            Ok(heard) => heard,
            Err(error) => {
                self.say(format_args!(
                    "cannot read what the launcher reports: {error}"
                ));
                shared_supervise::pause(self.options.restart_delay);
                return;
            }
        };
        let healthy = bytes[..heard]
            .iter()
            .any(|byte| Report::from_byte(*byte) == Some(Report::Healthy));
        if healthy && watch.chosen.on_trial && !watch.given_up {
            self.proven = Some(watch.chosen.digest);
            watch.report_by = None;
            self.settle_in(watch);
        }
    }

    /// Commits what is proven, or sees to it that this is done a little later.
    fn settle_in(&mut self, watch: &mut Watch) {
        self.settle();
        watch.settle_at = self.settle_again();
    }

    /// When to write the page again, if there is something that could not be written.
    fn settle_again(&self) -> Option<Instant> {
        let waits = self.proven.or(self.unadopted).is_some();
        waits.then(|| clock::now() + self.options.restart_delay)
    }

    /// Commits the trial that reported that it is healthy, if it is not committed yet, and whoever
    /// stands in. What could not be written is tried again: the report comes only once.
    pub(crate) fn settle(&mut self) {
        self.settle_stand_in();
        let Some(digest) = self.proven else { return };
        let crashed = self.crashed;
        match self.judge(&|page, now| judge::healthy(page, digest, crashed, now)) {
            Judged::Failed => return,
            Judged::Unchanged => {}
            Judged::Written => {
                self.say(format_args!(
                    "launcher {digest} is healthy and now committed"
                ));
                if crashed.is_none() {
                    // What is new has a row of its own.
                    self.row = self.row.clone().begin_anew();
                }
            }
        }
        self.crashed = None;
        self.proven = None;
    }

    /// What the launcher reported right before its end counts, too. The pipe may stay open: in
    /// something that the launcher started.
    fn hear_the_rest(&mut self, watch: &mut Watch) {
        for _ in 0..LAST_READS {
            if !watch.reports.as_ref().is_some_and(Reports::is_readable) {
                return;
            }
            self.hear(watch);
        }
    }

    /// Deals with every limit that has passed.
    fn do_what_is_due(&mut self, watch: &mut Watch) {
        let now = clock::now();
        let due = |limit: Option<Instant>| limit.is_some_and(|limit| limit <= now);
        if due(watch.stop_by) {
            self.say(format_args!(
                "the time to stop is over: killing all that runs"
            ));
            self.kill_all();
        }
        if due(watch.settle_at) {
            self.settle_in(watch);
        }
        let digest = watch.chosen.digest;
        if due(watch.report_by) {
            self.say(format_args!(
                "trial launcher {digest} is given up: it did not report in time"
            ));
            self.judge(&|page, now| judge::failed(page, digest, Reason::NoAnswer, now));
            watch.given_up = true;
            watch.report_by = None;
            watch.kill_at = Some(now);
        }
        if due(watch.turn_by) {
            self.say(format_args!(
                "the rescue has had its time: the installed launcher is tried again"
            ));
            watch.turn_by = None;
            watch.kill_at = Some(now);
        }
        if due(watch.tell_at) {
            watch.tell_at = self.tell_launcher(watch);
        }
        if due(watch.kill_at) {
            watch.kill_at = self.kill_launcher(watch);
        }
    }

    /// Only the launcher: the agent and its jobs go on, for the next launcher to adopt. Returns
    /// when to try again if it did not work.
    fn kill_launcher(&mut self, watch: &mut Watch) -> Option<Instant> {
        let error = watch.launcher().send(Signal::Kill).err()?;
        self.say(format_args!("cannot kill the launcher: {error}"));
        Some(clock::now() + self.options.restart_delay)
    }

    /// Takes note of the end.
    fn close(&mut self, watch: &Watch, ended: Ended) -> Run {
        let digest = watch.chosen.digest;
        let lasted = clock::now().saturating_duration_since(watch.since);
        self.tell_end(ended, lasted);
        self.settle();
        let blameless = watch.stop_by.is_some()
            || (ended == Ended::Exited(i32::from(Exit::LockHeld.code())) && self.lock_is_held());
        let given_up = watch.given_up || self.close_try(watch, blameless);
        let page = self.slot.read().page;
        let handed_over = ended == Ended::Exited(i32::from(Exit::RestartForUpgrade.code()));
        // Another attempt of a trial is not a crash of what is committed, and neither is making
        // room for one.
        let committed = page.committed() == Some(digest);
        let of_trial = watch.chosen.on_trial && !committed && self.row.turn() == Turn::Slot;
        let makes_room = handed_over && page.trial().is_some();
        if !(blameless || of_trial || makes_room) {
            let now = self.time();
            self.row = self.row.clone().ended(now, lasted, committed);
        }
        Run {
            ended,
            lasted,
            ending: match (given_up, handed_over) {
                (true, _) => Ending::GivenUp,
                (false, true) => Ending::HandedOver,
                (false, false) => Ending::Ended,
            },
            stop_by: watch.stop_by,
        }
    }

    /// Decides about the try that has ended; whether it was the last one, and the trial is over.
    fn close_try(&mut self, watch: &Watch, blameless: bool) -> bool {
        let digest = watch.chosen.digest;
        // What is proven only waits for its page to be written.
        if !watch.chosen.on_trial || self.proven == Some(digest) {
            return false;
        }
        if self.tries.close(digest, blameless) {
            self.judge(&|page, _| judge::not_to_blame(page, digest));
            return false;
        }
        let over = self.judge(&|page, now| judge::ended(page, digest, now)) == Judged::Written;
        if over {
            self.say(format_args!(
                "launcher {digest} is given up: all its tries ended before it was healthy"
            ));
        }
        over
    }

    fn tell_end(&mut self, ended: Ended, lasted: Duration) {
        let seconds = lasted.as_secs();
        match ended {
            Ended::Exited(code) => {
                let meaning = match Exit::from_code(code) {
                    Some(exit) => exit.meaning().trim(),
                    None => "Unknown to this bootstrapper.",
                };
                self.say(format_args!(
                    "the launcher ended after {seconds} s with exit code {code}: {meaning}"
                ));
            }
            Ended::Signaled(signal) => self.say(format_args!(
                "the launcher ended after {seconds} s by signal {signal}"
            )),
        }
    }
}

/// Takes note of every child that has ended; how this one did, if it did.
pub(crate) fn reap_all(pid: u32) -> Option<Ended> {
    std::iter::from_fn(reap)
        .filter(|(ended, _)| *ended == pid)
        .map(|(_, how)| how)
        .last()
}
