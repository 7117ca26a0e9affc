//! Patches that are right, wrong, and hostile.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod bed;
mod child;
mod hostile;
mod round_trip;
