//! Which workers a pool should have. Pure: what is there and what is wanted in, what to do out.

use std::time::Duration;

use tokio::time::Instant;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Registering, or registered and waiting for leave to connect.
    Held,
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

/// How many workers there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crew {
    /// So many serve.
    pub serving: usize,
    /// So many there are in all; those that do not serve are held.
    pub present: usize,
}

/// What to do so that as many workers serve as are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Slots to start a worker in that serves.
    pub start: Vec<usize>,
    /// Slots to start a worker in that is held.
    pub hold: Vec<usize>,
    /// Held workers that may serve now.
    pub release: Vec<usize>,
    /// Workers to ask to leave.
    pub dismiss: Vec<usize>,
    /// Workers that were asked to leave and should stay after all.
    pub keep: Vec<usize>,
}

/// Compares what is there with what is wanted. `slots` has room for all that are wanted.
///
/// Ended slots count as serving, so a worker that the endpoint sent away is not replaced. Surplus
/// workers go in the order: starting, idle, paused, busy; the later slot first. Nobody who serves
/// can be held again.
pub fn changes(slots: &[Slot], wanted: Crew) -> Changes {
    let mut changes = Changes::default();
    let count = |matches: fn(&Slot) -> bool| slots.iter().filter(|slot| matches(slot)).count();
    let serving = count(|slot| *slot == Slot::Ended || (is_live(slot, false) && !is_held(slot)));
    let mut held = pick(slots, usize::MAX, |slot| {
        is_live(slot, false) && is_held(slot)
    });
    let mut vacant = pick(slots, usize::MAX, |slot| *slot == Slot::Vacant).into_iter();
    if serving > wanted.serving {
        changes.dismiss = dismissals(slots, serving - wanted.serving);
    } else {
        let mut missing = wanted.serving - serving;
        changes.keep = pick(slots, missing, |slot| is_live(slot, true) && !is_held(slot));
        missing -= changes.keep.len();
        changes.release = held.drain(..missing.min(held.len())).collect();
        missing -= changes.release.len();
        changes.start = vacant.by_ref().take(missing).collect();
    }
    let wanted_held = wanted.present.saturating_sub(wanted.serving);
    if held.len() > wanted_held {
        changes.dismiss.extend(held.drain(wanted_held..));
    } else {
        changes.hold = vacant.take(wanted_held - held.len()).collect();
    }
    changes
}

fn is_live(slot: &Slot, leaves: bool) -> bool {
    matches!(slot, Slot::Live { leaving, .. } if *leaving == leaves)
}

fn is_held(slot: &Slot) -> bool {
    matches!(
        slot,
        Slot::Live {
            activity: Activity::Held,
            ..
        }
    )
}

/// The first `most` slots that match.
fn pick(slots: &[Slot], most: usize, matches: impl Fn(&Slot) -> bool) -> Vec<usize> {
    (0..slots.len())
        .filter(|&index| matches(&slots[index]))
        .take(most)
        .collect()
}

fn dismissals(slots: &[Slot], surplus: usize) -> Vec<usize> {
    let mut candidates: Vec<(u8, std::cmp::Reverse<usize>)> = slots
        .iter()
        .enumerate()
        .filter_map(|(index, slot)| match slot {
            Slot::Live {
                activity,
                leaving: false,
            } => Some((reluctance(*activity)?, std::cmp::Reverse(index))),
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

/// How late a worker that serves is asked to leave.
fn reluctance(activity: Activity) -> Option<u8> {
    match activity {
        Activity::Held => None,
        Activity::Starting => Some(0),
        Activity::Ready { .. } => Some(1),
        Activity::Paused => Some(2),
        Activity::Busy => Some(3),
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
    last?.checked_add(timeout)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE: Slot = live(Activity::Ready { since: None }, false);
    const BUSY: Slot = live(Activity::Busy, false);
    const HELD: Slot = live(Activity::Held, false);

    const fn live(activity: Activity, leaving: bool) -> Slot {
        Slot::Live { activity, leaving }
    }

    fn serving(count: usize) -> Crew {
        Crew {
            serving: count,
            present: count,
        }
    }

    #[test]
    fn vacant_slots_are_filled_from_the_front() {
        let changes = changes(&[IDLE, Slot::Vacant, Slot::Vacant], serving(2));
        assert_eq!(changes.start, [1]);
        assert!(changes.dismiss.is_empty() && changes.keep.is_empty());
    }

    #[test]
    fn busy_workers_are_the_last_to_be_dismissed() {
        let dismissed = |slots: &[Slot], wanted| changes(slots, serving(wanted)).dismiss;
        assert_eq!(dismissed(&[BUSY, IDLE, BUSY, IDLE], 2), [3, 1]);
        assert_eq!(dismissed(&[BUSY, IDLE, BUSY], 0), [1, 2, 0]);
    }

    #[test]
    fn taking_back_a_drain_keeps_who_is_still_there() {
        let leaving = live(Activity::Busy, true);
        let changes = changes(&[leaving, Slot::Vacant], serving(2));
        assert_eq!((changes.keep, changes.start), (vec![0], vec![1]));
    }

    #[test]
    fn a_worker_sent_away_by_the_endpoint_is_not_replaced() {
        let changes = changes(&[Slot::Ended, IDLE], serving(2));
        assert_eq!(changes, Changes::default());
    }

    #[test]
    fn who_is_held_takes_over_place_by_place_and_then_nobody_is() {
        let crew = |serving| Crew {
            serving,
            present: 2,
        };
        let vacant = changes(&[Slot::Vacant; 2], crew(0));
        assert_eq!((vacant.hold, vacant.start), (vec![0, 1], vec![]));
        assert_eq!(changes(&[HELD, HELD], crew(0)), Changes::default());
        assert_eq!(changes(&[HELD, HELD], crew(1)).release, [0]);
        assert_eq!(changes(&[IDLE, HELD], crew(2)).release, [1]);
        assert_eq!(changes(&[IDLE, HELD], serving(1)).dismiss, [1]);
    }

    #[test]
    fn who_serves_is_not_held_again() {
        let wanted = Crew {
            serving: 0,
            present: 1,
        };
        let found = changes(&[IDLE, Slot::Vacant], wanted);
        assert_eq!((found.dismiss, found.hold), (vec![0], vec![1]));
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
            Just(Activity::Held),
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
            mut slots in prop::collection::vec(any_slot(), 1..12),
            serving in 0_usize..12,
            present in 0_usize..12,
        ) {
            let wanted = Crew { serving, present };
            slots.resize(slots.len() + serving.max(present), Slot::Vacant);
            let first = changes(&slots, wanted);
            for index in first.start.iter().chain(&first.keep).chain(&first.release) {
                slots[*index] = live(Activity::Starting, false);
            }
            for index in &first.hold {
                slots[*index] = HELD;
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
