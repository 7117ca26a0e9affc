//! What the endpoint wants of a worker, and what that worker does about it. Pure.

use shared_protocol::JobId;
use shared_protocol::agent::{PingAction, PingResponse};

/// What the endpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// There is nothing to do; a paused worker may take jobs again.
    Idle,
    /// Take no jobs until told otherwise.
    Pause,
    /// End, and do not come back.
    Disconnect,
    /// Accept this job and run it. It also ends a pause.
    Run(JobId),
}

impl Action {
    /// The word for it in metrics. The endpoint's word for a job is `idle`, too.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Idle | Self::Run(_) => "idle",
            Self::Pause => "pause",
            Self::Disconnect => "disconnect",
        }
    }

    /// What a ping's answer says.
    pub fn of_ping(ping: &PingResponse) -> Self {
        match ping.action {
            PingAction::Disconnect => Self::Disconnect,
            PingAction::Pause => Self::Pause,
            PingAction::Idle | PingAction::Other(_) => match &ping.job {
                Some(job) if !job.id.as_str().is_empty() => Self::Run(job.id.clone()),
                _ => Self::Idle,
            },
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: ask again in due time.
    Idle,
    /// Take no jobs until a later action says otherwise.
    Pause,
    /// Accept this job and run it.
    Run(JobId),
    /// End: disconnect and do not come back.
    Leave(Leave),
}

/// Why a worker ends of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The endpoint said so.
    Told,
    /// It has run the one job it was there for.
    JobDone,
    /// It has been there for as long as it should.
    TimeUp,
}

/// Decides on an action. `done` says why the worker is to leave as soon as nobody holds it: a pause
/// does, so that a person can look at the host.
pub fn next(action: Action, done: Option<Leave>) -> Next {
    match (action, done) {
        (Action::Disconnect, _) => Next::Leave(Leave::Told),
        (Action::Pause, _) => Next::Pause,
        (Action::Idle | Action::Run(_), Some(why)) => Next::Leave(why),
        (Action::Idle, None) => Next::Idle,
        (Action::Run(job), None) => Next::Run(job),
    }
}

#[cfg(test)]
mod tests {
    use shared_protocol::agent::OfferedJob;

    use super::*;

    #[test]
    fn every_answer_is_one_action() {
        let other = || PingAction::Other("dance".into());
        let run = Action::Run(JobId::new("j"));
        for (action, job, expected) in [
            (PingAction::Idle, None, Action::Idle),
            (PingAction::Idle, Some(""), Action::Idle),
            (PingAction::Idle, Some("j"), run.clone()),
            (other(), Some("j"), run),
            (PingAction::Pause, Some("j"), Action::Pause),
            (PingAction::Disconnect, Some("j"), Action::Disconnect),
        ] {
            let answer = PingResponse {
                action,
                job: job.map(|id| OfferedJob { id: JobId::new(id) }),
                ..PingResponse::default()
            };
            assert_eq!(Action::of_ping(&answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_worker_that_is_done_still_obeys_a_pause() {
        let run = || Action::Run(JobId::new("j"));
        let told = Next::Leave(Leave::Told);
        for (action, done, expected) in [
            (Action::Idle, None, Next::Idle),
            (run(), None, Next::Run(JobId::new("j"))),
            (Action::Pause, None, Next::Pause),
            (Action::Disconnect, None, told.clone()),
            (Action::Pause, Some(Leave::JobDone), Next::Pause),
            (
                Action::Idle,
                Some(Leave::JobDone),
                Next::Leave(Leave::JobDone),
            ),
            (run(), Some(Leave::TimeUp), Next::Leave(Leave::TimeUp)),
            (Action::Disconnect, Some(Leave::TimeUp), told),
        ] {
            assert_eq!(next(action.clone(), done), expected, "{action:?}");
        }
    }
}
