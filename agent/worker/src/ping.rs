//! When a worker pings. Pure: the caller brings the time and the random numbers.
//!
//! The first ping is sent at once, and so is the one after a finished job: work may be waiting.
//! The others fall one into each interval, at a random place of it, so that a fleet that was
//! started together does not stay together. No ping is made up for: an interval that passed while
//! a job ran or an answer was slow is over.

use std::time::Duration;

use tokio::time::Instant;

/// The interval when the endpoint names none.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
/// The longest, whatever the endpoint names: any number of them can be added to any time.
pub(crate) const LONGEST_INTERVAL: Duration = Duration::from_hours(24);

/// Decides when the next ping is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingSchedule {
    interval: Duration,
    epoch: Instant,
    /// Number of the interval, counted from `epoch`, in which the next ping falls.
    next: u32,
}

/// Mean time between pings; `seconds` as the endpoint said, 0 means it did not.
pub(crate) fn interval(seconds: u64) -> Duration {
    match seconds {
        0 => DEFAULT_INTERVAL,
        _ => Duration::from_secs(seconds).min(LONGEST_INTERVAL),
    }
}

impl PingSchedule {
    /// A schedule whose first ping is due now. `seconds` as the endpoint said; 0 means it did not.
    pub fn new(seconds: u64, now: Instant) -> Self {
        Self {
            interval: interval(seconds),
            epoch: now,
            next: 0,
        }
    }

    /// Begins anew: the next ping is due now. For the moment a job is finished.
    pub fn restart(&mut self, now: Instant) {
        self.epoch = now;
        self.next = 0;
    }

    /// When the next ping is due. Each call counts as one ping; `random` is in `[0, 1)`.
    pub fn next(&mut self, now: Instant, random: f64) -> Instant {
        if self.next == 0 {
            self.next = 1;
            return self.epoch;
        }
        let passed = (now - self.epoch).as_secs_f64() / self.interval.as_secs_f64();
        // Truncation is meant: the interval that `now` lies in is used up if a ping fell into it.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of intervals since the last job is small and not negative"
        )]
        let current = passed as u32;
        let number = self.next.max(current);
        self.next = number + 1;
        self.epoch + self.interval * number + self.interval.mul_f64(random)
    }

    /// When to ping after a failure that names a time to come back: not before it.
    pub fn not_before(due: Instant, now: Instant, retry_after: Option<Duration>) -> Instant {
        retry_after.map_or(due, |wait| due.max(now + wait))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(base: Instant, at: Instant) -> f64 {
        (at - base).as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_ping_and_the_one_after_a_job_are_due_at_once() {
        let base = Instant::now();
        let mut schedule = PingSchedule::new(2, base);
        assert_eq!(schedule.next(base, 0.9), base);
        let end_of_job = base + Duration::from_millis(61_234);
        schedule.restart(end_of_job);
        assert_eq!(schedule.next(end_of_job, 0.9), end_of_job);
        let following = schedule.next(end_of_job, 0.5);
        assert!((seconds(end_of_job, following) - 3.0).abs() < 1e-6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_interval_is_ten_seconds() {
        let base = Instant::now();
        let mut schedule = PingSchedule::new(0, base);
        schedule.next(base, 0.0);
        assert_eq!(schedule.next(base, 0.0), base + Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn an_interval_without_end_is_a_day() {
        let base = Instant::now();
        let mut schedule = PingSchedule::new(u64::MAX, base);
        schedule.next(base, 0.0);
        assert_eq!(schedule.next(base, 0.0), base + LONGEST_INTERVAL);
        assert_eq!(schedule.next(base, 0.0), base + LONGEST_INTERVAL * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_answers_are_not_made_up_for() {
        let base = Instant::now();
        let mut schedule = PingSchedule::new(1, base);
        schedule.next(base, 0.0);
        let now = base + Duration::from_millis(30_500);
        let due = schedule.next(now, 0.0);
        let next = schedule.next(now.max(due), 0.0);
        assert!(due <= now && next > now, "one ping may be late, not many");
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_after_only_ever_delays() {
        let now = Instant::now();
        let due = now + Duration::from_secs(2);
        let wait = |seconds| PingSchedule::not_before(due, now, Some(Duration::from_secs(seconds)));
        assert_eq!(wait(1), due);
        assert_eq!(wait(9), now + Duration::from_secs(9));
        assert_eq!(PingSchedule::not_before(due, now, None), due);
    }

    proptest! {
        #[test]
        fn the_nth_ping_falls_into_the_nth_interval(
            interval in 1_u64..60, randoms in prop::collection::vec(0.0_f64..1.0, 2..50),
        ) {
            // Any instant will do; a paused runtime gives one without a clock.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time().start_paused(true).build().expect("a runtime");
            let base = runtime.block_on(async { Instant::now() });
            let mut schedule = PingSchedule::new(interval, base);
            let mut now = base;
            for (n, random) in randoms.into_iter().enumerate() {
                now = schedule.next(now, random);
                let at = seconds(base, now) / f64::from(u32::try_from(interval).unwrap());
                let n = f64::from(u32::try_from(n).unwrap());
                prop_assert!(at >= n - 1e-6 && at <= n + 1.0 + 1e-6, "ping {} at {}", n, at);
            }
        }
    }
}
