//! Children and trees of processes for the tiers: start, wait, signal, kill.
//!
//! Who are the two? The bootstrapper and the launcher, each of which keeps a child alive, and the
//! agent, which cleans up after jobs. A process is named by a [`ProcessId`], its number *and* its
//! start time, so nobody is ever killed for having inherited a number. [`Events`] sleeps in one
//! `poll` until something happens; nothing here wakes up to look.
//!
//! No threads, no async runtime. All `unsafe` is in `os/`, and in the one call of it that
//! takes a promise.

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod code;
#[cfg(unix)]
mod events;
mod lock;
#[cfg(unix)]
mod os;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod signal;
#[cfg(unix)]
mod stat;
#[cfg(unix)]
mod tree;

#[cfg(unix)]
pub use child::{Child, Ended, become_subreaper, is_shortage, own_session, reap};
#[cfg(unix)]
pub use code::release_code;
#[cfg(unix)]
pub use events::{Event, Events, is_readable};
pub use lock::{Lock, LockError};
#[cfg(unix)]
pub use process::{ProcessId, start_time, wait_gone};
#[cfg(unix)]
pub use signal::Signal;
#[cfg(unix)]
pub use tree::{descendants, kill_tree};
