//! Which workers a pool should have. Pure: what is there and what is wanted in, what to do out.

use std::time::Duration;

use tokio::time::Instant;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Registering and connecting.
    Starting,
    /// Connected, without a job. `since` is when the endpoint first said that there is none.
    Ready {
        /// None until the endpoint has said so.
        since: Option<Instant>,
    },
    /// Told by the endpoint to take no jobs.
    Paused,
    /// Running a job.
    Busy,
}

/// One place for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Nobody is there; a worker may be started.
    Vacant,
    /// A worker is there.
    Live {
        /// What it does.
        activity: Activity,
        /// Whether it was asked to go as soon as it has no job.
        leaving: bool,
    },
    /// Its worker ended of its own accord: the endpoint said so, or its task is done. Nobody else
    /// takes the place.
    Ended,
}

/// What to do so that as many workers serve as are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Slots to start a worker in.
    pub start: Vec<usize>,
    /// Workers to ask to leave.
    pub dismiss: Vec<usize>,
    /// Workers that were asked to leave and should stay after all.
    pub keep: Vec<usize>,
}

/// Compares what is there with what is wanted. `slots` is at least as long as `wanted`.
///
/// Ended slots count as filled, so a worker that the endpoint sent away is not replaced. Surplus
/// workers go in the order: starting, idle, paused, busy; the later slot first.
pub fn changes(slots: &[Slot], wanted: usize) -> Changes {
    let mut changes = Changes::default();
    let serving = |slot: &Slot| matches!(slot, Slot::Live { leaving: false, .. } | Slot::Ended);
    let filled = slots.iter().filter(|slot| serving(slot)).count();
    if filled > wanted {
        changes.dismiss = dismissals(slots, filled - wanted);
        return changes;
    }
    let mut missing = wanted - filled;
    let pick = |matches: fn(&Slot) -> bool, missing: &mut usize| {
        let picked: Vec<usize> = (0..slots.len())
            .filter(|&index| matches(&slots[index]))
            .take(*missing)
            .collect();
        *missing -= picked.len();
        picked
    };
    changes.keep = pick(
        |slot| matches!(slot, Slot::Live { leaving: true, .. }),
        &mut missing,
    );
    changes.start = pick(|slot| *slot == Slot::Vacant, &mut missing);
    changes
}

fn dismissals(slots: &[Slot], surplus: usize) -> Vec<usize> {
    let mut candidates: Vec<(u8, std::cmp::Reverse<usize>)> = slots
        .iter()
        .enumerate()
        .filter_map(|(index, slot)| match slot {
            Slot::Live {
                activity,
                leaving: false,
            } => Some((reluctance(*activity), std::cmp::Reverse(index))),
            _ => None,
        })
        .collect();
    candidates.sort_unstable();
    candidates
        .into_iter()
        .take(surplus)
        .map(|(_, index)| index.0)
        .collect()
}

/// How late a worker is asked to leave.
fn reluctance(activity: Activity) -> u8 {
    match activity {
        Activity::Starting => 0,
        Activity::Ready { .. } => 1,
        Activity::Paused => 2,
        Activity::Busy => 3,
    }
}

/// When the whole pool has been idle for `timeout`; `None` while any worker is not idle. The clock
/// runs from the moment the last of them became idle.
pub fn idle_deadline(slots: &[Slot], timeout: Duration) -> Option<Instant> {
    let mut last = None;
    for slot in slots {
        match slot {
            Slot::Vacant | Slot::Ended => {}
            Slot::Live {
                activity: Activity::Ready { since: Some(since) },
                ..
            } => last = last.max(Some(*since)),
            Slot::Live { .. } => return None,
        }
    }
    last.map(|since| since + timeout)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE: Slot = live(Activity::Ready { since: None }, false);
    const BUSY: Slot = live(Activity::Busy, false);

    const fn live(activity: Activity, leaving: bool) -> Slot {
        Slot::Live { activity, leaving }
    }

    #[test]
    fn vacant_slots_are_filled_from_the_front() {
        let changes = changes(&[IDLE, Slot::Vacant, Slot::Vacant], 2);
        assert_eq!(changes.start, [1]);
        assert!(changes.dismiss.is_empty() && changes.keep.is_empty());
    }

    #[test]
    fn busy_workers_are_the_last_to_be_dismissed() {
        assert_eq!(changes(&[BUSY, IDLE, BUSY, IDLE], 2).dismiss, [3, 1]);
        assert_eq!(changes(&[BUSY, IDLE, BUSY], 0).dismiss, [1, 2, 0]);
    }

    #[test]
    fn taking_back_a_drain_keeps_who_is_still_there() {
        let leaving = live(Activity::Busy, true);
        let changes = changes(&[leaving, Slot::Vacant], 2);
        assert_eq!((changes.keep, changes.start), (vec![0], vec![1]));
    }

    #[test]
    fn a_worker_sent_away_by_the_endpoint_is_not_replaced() {
        assert_eq!(changes(&[Slot::Ended, IDLE], 2), Changes::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_is_idle_from_the_moment_its_last_worker_is() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let idle = |seconds| {
            live(
                Activity::Ready {
                    since: Some(at(seconds)),
                },
                false,
            )
        };
        let limit = Duration::from_mins(1);
        for (slots, deadline) in [
            (vec![idle(1), idle(5), Slot::Ended], Some(at(65))),
            (vec![idle(1), BUSY], None),
            (vec![idle(1), live(Activity::Paused, false)], None),
            (vec![idle(1), IDLE], None),
            (vec![Slot::Vacant], None),
        ] {
            assert_eq!(idle_deadline(&slots, limit), deadline, "{slots:?}");
        }
    }

    fn any_slot() -> impl Strategy<Value = Slot> {
        let activity = prop_oneof![
            Just(Activity::Starting),
            Just(Activity::Ready { since: None }),
            Just(Activity::Paused),
            Just(Activity::Busy),
        ];
        prop_oneof![
            Just(Slot::Vacant),
            Just(Slot::Ended),
            (activity, any::<bool>()).prop_map(|(activity, leaving)| live(activity, leaving)),
        ]
    }

    proptest! {
        #[test]
        fn after_the_changes_nothing_is_left_to_change(
            mut slots in prop::collection::vec(any_slot(), 1..12), wanted in 0_usize..12,
        ) {
            let wanted = wanted.min(slots.len());
            let first = changes(&slots, wanted);
            for index in first.start.iter().chain(&first.keep) {
                slots[*index] = live(Activity::Starting, false);
            }
            for index in &first.dismiss {
                let Slot::Live { leaving, .. } = &mut slots[*index] else {
                    panic!("dismissed an empty slot");
                };
                *leaving = true;
            }
            prop_assert_eq!(changes(&slots, wanted), Changes::default());
        }
    }
}
