//! Which version has a turn when the committed one ends again and again. Pure: ends and times in,
//! a turn out.
//!
//! ```text
//! Slot ──5 ends in 10 min──▶ Previous ──gone──▶ Rescue ──15 min──▶ Slot …
//!   ▲                           │ healthy: it is committed, and has the slot's turn
//!   └───────────────────────────┘ 5 ends of that one in 10 min: Rescue
//! ```
//!
//! It never stops: a host whose trouble passes, be it a full disk or a server that was down, comes
//! back by itself with whichever version has its turn then. The times are those of the shortest
//! restart delay of one second, and shrink and grow with it.

use std::time::Duration;

/// Ends within [`WINDOW`] that make a crash loop.
const ENOUGH: usize = 5;

/// In shortest restart delays: ten minutes.
const WINDOW: u32 = 600;

/// In shortest restart delays: a quarter of an hour.
const RESCUE: u32 = 900;

/// Who has a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// What the slot says: the trial, the committed version.
    Slot,
    /// The previous version, as a trial.
    Previous,
    /// The factory launcher, whose task is to fetch another release, until this time.
    Rescue {
        /// Measured as the times that are handed in.
        until: Duration,
    },
}

/// What is known of the row of ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrashLoop {
    shortest: Duration,
    turn: Turn,
    /// When what the slot names ended, oldest first; fewer than [`ENOUGH`].
    ends: Vec<Duration>,
    /// Whether the previous version had its turn in this round.
    fell_back: bool,
}

impl CrashLoop {
    /// Begins; `shortest` is the shortest restart delay.
    pub(crate) const fn new(shortest: Duration) -> Self {
        Self {
            shortest,
            turn: Turn::Slot,
            ends: Vec::new(),
            fell_back: false,
        }
    }

    /// Another version is committed.
    pub(crate) fn begin_anew(self) -> Self {
        Self::new(self.shortest)
    }

    /// Who has the turn now.
    pub(crate) const fn turn(&self) -> Turn {
        self.turn
    }

    /// What was started ended by itself at `now` after a run of `lasted`; `committed` says whether
    /// the slot names it as committed by now.
    pub(crate) fn ended(mut self, now: Duration, lasted: Duration, committed: bool) -> Self {
        if lasted >= self.shortest.saturating_mul(WINDOW) {
            // That long is no crash loop, whoever had the turn.
            self = Self::new(self.shortest);
        }
        match self.turn {
            Turn::Rescue { .. } => self.looked_at(now),
            Turn::Previous if !committed => self.rescue(now),
            Turn::Previous | Turn::Slot => self.count(now),
        }
    }

    /// A turn that has come to its end passes on.
    pub(crate) fn looked_at(self, now: Duration) -> Self {
        match self.turn {
            Turn::Rescue { until } if now >= until => Self::new(self.shortest),
            _ => self,
        }
    }

    /// There is nothing to start in this turn.
    pub(crate) fn has_none(self, now: Duration) -> Self {
        match self.turn {
            Turn::Previous => self.rescue(now),
            Turn::Slot | Turn::Rescue { .. } => Self::new(self.shortest),
        }
    }

    fn count(mut self, now: Duration) -> Self {
        let window = self.shortest.saturating_mul(WINDOW);
        self.turn = Turn::Slot;
        self.ends.retain(|end| now.saturating_sub(*end) < window);
        self.ends.push(now);
        if self.ends.len() < ENOUGH {
            return self;
        }
        self.ends.clear();
        if self.fell_back {
            return self.rescue(now);
        }
        self.fell_back = true;
        self.turn = Turn::Previous;
        self
    }

    fn rescue(mut self, now: Duration) -> Self {
        let until = now.saturating_add(self.shortest.saturating_mul(RESCUE));
        self.turn = Turn::Rescue { until };
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What happens, at which second.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        /// An end after a run of so many seconds, of a version that is committed.
        End(u64, u64),
        /// The same of one that is not.
        TrialEnd(u64, u64),
        Look(u64),
        None(u64),
    }

    fn after(steps: &[Step]) -> Turn {
        let at = Duration::from_secs;
        let begin = CrashLoop::new(SECOND);
        let end = steps.iter().fold(begin, |row, step| match *step {
            Step::End(now, lasted) => row.ended(at(now), at(lasted), true),
            Step::TrialEnd(now, lasted) => row.ended(at(now), at(lasted), false),
            Step::Look(now) => row.looked_at(at(now)),
            Step::None(now) => row.has_none(at(now)),
        });
        end.turn()
    }

    const fn rescue(until: u64) -> Turn {
        Turn::Rescue {
            until: Duration::from_secs(until),
        }
    }

    #[test]
    fn turns_pass_on_as_the_drawing_says() {
        use Step::{End, Look, None, TrialEnd};
        let five = [End(1, 0), End(3, 0), End(7, 0), End(15, 0), End(31, 0)];
        let with = |more: &[Step]| [&five[..], more].concat();
        for (steps, turn) in [
            (vec![], Turn::Slot),
            (five[..4].to_vec(), Turn::Slot),
            (five.to_vec(), Turn::Previous),
            // The fifth comes more than ten minutes after the first.
            ([&five[..4], &[End(602, 0)]].concat(), Turn::Slot),
            // A run of ten minutes ends every row.
            ([&five[..4], &[End(605, 600)]].concat(), Turn::Slot),
            // The previous version is gone, or there is none.
            (with(&[TrialEnd(40, 1)]), rescue(940)),
            (with(&[None(32)]), rescue(932)),
            // It was healthy, is committed and crashes like the other.
            (with(&[End(40, 5), End(41, 0)]), Turn::Slot),
            (
                with(&[End(40, 5), End(41, 0), End(42, 0), End(43, 0), End(44, 0)]),
                rescue(944),
            ),
            // It was healthy for a long time.
            (with(&[End(2000, 1900)]), Turn::Slot),
            // The rescue goes on until its time is over, however often it ends.
            (with(&[None(40), End(41, 0), End(900, 0)]), rescue(940)),
            (with(&[None(40), End(940, 0)]), Turn::Slot),
            (with(&[None(40), Look(939)]), rescue(940)),
            (with(&[None(40), Look(940)]), Turn::Slot),
            (with(&[None(40), None(41)]), Turn::Slot),
        ] {
            assert_eq!(after(&steps), turn, "{steps:?}");
        }
    }

    proptest! {
        #[test]
        fn every_version_gets_its_turn_however_they_crash(
            lasted in 0..50_u64,
            healthy in any::<bool>(),
        ) {
            let mut row = CrashLoop::new(SECOND);
            let mut now = Duration::ZERO;
            let (mut previous, mut rescued, mut back) = (false, false, false);
            for _ in 0..200 {
                now += Duration::from_secs(lasted + 1);
                let committed = row.turn() == Turn::Slot || healthy;
                row = row.ended(now, Duration::from_secs(lasted), committed);
                previous |= row.turn() == Turn::Previous;
                back |= rescued && row.turn() == Turn::Slot;
                rescued |= matches!(row.turn(), Turn::Rescue { .. });
            }
            prop_assert!(previous && rescued);
            prop_assert!(back || lasted < 5);
        }
    }
}
