//! The floor below which a line is given up. Pure: moments and bytes in, a verdict out.
//!
//! A server that sends one byte a second is never silent, and a file would take months. A line has
//! to bring [`FLOOR`] bytes per second on average over the last [`WINDOW`]; slower lines are of no
//! use for releases of some megabytes, and what came is kept for the next try.

use std::collections::VecDeque;
use std::time::Duration;

/// Bytes per second that a line has to bring.
const FLOOR: u64 = 1024;

/// Over how long a time they are counted.
pub(crate) const WINDOW: Duration = Duration::from_mins(5);

/// How far apart the marks are from which the window is measured.
const STEP: Duration = Duration::from_secs(10);

/// What came when.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    floor: u64,
    total: u64,
    marks: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// A line that starts at the moment zero and may be held to `bandwidth` bytes per second by
    /// ourselves: then half of that is asked at most.
    pub(crate) fn new(bandwidth: Option<u64>) -> Self {
        let floor = bandwidth.map_or(FLOOR, |cap| FLOOR.min(cap / 2));
        Self {
            floor: floor * WINDOW.as_secs(),
            total: 0,
            marks: VecDeque::from([(Duration::ZERO, 0)]),
        }
    }

    /// Counts bytes that came at `now`. `Err` has the bytes of the last window, when they are too
    /// few.
    pub(crate) fn count(&mut self, bytes: u64, now: Duration) -> Result<(), u64> {
        self.total += bytes;
        let age = |mark: &(Duration, u64)| now.saturating_sub(mark.0);
        if self.marks.back().is_none_or(|mark| age(mark) >= STEP) {
            self.marks.push_back((now, self.total));
        }
        // The first mark is the youngest that is a whole window old.
        while self.marks.get(1).is_some_and(|mark| age(mark) >= WINDOW) {
            self.marks.pop_front();
        }
        match self.marks.front() {
            Some(mark) if age(mark) >= WINDOW && self.total - mark.1 < self.floor => {
                Err(self.total - mark.1)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after which a line is given up that brings so many bytes each second.
    fn ends_after(bandwidth: Option<u64>, bytes: impl Fn(u64) -> u64) -> Option<u64> {
        let mut pace = Pace::new(bandwidth);
        (1..7200).find(|second| {
            let now = Duration::from_secs(*second);
            pace.count(bytes(*second), now).is_err()
        })
    }

    #[test]
    fn a_trickle_ends_after_one_window() {
        assert_eq!(ends_after(None, |_| 1), Some(300));
        assert_eq!(ends_after(None, |_| 1000), Some(300));
    }

    #[test]
    fn a_slow_line_goes_on() {
        assert_eq!(ends_after(None, |_| 1100), None);
        let bursts = |second| if second % 60 == 0 { 100_000 } else { 0 };
        assert_eq!(ends_after(None, bursts), None);
    }

    #[test]
    fn a_fast_start_is_no_credit_for_a_trickle() {
        let end = ends_after(None, |second| if second < 600 { 1_000_000 } else { 1 });
        assert!((895..920).contains(&end.unwrap()), "{end:?}");
    }

    #[test]
    fn our_own_cap_is_not_the_fault_of_the_line() {
        assert_eq!(ends_after(Some(500), |_| 400), None);
        assert_eq!(ends_after(Some(500), |_| 200), Some(300));
        assert_eq!(ends_after(Some(1 << 30), |_| 1), Some(300));
    }
}
