//! Control over what runs: signals from the agent and time limits become orders to the running
//! child's group.
//!
//! It carries out what [`crate::cancellation`] decides, and decides nothing itself.

use std::io;
use std::time::Duration;

use agent_process::{Exit, Group, Orphans, Signal};
use tokio::time::{Instant, sleep_until};

use crate::cancellation::{Cancellation, Closed, Grace, Order, Pressure};
use crate::os::Signals;
use crate::run_error::RunError;

pub(crate) use crate::cancellation::Rest;

/// Hears signals and keeps track of processes for the whole life of the job.
#[derive(Debug)]
pub(crate) struct Control {
    signals: Signals,
    orphans: Orphans,
    cancellation: Cancellation,
    cancel_signal: Signal,
}

impl Control {
    /// Nothing is canceled yet. A child of a canceled job gets `cancel_signal` first.
    pub(crate) fn start(cancel_signal: Signal, grace: Grace) -> io::Result<Self> {
        Ok(Self {
            signals: Signals::listen()?,
            orphans: Orphans::adopt()?,
            cancellation: Cancellation::new(grace),
            cancel_signal,
        })
    }

    /// Limits what follows to this time from now on, or lifts the limit.
    pub(crate) fn limit(&mut self, time: Option<Duration>) {
        let limit = time.and_then(|time| Instant::now().checked_add(time));
        self.cancellation = self.cancellation.on_limit(limit);
    }

    /// From here on this may run, canceled or not.
    pub(crate) fn allow(&mut self, rest: Rest) {
        self.cancellation = self.cancellation.on_rest(rest, Instant::now());
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
            signal = self.signals.next() => self.on_signal(signal),
            () = std::future::ready(()) => {}
        }
        self.open()
    }

    /// Waits for work that is no child, until a child would be asked to end.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, RunError> {
        tokio::pin!(work);
        loop {
            self.check().await?;
            let pressure = self.cancellation.pressure_on_new(Instant::now());
            let wake = self.cancellation.wakes_at(pressure);
            tokio::select! {
                biased;
                signal = self.signals.next() => self.on_signal(signal),
                done = &mut work => return Ok(done),
                () = wake_at(wake) => {
                    self.open()?;
                    return Err(RunError::Canceled);
                }
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
        let mut pressure = self.cancellation.pressure_on_new(Instant::now());
        let mut overdue = false;
        loop {
            while let Some(order) = self.cancellation.order(pressure, Instant::now()) {
                overdue |= self.canceled_by().is_none();
                pressure = self.press(group, order)?;
            }
            let wake = self.cancellation.wakes_at(pressure);
            tokio::select! {
                biased;
                signal = self.signals.next() => self.on_signal(signal),
                never = self.orphans.bury(group) => match never {},
                exit = &mut work => return ended(group, exit, overdue),
                () = wake_at(wake) => {}
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

    fn open(&self) -> Result<(), RunError> {
        self.cancellation
            .open(Instant::now())
            .map_err(|closed| match closed {
                Closed::Canceled => RunError::Canceled,
                Closed::TimedOut => RunError::TimedOut,
            })
    }

    fn press(&mut self, group: Group, order: Order) -> io::Result<Pressure> {
        self.cancellation = self.cancellation.on_order(order);
        match order {
            Order::Interrupt => {
                group.signal(self.cancel_signal)?;
                Ok(Pressure::Asked)
            }
            Order::Kill => {
                group.kill_tree();
                // Daemons of a canceled job are no longer below its child.
                self.kill_leftovers();
                Ok(Pressure::Killed)
            }
        }
    }

    fn on_signal(&mut self, signal: Signal) {
        self.cancellation = self.cancellation.on_signal(signal, Instant::now());
    }
}

/// Ends at that time, or never.
async fn wake_at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
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
