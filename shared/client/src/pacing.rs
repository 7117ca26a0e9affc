//! Time and chance as the retry loop needs them, behind one trait, so that a test can watch the
//! waits instead of sitting through them.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

/// Where the retry loop gets the time, its random numbers and its waits from.
pub trait Pacing: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Instant;

    /// A number in `[0, 1)`.
    fn random(&self) -> f64;

    /// Ends after `time`.
    fn wait(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Tokio's clock and the operating system's random numbers. With Tokio's clock paused, waits end
/// as fast as the runtime gets to them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealPacing;

impl Pacing for RealPacing {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&self) -> f64 {
        // Jitter is worth no error of its own: without random numbers all waits get the same.
        let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    fn wait(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time))
    }
}
