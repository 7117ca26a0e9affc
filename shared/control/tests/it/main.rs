//! The documents as they are written, and what a policy says at which time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod decide;
mod golden;
