//! The command `trireme` as operators run it: the real binary, real state folders, and a socket
//! that says what a test wants.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bed;
mod bundle;
mod dead;
mod doctor;
mod live;
mod wrong;
