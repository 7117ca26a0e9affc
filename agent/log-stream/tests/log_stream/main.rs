//! A job's log as its users see it: bytes in, chunks out, against an endpoint played in process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod marks;
mod played;
mod queue;
mod spool;
mod stream;
