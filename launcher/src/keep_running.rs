//! Restarting what ended: how long to wait. Pure; chance is passed in.
//!
//! Whatever the exit code, an agent is started again (a host must never stop for good), and the
//! longer a row of failures, the longer the wait. The same rule spaces out failing checks.

use std::time::Duration;

/// The longest wait before an agent is started again.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// An agent that ran this long has ended a row of failures.
pub(crate) const STABLE: Duration = Duration::from_mins(10);

const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// A number by chance, so that hosts that fail together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Luck(pub(crate) u32);

impl Luck {
    /// A part of `whole`: none of it at the least, nearly all at the most.
    fn part(self, whole: Duration) -> Duration {
        whole.mul_f64(f64::from(self.0) / f64::from(u32::MAX))
    }

    /// `usual`, a tenth longer or shorter.
    pub(crate) fn spread(self, usual: Duration) -> Duration {
        usual.mul_f64(0.9) + self.part(usual.mul_f64(0.2))
    }
}

/// The wait after that many failures in a row: none after none, then twice as long each time up to
/// `longest`, of which chance takes up to a half, and never less than a second.
pub(crate) fn wait_after(failures: u32, longest: Duration, luck: Luck) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let window = Duration::from_secs(1 << failures.min(16)).min(longest);
    (window / 2 + luck.part(window / 2)).max(SHORTEST_WAIT)
}

/// The row of failures of the agent that is kept running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Restarts {
    failures: u32,
}

impl Restarts {
    /// An agent ended after `lived`: the wait before the next start.
    ///
    /// One that ran long or did its work is started again at once; so is the first that ends.
    #[must_use]
    pub(crate) fn ended(self, lived: Duration, did_its_work: bool, luck: Luck) -> (Self, Duration) {
        let failures = if lived >= STABLE || did_its_work {
            0
        } else {
            self.failures
        };
        let wait = wait_after(failures, LONGEST_WAIT, luck);
        (
            Self {
                failures: failures + 1,
            },
            wait,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(wait: Duration) -> f64 {
        wait.as_secs_f64()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<f64> = (0..9)
            .map(|n| seconds(wait_after(n, LONGEST_WAIT, Luck(u32::MAX))))
            .collect();
        assert_eq!(waits, [0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]);
    }

    #[test]
    fn a_crash_loop_slows_down_and_a_long_life_or_work_done_ends_it() {
        let short = Duration::from_secs(1);
        let mut restarts = Restarts::default();
        let mut waits = Vec::new();
        for (lived, did_its_work) in [
            (short, false),
            (short, false),
            (short, false),
            (STABLE, false),
            (short, false),
            (short, true),
        ] {
            let (next, wait) = restarts.ended(lived, did_its_work, Luck(0));
            restarts = next;
            waits.push(seconds(wait));
        }
        assert_eq!(waits, [0.0, 1.0, 2.0, 0.0, 1.0, 0.0]);
    }

    proptest! {
        #[test]
        fn a_wait_after_a_failure_is_within_a_second_and_the_longest(
            failures in 1_u32.., longest in 1_u64..4000, luck in any::<u32>()
        ) {
            let longest = Duration::from_secs(longest);
            let wait = wait_after(failures, longest, Luck(luck));
            prop_assert!(wait >= SHORTEST_WAIT && wait <= longest);
        }

        #[test]
        fn a_spread_stays_within_a_tenth(luck in any::<u32>()) {
            let usual = Duration::from_mins(5);
            let spread = Luck(luck).spread(usual);
            prop_assert!(spread >= usual.mul_f64(0.899) && spread <= usual.mul_f64(1.101));
        }
    }
}
