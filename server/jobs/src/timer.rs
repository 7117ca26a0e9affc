//! Which events time alone brings about.

use std::time::Duration;

use crate::{Event, Moment, State};

/// How long a worker may sit on a job that it accepted and did not begin. Then it has lost track of
/// the job: the answer to its accept never reached it.
pub const START_LIMIT: Duration = Duration::from_mins(10);

/// How long a worker that is there may take to end a job that is to stop. Far beyond any grace that
/// a job is given: after that nobody waits for its report any more.
pub const STOP_LIMIT: Duration = Duration::from_hours(1);

/// The event that is due for a job now, if one is. `limit` is the job's time limit from its start.
pub fn due(state: &State, limit: Option<Duration>, now: Moment) -> Option<Event> {
    match state {
        State::Assigned { until, .. } if *until <= now => Some(Event::LeaseOver),
        State::Accepted { agent, at } if now.since(*at) >= START_LIMIT => Some(Event::AgentGone {
            agent: agent.clone(),
        }),
        State::Running { started, .. }
            if limit.is_some_and(|limit| now.since(*started) >= limit) =>
        {
            Some(Event::TimeUp)
        }
        State::Canceling { since, .. } if now.since(*since) >= STOP_LIMIT => Some(Event::StopOver),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shared_protocol::AgentId;

    use super::*;
    use crate::CancelReason;

    const NOW: Moment = Moment::from_millis(1_000_000);

    #[test]
    fn a_lease_and_a_time_limit_are_due_at_their_very_moment() {
        let agent = AgentId::new("a");
        let assigned = |until| State::Assigned {
            agent: agent.clone(),
            until: Moment::from_millis(until),
        };
        assert_eq!(due(&assigned(1_000_001), None, NOW), None);
        assert_eq!(due(&assigned(1_000_000), None, NOW), Some(Event::LeaseOver));
        let running = State::Running {
            agent: agent.clone(),
            started: Moment::from_millis(994_000),
        };
        assert_eq!(due(&running, None, NOW), None);
        assert_eq!(due(&running, Some(Duration::from_millis(6_001)), NOW), None);
        assert_eq!(
            due(&running, Some(Duration::from_secs(6)), NOW),
            Some(Event::TimeUp)
        );
    }

    #[test]
    fn a_job_that_is_accepted_and_never_begun_is_taken_from_its_worker() {
        let accepted = |at| State::Accepted {
            agent: AgentId::new("a"),
            at: Moment::from_millis(at),
        };
        assert_eq!(due(&accepted(400_001), None, NOW), None);
        let gone = Event::AgentGone {
            agent: AgentId::new("a"),
        };
        assert_eq!(due(&accepted(400_000), None, NOW), Some(gone));
    }

    #[test]
    fn a_job_that_is_to_stop_is_not_waited_for_without_end() {
        let canceling = |since| State::Canceling {
            agent: AgentId::new("a"),
            started: None,
            since: Moment::from_millis(since),
            why: CancelReason::Asked,
        };
        let now = Moment::from_millis(3_600_500);
        assert_eq!(due(&canceling(501), None, now), None);
        assert_eq!(due(&canceling(500), None, now), Some(Event::StopOver));
    }
}
