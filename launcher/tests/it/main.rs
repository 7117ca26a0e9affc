//! The launcher as a process, with a release tree on loopback and agents that misbehave.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod bed;
#[cfg(feature = "faults")]
mod crash;
mod delta;
mod fake_agent;
mod hung;
mod last_resort;
mod life;
mod orders;
mod outward;
mod recover;
mod refusal;
mod server;
mod sources;
mod trial;
mod turn;
mod upgrade;
