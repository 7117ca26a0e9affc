//! What observers make of events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod datadog;
mod prometheus;
