//! Pings go in rounds: what is due at about the same time is sent at the same time. Pure.
//!
//! A ping is cheap and waking up for it is not: the code that it runs has left the processor's
//! caches since the last one, and a hundred workers would wake the agent up fifty times a second.
//! The length of a round is also the width of a slot in the upper part of tokio's timer wheel, which
//! looks at all that a slot holds when it begins. A timer that ends there costs one wake-up, any
//! other that is set for longer costs two.

use std::time::Duration;

use tokio::time::Instant;

/// Time between two rounds.
const ROUND: Duration = Duration::from_millis(64);

/// When rounds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    first: Instant,
}

impl Rounds {
    /// Rounds from this moment on. To save the second wake-up it has to be that at which the runtime
    /// starts, and not later.
    pub fn since(first: Instant) -> Self {
        Self { first }
    }

    /// The first round in which something goes that is due at `due`: now, if that has passed.
    pub(crate) fn for_due(self, due: Instant, now: Instant) -> Instant {
        if due <= now {
            return due;
        }
        let since = due.saturating_duration_since(self.first).as_nanos();
        let beyond = since % ROUND.as_nanos();
        let missing = (ROUND.as_nanos() - beyond) % ROUND.as_nanos();
        due + Duration::from_nanos(u64::try_from(missing).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Instant {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async { Instant::now() })
    }

    #[test]
    fn what_is_due_goes_at_once() {
        let start = start();
        let rounds = Rounds::since(start);
        let late = start + Duration::from_millis(70);
        assert_eq!(rounds.for_due(late, late), late);
        assert_eq!(rounds.for_due(start, late), start);
    }

    #[test]
    fn pings_of_one_round_go_together() {
        let start = start();
        let rounds = Rounds::since(start);
        let at = |millis| start + Duration::from_millis(millis);
        for (due, goes) in [(1, 64), (63, 64), (64, 64), (65, 128), (2000, 2048)] {
            assert_eq!(rounds.for_due(at(due), start), at(goes), "{due}");
        }
    }

    proptest! {
        #[test]
        fn nothing_goes_early_or_waits_for_more_than_a_round(nanos in 1_u64..90_000_000_000_000) {
            let start = start();
            let due = start + Duration::from_nanos(nanos);
            let goes = Rounds::since(start).for_due(due, start);
            prop_assert!(goes >= due && goes < due + ROUND);
            prop_assert_eq!((goes - start).as_nanos() % ROUND.as_nanos(), 0);
        }
    }
}
