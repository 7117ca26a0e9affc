//! Whether a worker is there, and what it is doing.

use std::time::Duration;

use crate::Order;

/// What the server knows of a worker's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Known, not connected yet.
    Registered,
    /// There, when last heard of.
    Connected,
    /// Silent for too long. It may come back; what it held has ended without it.
    Lost,
    /// Said goodbye. Only a new connect brings it back.
    Disconnected,
}

/// What a worker is doing, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Known, not connected yet.
    Registered,
    /// Connected and free.
    Idle,
    /// Connected, free, and asked to take no jobs or to leave.
    Paused,
    /// Connected and holding a job.
    Busy,
    /// Silent for too long.
    Lost,
    /// Gone by its own will.
    Disconnected,
}

impl Presence {
    const ALL: [Self; 4] = [
        Self::Registered,
        Self::Connected,
        Self::Lost,
        Self::Disconnected,
    ];

    /// The spelling in the database and in the REST API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Connected => "connected",
            Self::Lost => "lost",
            Self::Disconnected => "disconnected",
        }
    }

    /// Reads what [`Presence::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// The worker pinged or sent a heartbeat. Nothing when it may not: it had said goodbye.
    #[must_use]
    pub const fn heard(self) -> Option<Self> {
        match self {
            Self::Registered | Self::Connected | Self::Lost => Some(Self::Connected),
            Self::Disconnected => None,
        }
    }

    /// The worker as it is after `silence` without a word, when `limit` is the longest that is
    /// borne. The caller counts silence from its own start at the earliest: a server that was away
    /// has not heard of anybody.
    #[must_use]
    pub fn after(self, silence: Duration, limit: Duration) -> Self {
        match self {
            Self::Registered | Self::Connected if silence >= limit => Self::Lost,
            other => other,
        }
    }

    /// Puts presence, work and what was asked of the worker together. A job is worth more words
    /// than a pause that comes after it.
    pub const fn standing(self, holds_a_job: bool, order: &Order) -> Standing {
        match self {
            Self::Registered => Standing::Registered,
            Self::Connected if holds_a_job => Standing::Busy,
            Self::Connected => match order {
                Order::Work => Standing::Idle,
                Order::Pause { .. } | Order::Stop => Standing::Paused,
            },
            Self::Lost => Standing::Lost,
            Self::Disconnected => Standing::Disconnected,
        }
    }
}

impl Standing {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Idle => "idle",
            Self::Paused => "paused",
            Self::Busy => "busy",
            Self::Lost => "lost",
            Self::Disconnected => "disconnected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(2);

    #[test]
    fn a_silent_worker_is_lost_and_its_next_word_brings_it_back() {
        let lost = Presence::Connected.after(LIMIT, LIMIT);
        assert_eq!(lost, Presence::Lost);
        assert_eq!(lost.heard(), Some(Presence::Connected));
    }

    #[test]
    fn a_worker_that_is_heard_in_time_stays() {
        let silence = LIMIT.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(
            Presence::Connected.after(silence, LIMIT),
            Presence::Connected
        );
    }

    #[test]
    fn goodbye_is_neither_silence_nor_undone_by_a_ping() {
        let gone = Presence::Disconnected;
        assert_eq!(gone.after(LIMIT * 10, LIMIT), gone);
        assert_eq!(gone.heard(), None);
    }

    #[test]
    fn only_a_connected_worker_is_called_busy() {
        for (presence, standing) in [
            (Presence::Registered, Standing::Registered),
            (Presence::Connected, Standing::Busy),
            (Presence::Lost, Standing::Lost),
            (Presence::Disconnected, Standing::Disconnected),
        ] {
            for order in [Order::Work, Order::Stop] {
                assert_eq!(presence.standing(true, &order), standing);
            }
        }
        let free = |order| Presence::Connected.standing(false, &order);
        assert_eq!(free(Order::Work), Standing::Idle);
        assert_eq!(free(Order::Stop), Standing::Paused);
    }
}
