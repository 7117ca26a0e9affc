//! When the next stream is opened. Pure: the caller brings the time and the random numbers.
//!
//! Each attempt has a window of time that doubles from one to the next, and falls at a random place
//! of it: streams that broke together do not come back together. A stream that works makes the
//! window short again; one that breaks within its window waits for the rest of it.

use std::time::Duration;

use tokio::time::Instant;

/// The first window.
const FIRST: Duration = Duration::from_secs(1);
/// Doublings; the longest window is a bit more than a minute.
const DOUBLINGS: u32 = 6;

/// Counts attempts that came to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    attempts: u32,
}

/// The time of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When to make it.
    pub opens: Instant,
    /// The next one has its window after that.
    pub ends: Instant,
}

impl Backoff {
    /// The window of the next attempt. `random` is in `[0, 1)`.
    pub fn window(&mut self, now: Instant, random: f64) -> Window {
        let length = FIRST * (1 << self.attempts.min(DOUBLINGS));
        self.attempts = self.attempts.saturating_add(1);
        Window {
            opens: now + length.mul_f64(random),
            ends: now + length,
        }
    }

    /// The stream brought something.
    pub fn healthy(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn windows_double_to_a_minute_and_are_short_again_after_a_message() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let mut seconds = || (backoff.window(now, 0.0).ends - now).as_secs();
        let lengths: Vec<_> = (0..9).map(|_| seconds()).collect();
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        backoff.healthy();
        assert_eq!(backoff.window(now, 0.0).ends - now, Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn an_attempt_falls_into_its_window(
            attempts in 0_u32..100, random in 0.0_f64..1.0,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time().start_paused(true).build().expect("a runtime");
            let now = runtime.block_on(async { Instant::now() });
            let window = Backoff { attempts }.window(now, random);
            prop_assert!(now <= window.opens && window.opens < window.ends);
        }
    }
}
