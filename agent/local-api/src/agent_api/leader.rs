//! Who leads, decided by what is seen of the leader. Pure: the clock is a value.

use std::time::Duration;

use tokio::time::Instant;

/// The limit of one look at another leader, and the time between two.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// Between two looks whether this agent still leads.
const OWN_LOOK: Duration = Duration::from_secs(1);
/// A leader that listens but says nothing for so long has hung. Taking its place loses every lock,
/// so a busy host must not be mistaken for that.
const HUNG: Duration = Duration::from_secs(5);

/// What a look showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The link names this agent.
    Own,
    /// Another agent answers.
    Alive,
    /// Somebody listens and does not answer.
    Silent,
    /// There is no link, or nobody listens behind it.
    Gone,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Look again after this time.
    Look(Duration),
    /// Take the leader's place, then look.
    TakeOver,
}

/// What an agent remembers between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Watch {
    silent_since: Option<Instant>,
}

impl Watch {
    /// The next step after a look at `now`.
    pub(super) fn after(self, seen: Seen, now: Instant) -> (Self, Step) {
        let calm = Self { silent_since: None };
        match seen {
            Seen::Own => (calm, Step::Look(OWN_LOOK)),
            Seen::Alive => (calm, Step::Look(LOOK)),
            Seen::Gone => (calm, Step::TakeOver),
            Seen::Silent => {
                let since = self.silent_since.unwrap_or(now);
                if now - since >= HUNG {
                    return (calm, Step::TakeOver);
                }
                (
                    Self {
                        silent_since: Some(since),
                    },
                    Step::Look(LOOK),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(seen: &[(Seen, u64)]) -> Vec<Step> {
        let start = Instant::now();
        let mut watch = Watch::default();
        let mut steps = Vec::new();
        for (seen, millis) in seen {
            let step;
            (watch, step) = watch.after(*seen, start + Duration::from_millis(*millis));
            steps.push(step);
        }
        steps
    }

    #[test]
    fn a_leader_that_is_gone_is_replaced_at_once() {
        assert_eq!(
            steps(&[(Seen::Alive, 0), (Seen::Gone, 100), (Seen::Own, 200)]),
            [Step::Look(LOOK), Step::TakeOver, Step::Look(OWN_LOOK)]
        );
    }

    #[test]
    fn a_busy_leader_is_not_replaced_and_a_hung_one_is() {
        use Seen::{Alive, Silent};
        let look = Step::Look(LOOK);
        assert_eq!(
            steps(&[
                (Silent, 0),
                (Silent, 4999),
                (Alive, 5100),
                (Silent, 5200),
                (Silent, 10_199)
            ]),
            [look; 5]
        );
        assert_eq!(
            steps(&[(Silent, 0), (Silent, 1000), (Silent, 5000)]),
            [look, look, Step::TakeOver]
        );
    }
}
