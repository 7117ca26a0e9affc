//! Running → Exited: every byte of the executor goes into the log, until it ends or is made to.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use agent_process::{Ending, Exit, Output, Running as Child, Signal, follow};

use crate::accept::Accepted;
use crate::cancel;
use crate::finish::Exited;
use crate::log::Log;
use crate::outcome::{Outcome, Stop};
use crate::step;

/// A job whose executor runs.
#[derive(Debug)]
#[must_use]
pub struct Running {
    pub(crate) accepted: Accepted,
    pub(crate) child: Child,
    pub(crate) output: Output,
    pub(crate) log: Log,
}

impl Running {
    /// Runs the executor to its end.
    pub async fn stream(mut self) -> Exited {
        let stop = OnceLock::new();
        let group = self.child.group();
        let patience = self.accepted.settings.cancel_grace + Duration::from_secs(1);
        let ending = {
            let log = &mut self.log;
            let following = follow(
                &mut self.child,
                &mut self.output,
                patience,
                async |bytes: &[u8]| {
                    let written = log.write(bytes).await;
                    written.map_err(io::Error::other)
                },
            );
            tokio::select! {
                biased;
                ending = following => ending,
                never = cancel::watch(&self.accepted, group, &stop) => match never {},
            }
        };
        let exit = match ending {
            Ok(Ending { exit, .. }) => {
                self.bury(exit);
                exit
            }
            Err(error) => self.abandoned(&error).await,
        };
        self.exited(exit, stop.get().copied())
    }

    /// An executor that a signal ended may have left anything behind: it led the job's processes,
    /// and its orphans are nobody's now. One that ended by itself has seen to them.
    fn bury(&self, exit: Exit) {
        if let Exit::Signal(_) = exit {
            let mut left = cancel::marked(self.accepted.files.env());
            left.push(self.child.group().leader());
            cancel::kill(&left);
        }
    }

    /// The output could not be read or delivered any more. The executor is not left alone with it.
    async fn abandoned(&mut self, error: &io::Error) -> Exit {
        tracing::error!(job = %self.accepted.job.id, "failed to follow the executor: {error}");
        cancel::kill(&[self.child.group().leader()]);
        self.child
            .wait()
            .await
            .unwrap_or(Exit::Signal(Signal::KILL.number()))
    }

    fn exited(self, exit: Exit, stop: Option<Stop>) -> Exited {
        let Accepted {
            job,
            client,
            settings,
            record,
            ..
        } = self.accepted;
        step::reached("job-step.exited");
        tracing::info!(job = %job.id, "executor {exit}");
        Exited {
            job: job.id,
            client,
            settings,
            outcome: Outcome::of_exit(exit, stop),
            log: self.log,
            record,
        }
    }
}
