//! The bootstrapper as a process, with shell scripts for launchers: the store does not care what a
//! launcher is.
#![cfg(target_os = "linux")]

mod bench;
mod crash_loop;
mod factory;
mod fall_back;
#[cfg(feature = "faults")]
mod faults;
mod hostile;
mod once;
mod refusals;
mod relaunch;
mod stop;
mod trial;
mod tries;
