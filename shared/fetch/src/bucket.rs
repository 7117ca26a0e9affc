//! A bandwidth cap as a token bucket. Pure: moments in, waits out.

use std::time::Duration;

/// Counts what a download may take and has taken.
///
/// It starts empty and holds at most one second's worth, so that neither its start nor a pause ends
/// in a burst. Bytes are taken after they have come, which may leave a debt: the wait pays it off.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    rate: f64,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    /// A bucket for `rate` bytes per second (at least one); moments are counted from its start.
    pub(crate) fn new(rate: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "bytes per second, not money")]
        let rate = rate.max(1) as f64;
        Self {
            rate,
            tokens: 0.0,
            at: Duration::ZERO,
        }
    }

    /// Takes bytes at the moment `now`, and says how long to wait before the next are asked for.
    pub(crate) fn take(&mut self, bytes: u64, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.rate).min(self.rate);
        #[expect(clippy::cast_precision_loss, reason = "the size of one piece")]
        let bytes = bytes as f64;
        self.tokens -= bytes;
        Duration::try_from_secs_f64(-self.tokens / self.rate).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_are_paid_for_with_time() {
        let mut bucket = Bucket::new(1000);
        assert_eq!(bucket.take(500, Duration::ZERO), SECOND / 2);
        assert_eq!(bucket.take(1000, SECOND / 2), SECOND);
        assert_eq!(bucket.take(0, SECOND), SECOND / 2);
        assert_eq!(bucket.take(0, SECOND * 2), Duration::ZERO);
    }

    #[test]
    fn a_pause_is_good_for_one_second_and_no_more() {
        let mut bucket = Bucket::new(1000);
        assert_eq!(bucket.take(1000, SECOND * 100), Duration::ZERO);
        assert_eq!(bucket.take(1000, SECOND * 100), SECOND);
    }

    #[test]
    fn a_long_download_keeps_to_the_rate() {
        let mut bucket = Bucket::new(10_000);
        let mut now = Duration::ZERO;
        for _ in 0..100 {
            now += bucket.take(4096, now);
        }
        let rate = 100.0 * 4096.0 / now.as_secs_f64();
        assert!((9_999.0..10_001.0).contains(&rate), "{rate}");
    }
}
