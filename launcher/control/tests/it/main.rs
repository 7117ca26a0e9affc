//! The socket as clients meet it, and the files as collectors read them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod files;
mod prometheus;
mod socket;
