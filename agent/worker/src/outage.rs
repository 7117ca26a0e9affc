//! One line when the endpoint stops answering, one when it is back, none in between. Pure.
//!
//! All workers of a process share one of these: the endpoint is down for all of them, and ten
//! thousand hosts times spawn times pings would be the wrong number of lines.

use std::time::Duration;

use tokio::time::Instant;

/// Whether the endpoint answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outage {
    began: Option<Instant>,
    failures: u64,
}

/// A line worth logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The endpoint stopped answering.
    Began,
    /// It answers again.
    Ended {
        /// How long it did not.
        lasted: Duration,
        /// How many requests failed meanwhile.
        failures: u64,
    },
}

impl Outage {
    /// A request was answered.
    pub fn answered(&mut self, now: Instant) -> Option<Note> {
        let began = self.began.take()?;
        let failures = std::mem::take(&mut self.failures);
        Some(Note::Ended {
            lasted: now - began,
            failures,
        })
    }

    /// A request failed.
    pub fn failed(&mut self, now: Instant) -> Option<Note> {
        self.failures += 1;
        match self.began {
            Some(_) => None,
            None => {
                self.began = Some(now);
                Some(Note::Began)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_noted_at_its_two_ends_only() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut outage = Outage::default();
        assert_eq!(outage.answered(at(0)), None);
        assert_eq!(outage.failed(at(1)), Some(Note::Began));
        assert_eq!(outage.failed(at(2)), None);
        assert_eq!(outage.failed(at(3)), None);
        let ended = Note::Ended {
            lasted: Duration::from_secs(4),
            failures: 3,
        };
        assert_eq!(outage.answered(at(5)), Some(ended));
        assert_eq!(outage.answered(at(6)), None);
        assert_eq!(outage.failed(at(7)), Some(Note::Began));
    }
}
