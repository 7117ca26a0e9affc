//! One run of a launcher: from its start to its end.

use std::io::{PipeReader, PipeWriter, Read as _};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use shared_handover::exit::Exit;
use shared_handover::report::Report;
use shared_slots::Reason;
use shared_supervise::{Child, Ended, Event, ProcessId, Signal, is_readable, reap, release_code};

use crate::back_off::Ending;
use crate::choose::Chosen;
use crate::clock;
use crate::host::Host;
use crate::judge;

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
    reports: Option<PipeReader>,
    /// Held open for as long as the launcher is to run.
    _lifeline: PipeWriter,
    since: Instant,
    /// Until when a trial must have reported; `None` when nothing is expected any more.
    report_by: Option<Instant>,
    stop_by: Option<Instant>,
    given_up: bool,
}

impl Host {
    /// Sleeps until the launcher has ended. Its reports, and signals to us, are dealt with.
    pub(crate) fn watch(&mut self, chosen: Chosen, child: Child) -> std::io::Result<Run> {
        let since = clock::now();
        let mut watch = Watch {
            report_by: chosen.on_trial.then(|| since + self.options.trial_limit),
            chosen,
            launcher: child.id,
            reports: Some(child.stdout),
            _lifeline: child.stdin,
            since,
            stop_by: None,
            given_up: false,
        };
        loop {
            let wake = watch.stop_by.into_iter().chain(watch.report_by).min();
            let limit = wake.map(|wake| wake.saturating_duration_since(clock::now()));
            if limit.is_none() {
                release_code();
            }
            let reports = watch.reports.as_ref().map(|pipe| pipe.as_fd());
            match self.events.wait(reports.as_slice(), limit)? {
                Event::Signal(signal) => self.forward(signal, &mut watch),
                Event::Readable(_) => self.hear(&mut watch),
                Event::TimedOut => self.run_out(&mut watch),
                Event::ChildExited => {
                    if let Some(ended) = reap_all(watch.launcher.pid) {
                        self.hear_the_rest(&mut watch);
                        return Ok(self.close(&watch, ended));
                    }
                }
            }
        }
    }

    /// Hands a signal on, as what it means to the launcher: the first stops it, the second too but
    /// with its jobs.
    fn forward(&mut self, signal: Signal, watch: &mut Watch) {
        let name = signal.name();
        self.log
            .say(format_args!("got {name}: telling the launcher to stop"));
        // One that is gone already is about to be noticed.
        let _ = watch.launcher.send(Signal::Terminate);
        watch.report_by = None;
        watch
            .stop_by
            .get_or_insert_with(|| clock::now() + self.options.stop_grace);
    }

    fn hear(&mut self, watch: &mut Watch) {
        let mut bytes = [0; 64];
        let heard = match &mut watch.reports {
            Some(pipe) => pipe.read(&mut bytes).unwrap_or_default(),
            None => 0,
        };
        if heard == 0 {
            watch.reports = None;
        }
        let healthy = bytes[..heard]
            .iter()
            .any(|byte| Report::from_byte(*byte) == Some(Report::Healthy));
        if healthy {
            let digest = watch.chosen.digest;
            if self.judge(&|page, _| judge::healthy(page, digest)) {
                self.log.say(format_args!(
                    "launcher {digest} is healthy and now committed"
                ));
                watch.report_by = None;
            }
        }
    }

    /// What the launcher reported right before its end counts, too. The pipe may stay open: in
    /// something that the launcher started.
    fn hear_the_rest(&mut self, watch: &mut Watch) {
        while watch
            .reports
            .as_ref()
            .is_some_and(|pipe| is_readable(pipe.as_fd()))
        {
            self.hear(watch);
        }
    }

    /// A limit has passed.
    fn run_out(&mut self, watch: &mut Watch) {
        let now = clock::now();
        if watch.stop_by.is_some_and(|limit| limit <= now) {
            self.log.say(format_args!(
                "the time to stop is over: killing all that runs"
            ));
            self.kill_all();
            return;
        }
        if watch.report_by.is_some_and(|limit| limit <= now) {
            let digest = watch.chosen.digest;
            self.log.say(format_args!(
                "trial launcher {digest} is given up: it did not report in time"
            ));
            self.judge(&|page, now| judge::failed(page, digest, Reason::NoAnswer, now));
            watch.given_up = true;
            watch.report_by = None;
            // Only the launcher: the agent and its jobs go on, for the next launcher to adopt.
            let _ = watch.launcher.send(Signal::Kill);
        }
    }

    /// Takes note of the end.
    fn close(&mut self, watch: &Watch, ended: Ended) -> Run {
        let digest = watch.chosen.digest;
        let lasted = clock::now().saturating_duration_since(watch.since);
        let seconds = lasted.as_secs();
        match ended {
            Ended::Exited(code) => {
                let meaning = match Exit::from_code(code) {
                    Some(exit) => exit.meaning().trim(),
                    None => "Unknown to this bootstrapper.",
                };
                self.log.say(format_args!(
                    "the launcher ended after {seconds} s with exit code {code}: {meaning}"
                ));
            }
            Ended::Signaled(signal) => self.log.say(format_args!(
                "the launcher ended after {seconds} s by signal {signal}"
            )),
        }
        let mut given_up = watch.given_up;
        if watch.stop_by.is_none() && self.judge(&|page, now| judge::ended(page, digest, now)) {
            self.log.say(format_args!(
                "launcher {digest} is given up: all its tries ended before it was healthy"
            ));
            given_up = true;
        }
        let handed_over = ended == Ended::Exited(Exit::RestartForUpgrade as i32);
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
}

/// Takes note of every child that has ended; how this one did, if it did.
pub(crate) fn reap_all(pid: u32) -> Option<Ended> {
    std::iter::from_fn(reap)
        .filter(|(ended, _)| *ended == pid)
        .map(|(_, how)| how)
        .last()
}
