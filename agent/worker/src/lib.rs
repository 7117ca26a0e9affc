//! Workers: each registers, connects, pings, heartbeats, and runs one job at a time.
//!
//! ```text
//!            Wanted ──▶ Pool ──▶ PoolStatus
//!                       │  ▲
//!            stay, quit ▼  │ Report
//!                      Worker ──▶ agent-runner
//! ```
//!
//! A [`Pool`] holds as many workers as are wanted, which may change while it runs: that is how an
//! agent is upgraded without a gap. What to do is decided by pure modules ([`ping`], [`rounds`],
//! [`action`], [`slots`], [`outage`], and for streams [`baton`], [`debounce`], [`backoff`]); the rest waits and
//! sends.
//!
//! This crate knows nothing of launchers, signals or configuration, and nothing of what a job is.

pub mod action;
pub mod backoff;
pub mod baton;
pub mod debounce;
pub mod host;
pub mod machine;
pub mod outage;
pub mod ping;
pub mod pool;
pub mod pulse;
pub mod register;
pub mod rounds;
pub mod slots;

mod heartbeat;
mod leash;
mod line;
mod os;
mod scout;
mod serve;
mod source;
mod streaming;
mod worker;

pub use baton::PingMode;
pub use leash::Registered;
pub use pool::{Pool, PoolStatus, Served, ServerState, Settings, Wanted};
pub use worker::WorkerError;
