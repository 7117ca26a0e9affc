//! Fetching from servers that lie, stall and break off.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod bed;
#[cfg(target_os = "linux")]
mod disk;
mod hostile;
mod left_overs;
mod manifest;
mod mirrors;
mod obtain;
mod options;
mod server;
mod slow;
mod toxics;

use shared_fetch::{Fetcher, Options};

/// A fetcher as launchers have it. Where it waits for something, the clock of the test is paused.
fn fetcher() -> Fetcher {
    Fetcher::with(&Options::new("trireme-test/1")).unwrap()
}

/// Bytes without a pattern that a shifted resume could hide in.
fn content(len: u32) -> Vec<u8> {
    (0..len)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect()
}
