//! How long to wait before the next run. Pure: times and a random number in, a time out.

use std::time::Duration;

/// The longest delay, in shortest ones.
const CAP: u32 = 60;

/// After a run of this many shortest delays, the next one counts as the first failure.
const STABLE: u32 = 600;

/// Hand-overs in a row that are followed at once. A launcher that only ever asks to be replaced
/// must not keep a processor busy.
const HAND_OVERS: u32 = 3;

/// How a run ended, as far as the delay is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It staged a successor and made room for it.
    HandedOver,
    /// It was on trial and was rejected: what runs next is another version.
    GivenUp,
    /// Anything else, an exit code of 0 included.
    Ended,
}

/// The state between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackOff {
    shortest: Duration,
    failures: u32,
    hand_overs: u32,
}

impl BackOff {
    /// Begins; `shortest` is more than 0, as the command line makes sure.
    pub(crate) const fn new(shortest: Duration) -> Self {
        Self {
            shortest,
            failures: 0,
            hand_overs: 0,
        }
    }

    /// The delay after a run that lasted so long: 1, 2, 4 … 60 shortest ones, of which each host
    /// takes a random part of at least a half, so that a fleet does not knock in step.
    pub(crate) fn after(self, ending: Ending, lasted: Duration, noise: u32) -> (Self, Duration) {
        let mut next = self;
        if lasted >= self.shortest.saturating_mul(STABLE) {
            next = Self::new(self.shortest);
        }
        match ending {
            Ending::GivenUp => return (Self::new(self.shortest), Duration::ZERO),
            Ending::HandedOver if next.hand_overs < HAND_OVERS => {
                next.hand_overs += 1;
                return (next, Duration::ZERO);
            }
            Ending::HandedOver | Ending::Ended => {}
        }
        let steps = 1_u32
            .checked_shl(next.failures)
            .map_or(CAP, |steps| steps.min(CAP));
        next.failures = (next.failures + 1).min(CAP);
        let longest = self.shortest.saturating_mul(steps);
        let half = longest / 2;
        let part = half.saturating_mul(noise % 1024) / 1024;
        (next, (half + part).max(self.shortest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHORTEST: Duration = Duration::from_secs(1);

    fn delays(count: usize, ending: Ending, lasted: Duration, noise: u32) -> Vec<u64> {
        let mut back_off = BackOff::new(SHORTEST);
        let mut delays = Vec::new();
        for _ in 0..count {
            let (next, delay) = back_off.after(ending, lasted, noise);
            back_off = next;
            delays.push(delay.as_secs());
        }
        delays
    }

    #[test]
    fn delays_double_up_to_a_minute() {
        let most = delays(9, Ending::Ended, Duration::ZERO, 1023);
        assert_eq!(most, [1, 1, 3, 7, 15, 31, 59, 59, 59]);
        let least = delays(9, Ending::Ended, Duration::ZERO, 0);
        assert_eq!(least, [1, 1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_run_of_ten_minutes_starts_it_over() {
        let stable = Duration::from_mins(10);
        assert_eq!(delays(4, Ending::Ended, stable, 7), [1, 1, 1, 1]);
        let just_not = Duration::from_secs(599);
        assert_eq!(delays(4, Ending::Ended, just_not, 0), [1, 1, 2, 4]);
    }

    #[test]
    fn a_hand_over_is_followed_at_once_but_not_for_ever() {
        let delays = delays(6, Ending::HandedOver, Duration::ZERO, 0);
        assert_eq!(delays, [0, 0, 0, 1, 1, 2]);
    }

    #[test]
    fn what_is_put_back_starts_at_once() {
        let back_off = BackOff {
            failures: 5,
            ..BackOff::new(SHORTEST)
        };
        let (next, delay) = back_off.after(Ending::GivenUp, Duration::ZERO, 9);
        assert_eq!((next, delay), (BackOff::new(SHORTEST), Duration::ZERO));
    }

    proptest! {
        #[test]
        fn no_delay_is_under_the_shortest_or_over_the_cap(
            failures in 0..=CAP,
            noise in any::<u32>(),
            lasted in 0..10_000_u64,
            shortest in 1..100_000_u64,
        ) {
            let shortest = Duration::from_millis(shortest);
            let back_off = BackOff { failures, ..BackOff::new(shortest) };
            let (_, delay) = back_off.after(Ending::Ended, Duration::from_secs(lasted), noise);
            prop_assert!(delay >= shortest && delay <= shortest * CAP);
        }
    }
}
