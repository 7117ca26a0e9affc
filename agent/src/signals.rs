//! Signals of the operating system, as orders.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::plan::Order;

/// The signals that mean something to the agent. Caught from the moment this exists.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one that is an order.
    pub async fn next(&mut self) -> Order {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Order::Escalate,
                _ = self.interrupt.recv() => return Order::Escalate,
                _ = self.quit.recv() => return Order::Cancel,
                _ = self.hangup.recv() => tracing::info!("SIGHUP ignored"),
            }
        }
    }
}
