//! Children of the agent: how they are started, what they say, how they end.
//!
//! Used by the runner (one executor per job) and by the executor (git, the job's command). A
//! [`Command`] becomes a [`Running`] child and the [`Output`] it writes to; [`follow`] drives both
//! to their end.
//!
//! This crate does not decide *when* a child is stopped and keeps no policy of grace periods; it
//! never inherits the caller's environment, terminal or standard input.

mod command;
mod follow;
mod lines;
mod lookup;
mod marked;
mod orphans;
mod os;
mod output;
mod running;
mod signal;

pub use command::{Command, StartError, Stdin, Stream, TERM, Window};
pub use follow::{Ending, follow};
pub use lines::Lines;
pub use lookup::find_program;
pub use marked::marked_by;
pub use orphans::Orphans;
pub use output::Output;
pub use running::{Exit, Group, Running};
pub use signal::Signal;
