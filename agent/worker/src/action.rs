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
}

/// Decides on an action. `ran_one` is true in disconnect-after-job mode after the job.
pub fn next(action: Action, ran_one: bool) -> Next {
    match action {
        Action::Disconnect => Next::Leave(Leave::Told),
        Action::Pause => Next::Pause,
        Action::Idle | Action::Run(_) if ran_one => Next::Leave(Leave::JobDone),
        Action::Idle => Next::Idle,
        Action::Run(job) => Next::Run(job),
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
    fn a_worker_that_has_run_its_one_job_only_still_obeys_a_pause() {
        let run = || Action::Run(JobId::new("j"));
        let done = Next::Leave(Leave::JobDone);
        for (action, ran_one, expected) in [
            (Action::Idle, false, Next::Idle),
            (run(), false, Next::Run(JobId::new("j"))),
            (Action::Pause, false, Next::Pause),
            (Action::Disconnect, false, Next::Leave(Leave::Told)),
            (Action::Pause, true, Next::Pause),
            (Action::Idle, true, done.clone()),
            (run(), true, done),
            (Action::Disconnect, true, Next::Leave(Leave::Told)),
        ] {
            assert_eq!(next(action.clone(), ran_one), expected, "{action:?}");
        }
    }
}
