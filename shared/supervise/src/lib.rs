//! Children and trees of processes for the tiers: start, wait, signal, kill.
//!
//! Who are the two? The bootstrapper and the launcher, each of which keeps a child alive, and the
//! agent, which cleans up after jobs. A process is named by a [`ProcessId`], its number *and* its
//! start time, so nobody is ever killed for having inherited a number. [`Events`] sleeps in one
//! wait of the operating system until something happens; nothing here wakes up to look.
//!
//! No async runtime, and no threads but the one that reads a report pipe on Windows, where such a
//! pipe cannot be waited for. All `unsafe` is in `os/`, and in the one call of it that takes a
//! promise.

mod child;
mod code;
mod events;
mod lock;
mod os;
mod process;
mod signal;
mod stat;
mod tree;

#[cfg(unix)]
pub use child::own_session;
pub use child::{Child, Ended, become_subreaper, is_shortage, reap};
pub use code::release_code;
pub use events::{Event, Events, is_writable, pause};
pub use lock::{Lock, LockError};
#[cfg(windows)]
pub use os::raise;
pub use os::{ExitFile, Reports, Watched};
pub use process::{ProcessId, start_time, wait_gone};
pub use signal::Signal;
pub use tree::{descendants, kill_tree, session_leaders};
