//! How long to wait for somebody else to let go of a file. Pure.
//!
//! A scanner holds a new file for milliseconds on most hosts and for many seconds on some, so the
//! waits begin small and grow by half each time. Half of each wait is left to chance: two of our
//! own processes must not meet again and again.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(10);

/// The longest single wait.
const LONGEST: Duration = Duration::from_secs(5);

/// All waits together end before this.
const IN_ALL: Duration = Duration::from_mins(1);

/// The waits between two tries, until patience is at an end.
#[derive(Debug)]
pub(crate) struct Patience {
    next: Duration,
    waited: Duration,
    chance: u32,
}

impl Patience {
    /// The same `seed` makes the same waits.
    pub(crate) const fn new(seed: u32) -> Self {
        Self {
            next: FIRST,
            waited: Duration::ZERO,
            // Zero is the one number that xorshift does not leave.
            chance: seed | 1,
        }
    }
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        let half = self.next / 2;
        let wait = half + half * (self.chance % 1024) / 1024;
        self.waited += wait;
        self.next = LONGEST.min(self.next * 3 / 2);
        (self.waited <= IN_ALL).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_ten_milliseconds_and_end_after_a_minute() {
        for seed in 0..1000 {
            let waits: Vec<_> = Patience::new(seed).collect();
            assert!((FIRST / 2..=FIRST).contains(&waits[0]), "{:?}", waits[0]);
            assert!(waits.iter().all(|wait| !wait.is_zero() && *wait <= LONGEST));
            let total: Duration = waits.iter().sum();
            // The last wait that did not fit is at most the longest.
            assert!(total <= IN_ALL && total + LONGEST >= IN_ALL, "{total:?}");
        }
    }

    #[test]
    fn two_processes_do_not_wait_in_step() {
        let waits = |seed| Patience::new(seed).collect::<Vec<_>>();
        assert_ne!(waits(4711), waits(4713));
    }
}
