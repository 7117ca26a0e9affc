//! What a worker was asked to do about new jobs. Pure.
//!
//! ```text
//!        pause, again with another note or end
//! work ◀───────────────────────────────────────▶ pause ──stop──▶ stop
//!   │            resume, or its time is over                      ▲
//!   └──────────────────────────────────stop───────────────────────┘
//! ```
//!
//! A stop is not taken back: the worker may have heard it already. Nothing here touches the job that
//! the worker holds.

use std::time::Duration;

use crate::Moment;

/// How a worker stands towards new jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Order {
    /// It takes them.
    #[default]
    Work,
    /// It stays and takes none.
    Pause {
        /// Why, for people; may be empty.
        note: String,
        /// When the pause ends by itself, if it does.
        until: Option<Moment>,
    },
    /// It takes none and leaves.
    Stop,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// No jobs for now.
    Pause {
        /// Why, for people; may be empty.
        note: String,
        /// How long; without it until [`Ask::Resume`].
        time: Option<Duration>,
    },
    /// Jobs again.
    Resume,
    /// No jobs any more.
    Stop,
}

impl Order {
    /// The order after somebody asked for something. A later word about a pause replaces an earlier
    /// one; a stop stays.
    #[must_use]
    pub fn after(self, ask: Ask, now: Moment) -> Self {
        match (self, ask) {
            (Self::Stop, _) | (_, Ask::Stop) => Self::Stop,
            (_, Ask::Resume) => Self::Work,
            (_, Ask::Pause { note, time }) => Self::Pause {
                note,
                until: time.map(|time| now.plus(time)),
            },
        }
    }

    /// The order as it counts at `now`: a pause whose time is over is none.
    #[must_use]
    pub fn at(&self, now: Moment) -> &Self {
        match self {
            Self::Pause {
                until: Some(until), ..
            } if *until <= now => &Self::Work,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_millis(1_000_000);

    fn pause(note: &str, until: Option<u64>) -> Order {
        Order::Pause {
            note: note.into(),
            until: until.map(Moment::from_millis),
        }
    }

    fn ask(note: &str, seconds: Option<u64>) -> Ask {
        Ask::Pause {
            note: note.into(),
            time: seconds.map(Duration::from_secs),
        }
    }

    #[test]
    fn the_last_word_about_a_pause_counts_and_a_stop_stays() {
        for (order, asked, expected) in [
            (Order::Work, ask("a", None), pause("a", None)),
            (Order::Work, ask("", Some(60)), pause("", Some(1_060_000))),
            (pause("a", Some(5)), ask("b", None), pause("b", None)),
            (pause("a", None), Ask::Resume, Order::Work),
            (Order::Work, Ask::Resume, Order::Work),
            (pause("a", None), Ask::Stop, Order::Stop),
            (Order::Work, Ask::Stop, Order::Stop),
            (Order::Stop, ask("a", None), Order::Stop),
            (Order::Stop, Ask::Resume, Order::Stop),
        ] {
            let seen = order.clone().after(asked.clone(), NOW);
            assert_eq!(seen, expected, "{order:?}, {asked:?}");
        }
    }

    #[test]
    fn a_pause_ends_when_its_time_is_over() {
        let order = pause("", Some(1_000_001));
        assert_eq!(order.at(NOW), &order);
        assert_eq!(pause("", Some(1_000_000)).at(NOW), &Order::Work);
        assert_eq!(Order::Stop.at(NOW), &Order::Stop);
        let for_ever = Order::default().after(ask("", Some(u64::MAX)), NOW);
        assert_eq!(for_ever.at(NOW), &for_ever);
    }
}
