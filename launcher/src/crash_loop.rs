//! A committed agent that ends again and again: when to try the version before it. Pure.
//!
//! Restarting with a growing wait is [`crate::keep_running`]'s; this looks at the row of ends. Five
//! in ten minutes are evidence enough against a version, and `previous` is put on trial. If that one
//! fails as well, the host is in *rescue*: both take turns every quarter of an hour, and any other
//! release is taken as soon as it is there, for there is nothing to lose.

use std::collections::VecDeque;
use std::time::Duration;

/// Ends within [`WINDOW`] that make a crash loop.
const ENOUGH: usize = 5;

const WINDOW: Duration = Duration::from_mins(10);

/// Time between two tries of the version before.
const TURN: Duration = Duration::from_mins(15);

/// What is known of the row of ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CrashLoop {
    /// When the committed agent ended by itself, oldest first; at most [`ENOUGH`].
    ends: VecDeque<Duration>,
    /// When the version before was put on trial last.
    fell_back: Option<Duration>,
    /// Whether that one failed, too.
    both_fail: bool,
}

impl CrashLoop {
    /// The committed agent ended by itself, without having done work.
    pub(crate) fn ended(&mut self, now: Duration) {
        if self.ends.len() == ENOUGH {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
    }

    /// Whether the version before should be tried now.
    pub(crate) fn wants_other(&self, now: Duration) -> bool {
        let turn_came = self.fell_back.is_none_or(|at| now >= at + TURN);
        self.is_looping(now) && turn_came
    }

    /// The version before is put on trial. The ends count from here on for whatever is committed
    /// next.
    pub(crate) fn falls_back(&mut self, now: Duration) {
        self.fell_back = Some(now);
    }

    /// The trial of the version before failed.
    pub(crate) fn other_failed(&mut self) {
        self.both_fail = self.fell_back.is_some();
    }

    /// Another version is committed, or this one has run long enough.
    pub(crate) fn recovered(&mut self) {
        *self = Self::default();
    }

    /// Whether no installed version runs: only an upgrade can help.
    pub(crate) const fn is_rescue(&self) -> bool {
        self.both_fail
    }

    fn is_looping(&self, now: Duration) -> bool {
        // With waits of a minute between them, five ends take less than ten minutes for ever.
        self.ends.len() == ENOUGH
            && self
                .ends
                .front()
                .is_some_and(|first| now.saturating_sub(*first) <= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn five_ends_in_ten_minutes_are_a_crash_loop_and_fewer_or_slower_ones_are_not() {
        let cases: [(&str, &[u64], u64, bool); 5] = [
            ("four", &[0, 1, 2, 3], 3, false),
            ("five at once", &[0, 1, 3, 7, 15], 15, true),
            ("five in ten minutes", &[0, 1, 2, 3, 600], 600, true),
            ("a second too slow", &[0, 1, 2, 3, 601], 601, false),
            (
                "the last five count",
                &[0, 700, 701, 702, 703, 704],
                704,
                true,
            ),
        ];
        for (name, ends, now, looping) in cases {
            let mut row = CrashLoop::default();
            for end in ends {
                row.ended(at(*end));
            }
            assert_eq!(row.wants_other(at(now)), looping, "{name}");
        }
    }

    #[test]
    fn when_both_fail_they_take_turns_every_quarter_of_an_hour() {
        let mut row = CrashLoop::default();
        let mut turns = Vec::new();
        for minute in 0..60 {
            row.ended(at(minute * 60));
            if row.wants_other(at(minute * 60)) {
                turns.push(minute);
                row.falls_back(at(minute * 60));
                row.other_failed();
            }
        }
        assert_eq!(turns, [4, 19, 34, 49]);
        assert!(row.is_rescue());
    }

    #[test]
    fn a_version_that_runs_ends_the_rescue() {
        let mut row = CrashLoop::default();
        (0..5).for_each(|second| row.ended(at(second)));
        row.falls_back(at(5));
        assert!(!row.is_rescue(), "one version alone is no rescue");
        row.other_failed();
        assert!(row.is_rescue());
        row.recovered();
        assert!(!row.is_rescue() && !row.wants_other(at(6)));
    }

    #[test]
    fn a_trial_that_failed_without_a_crash_loop_is_no_rescue() {
        let mut row = CrashLoop::default();
        row.other_failed();
        assert!(!row.is_rescue());
    }
}
