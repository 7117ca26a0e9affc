//! Control over what runs: signals from the agent and time limits become orders to the running
//! child's group.

use std::io;
use std::time::Duration;

use agent_process::{Exit, Group, Orphans, Signal};
use tokio::time::{Instant, sleep, sleep_until};

use crate::cancellation::{Cancellation, Order};
use crate::failure::RunError;
use crate::os::Signals;

/// What still runs once the job is canceled. Each has a grace period of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// `post-command` hooks.
    PostCommand,
    /// Artifacts and `pre-exit` hooks; their period begins at the signal.
    Ending,
}

/// Hears signals and keeps track of processes for the whole life of the job.
#[derive(Debug)]
pub(crate) struct Control {
    signals: Signals,
    orphans: Orphans,
    cancellation: Cancellation,
    cancel_signal: Signal,
    grace: Duration,
    /// Until when the present attempt of something may take.
    limit: Option<Instant>,
    /// What may run although the job is canceled.
    rest: Option<Rest>,
}

impl Control {
    /// Nothing is canceled yet. A canceled child gets `cancel_signal`, and is killed after `grace`.
    pub(crate) fn start(cancel_signal: Signal, grace: Duration) -> io::Result<Self> {
        Ok(Self {
            signals: Signals::listen()?,
            orphans: Orphans::adopt()?,
            cancellation: Cancellation::None,
            cancel_signal,
            grace,
            limit: None,
            rest: None,
        })
    }

    /// Limits what follows to this time from now on, or lifts the limit.
    pub(crate) fn limit(&mut self, time: Option<Duration>) {
        self.limit = time.map(|time| Instant::now() + time);
    }

    /// From here on this may run, canceled or not.
    pub(crate) fn allow(&mut self, rest: Rest) {
        self.rest = Some(rest);
    }

    /// The signal that canceled the job, if one did.
    pub(crate) fn canceled_by(&self) -> Option<Signal> {
        self.cancellation.by()
    }

    /// The signal that the executor ends by, if the job was canceled.
    pub(crate) fn ends_by(&self) -> Option<Signal> {
        self.cancellation.ends_by()
    }

    /// Whether a new child may start.
    pub(crate) async fn check(&mut self) -> Result<(), RunError> {
        tokio::select! {
            biased;
            signal = self.signals.next() => {
                self.on_signal(signal);
            }
            () = std::future::ready(()) => {}
        }
        if self.canceled_by().is_some() && self.rest.is_none() {
            return Err(RunError::Canceled);
        }
        if self.limit.is_some_and(|limit| Instant::now() >= limit) {
            return Err(RunError::TimedOut);
        }
        Ok(())
    }

    /// Waits, unless the job is canceled meanwhile.
    pub(crate) async fn pause(&mut self, time: Duration) -> Result<(), RunError> {
        self.check().await?;
        tokio::select! {
            () = sleep(time) => Ok(()),
            signal = self.signals.next() => {
                self.on_signal(signal);
                Err(RunError::Canceled)
            }
        }
    }

    /// Follows a running child to its end. A canceled child's own status still counts for those
    /// who want it, so it is no error here.
    pub(crate) async fn watch(
        &mut self,
        group: Group,
        work: impl Future<Output = io::Result<Exit>>,
    ) -> Result<Exit, RunError> {
        tokio::pin!(work);
        let mut limit = self.limit;
        let mut overdue = false;
        loop {
            let wake = [self.cancellation.wakes_at(), limit]
                .into_iter()
                .flatten()
                .min();
            let order = tokio::select! {
                biased;
                signal = self.signals.next() => Some(self.on_signal(signal)),
                never = self.orphans.bury(group) => match never {},
                exit = &mut work => return ended(group, exit, overdue),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    let now = Instant::now();
                    if limit.is_some_and(|limit| now >= limit) {
                        // The limit interrupts first and kills a grace period later.
                        limit = (!overdue).then(|| now + self.grace);
                        let order = if overdue { Order::Kill } else { Order::Interrupt };
                        overdue = true;
                        Some(order)
                    } else {
                        self.on_time(now)
                    }
                }
            };
            match order {
                Some(Order::Interrupt) => group.signal(self.cancel_signal)?,
                Some(Order::Kill) => {
                    group.kill_tree();
                    // Daemons of a canceled job are no longer below its child.
                    self.kill_leftovers();
                }
                None => {}
            }
        }
    }

    /// Kills whatever a canceled job left behind, daemons too. Those of a job that came to its own
    /// end live on, as build tools expect that keep a server between jobs.
    pub(crate) fn kill_leftovers(&self) {
        if self.canceled_by().is_some() {
            self.orphans.kill();
        }
    }

    fn on_signal(&mut self, signal: Signal) -> Order {
        let order;
        let now = Instant::now();
        (self.cancellation, order) = self.cancellation.on_signal(signal, now, self.grace);
        order
    }

    fn on_time(&mut self, now: Instant) -> Option<Order> {
        let order;
        (self.cancellation, order) = self.cancellation.on_time(now);
        order
    }
}

fn ended(group: Group, exit: io::Result<Exit>, overdue: bool) -> Result<Exit, RunError> {
    match exit {
        Ok(_) if overdue => Err(RunError::TimedOut),
        Ok(exit) => Ok(exit),
        Err(error) => {
            // Nobody follows the child any more, so it must not go on alone.
            group.kill_tree();
            Err(RunError::Io(error))
        }
    }
}
