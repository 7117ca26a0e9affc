//! What clocks say of the present: this host's, the server's, and the build. Pure.
//!
//! No clock but a signed one is ever written down; these only decide whether a manifest may still be
//! adopted, and what `status.json` says about them.

use jiff::Timestamp;
use shared_fetch::ServerDate;
use shared_release::Clocks;

/// When this program was built, in seconds since 1970, if the build was told:
/// <https://reproducible-builds.org/specs/source-date-epoch/>.
const BUILT: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

/// What the last answers said.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The date of the answer at hand.
    server: Option<ServerDate>,
    /// The server's clock minus this host's, in seconds.
    skew: Option<i64>,
}

impl Clock {
    /// An answer came at `wall`, with or without a date; or none did.
    pub(crate) fn heard(&mut self, date: Option<ServerDate>, wall: Timestamp) {
        self.server = date;
        if let Some(date) = date {
            self.skew = Some(date.at.as_second() - wall.as_second());
        }
    }

    /// The server's clock minus this host's, in seconds, as of the last answer with a date.
    pub(crate) const fn skew(&self) -> Option<i64> {
        self.skew
    }

    /// What is known of the present.
    pub(crate) fn clocks(&self, wall: Timestamp) -> Clocks {
        Clocks {
            wall,
            built: BUILT.and_then(built),
            server: self
                .server
                .filter(|date| date.is_proved)
                .map(|date| date.at),
        }
    }
}

fn built(seconds: &str) -> Option<Timestamp> {
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn said(second: i64, is_proved: bool) -> ServerDate {
        let at = at(second);
        ServerDate { at, is_proved }
    }

    #[test]
    fn only_a_proved_date_of_the_answer_at_hand_counts_for_adoption() {
        let mut clock = Clock::default();
        for (date, server) in [
            (Some(said(500, true)), Some(at(500))),
            (Some(said(500, false)), None),
            (None, None),
        ] {
            clock.heard(date, at(100));
            assert_eq!(clock.clocks(at(100)).server, server, "{date:?}");
        }
    }

    #[test]
    fn the_skew_is_that_of_the_last_answer_with_a_date() {
        let mut clock = Clock::default();
        assert_eq!(clock.skew(), None);
        clock.heard(Some(said(40, false)), at(100));
        clock.heard(None, at(200));
        assert_eq!(clock.skew(), Some(-60));
    }

    #[test]
    fn a_build_that_was_told_its_time_hands_it_on() {
        assert_eq!(built("86400"), Some(at(86_400)));
        assert_eq!(built("soon"), None);
    }
}
