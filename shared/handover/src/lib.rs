//! What one tier says to the next: exit codes, messages, handles, and where they lie on disk.
//!
//! Who are the two? Bootstrapper and launcher (exit codes, the report pipe, the state folder), and
//! launcher and agent (control messages, the adoption handle). A bootstrapper is never upgraded, so
//! everything here is additive: nothing is renamed, renumbered or given another meaning, and both
//! sides survive what they do not know.
//!
//! This crate has no dependencies and does no I/O.

pub mod exit;
pub mod handle;
pub mod layout;
pub mod message;
pub mod report;
