//! The upgrade as a state machine: from "ask the server" to "committed" or "rejected".
//!
//! The graph of its states is drawn from this code into `docs/life-of-an-upgrade.md`; a test keeps
//! the two the same.
//!
//! Pure: [`Upgrade::next`] takes the state by value, an event and the time, and returns the next
//! state with the effects to carry out. Whatever must survive a crash is made durable by the
//! effect that leads to a state ([`Effect::Arm`], [`Effect::Settle`]), so that the event which
//! reports it comes only after. This module does no I/O and never talks to an agent.

mod event;
mod task;

use std::time::Duration;

use shared_handover::layout::Component;
use shared_slots::Digest;

pub(crate) use event::{Effect, Event, Now, Verdict};
pub(crate) use task::{Block, Cause, Supply, Task};

use crate::keep_running::{LONGEST_WAIT, wait_after};

/// The longest rest between two checks that a failing server can bring about.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// Where an upgrade stands. `failures` counts tries that led to nothing, for the back-off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// Nothing is under way; the server is asked at `due`.
    Idle { due: Duration, failures: u32 },
    /// The manifest is being fetched and verified.
    Checking { failures: u32 },
    /// The file is coming: so many bytes of what is to be transferred are there, of so many.
    Downloading {
        task: Task,
        received: (u64, u64),
        failures: u32,
    },
    /// The file is being sealed into the store.
    Staging { task: Task, failures: u32 },
    /// Something stands in the way that is no failure; all is looked at anew at `due`.
    Waiting {
        task: Task,
        why: Block,
        due: Duration,
        failures: u32,
    },
    /// The page that puts it on trial is being written.
    Arming { task: Task, failures: u32 },
    /// The agent with this digest is on trial, and watched. The server is asked at `due`, for a
    /// newer manifest may end this, unless it is being `asked`.
    Trying {
        digest: Digest,
        due: Duration,
        asked: bool,
        failures: u32,
    },
    /// The page with the verdict is being written.
    Settling {
        digest: Digest,
        verdict: Verdict,
        failures: u32,
    },
    /// A launcher is on trial; this one ends so that the bootstrapper can start it.
    Leaving,
}

/// The states without their data: what status and graph call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Idle,
    Checking,
    Downloading,
    Staging,
    Waiting,
    Arming,
    Trying,
    Settling,
    Leaving,
}

impl Upgrade {
    /// The state and the effects that follow. An event that does not fit the state changes nothing.
    #[must_use]
    pub(crate) fn next(self, event: Event, now: Now) -> (Self, Vec<Effect>) {
        match event {
            Event::Tick | Event::AskNow | Event::Asked => self.woken(&event, now),
            Event::Failed { rest } => (self.failed(rest, now), vec![]),
            Event::NotStarted => (self.not_started(now), vec![]),
            Event::Blocked { task, why, until } => (self.blocked(task, why, until, now), vec![]),
            Event::FallBack(task) if self.may_give_way() => Self::arm(task, self.failures()),
            event => self.advance(event, now),
        }
    }

    /// What the step under way reported when it went well.
    fn advance(self, event: Event, now: Now) -> (Self, Vec<Effect>) {
        let failures = self.failures();
        match (self, event) {
            (Self::Idle { .. }, Event::Resumed(digest)) => Self::try_out(digest, failures, now),
            (Self::Checking { .. }, Event::Checked(task)) => Self::download(task, failures),
            (Self::Checking { .. }, Event::NothingNew)
            | (Self::Downloading { .. } | Self::Staging { .. }, Event::Spoiled) => {
                (Self::idle(now), vec![])
            }
            (Self::Downloading { task, .. }, Event::Received(done, total)) => {
                let received = (done, total);
                let state = Self::Downloading {
                    task,
                    received,
                    failures,
                };
                (state, vec![])
            }
            (Self::Downloading { task, .. }, Event::Downloaded) => Self::stage(task, failures),
            (Self::Checking { .. }, Event::PassedOver) => (Self::Leaving, vec![Effect::Leave]),
            (Self::Staging { task, .. }, Event::Staged) => Self::arm(task, failures),
            (Self::Arming { task, .. }, Event::Armed) => match task.component {
                Component::Launcher => (Self::Leaving, vec![Effect::Leave]),
                Component::Agent => Self::try_out(task.digest, failures, now),
            },
            (Self::Trying { digest, .. }, Event::NothingNew) => {
                let due = now.at + now.luck.spread(now.poll);
                (Self::watching(digest, due, failures), vec![])
            }
            (Self::Trying { digest, .. }, Event::Judged(verdict)) => {
                Self::settle(digest, verdict, failures)
            }
            (Self::Settling { verdict, .. }, Event::Settled) => {
                Self::settled(verdict, failures, now)
            }
            (state, _) => (state, vec![]),
        }
    }

    /// Time passed, or somebody wants the server asked.
    fn woken(self, event: &Event, now: Now) -> (Self, Vec<Effect>) {
        match self {
            Self::Idle { due, failures } | Self::Waiting { due, failures, .. } => {
                let wakes = match event {
                    Event::Tick => due <= now.at,
                    // The back-off stands between a failing server and whoever is impatient.
                    Event::AskNow => failures == 0,
                    _ => true,
                };
                if wakes {
                    (Self::Checking { failures }, vec![Effect::Check])
                } else {
                    (self, vec![])
                }
            }
            Self::Trying {
                digest,
                due,
                asked: false,
                failures,
            } if *event != Event::Tick || due <= now.at => {
                let state = Self::Trying {
                    digest,
                    due,
                    asked: true,
                    failures,
                };
                (state, vec![Effect::Check])
            }
            state => (state, vec![]),
        }
    }

    /// When the next [`Event::Tick`] would do something.
    pub(crate) const fn due(&self) -> Option<Duration> {
        match self {
            Self::Idle { due, .. }
            | Self::Waiting { due, .. }
            | Self::Trying {
                due, asked: false, ..
            } => Some(*due),
            _ => None,
        }
    }

    /// Whether the answer to a [`Effect::Check`] is awaited.
    pub(crate) const fn awaits_answer(&self) -> bool {
        matches!(
            self,
            Self::Checking { .. } | Self::Trying { asked: true, .. }
        )
    }

    /// The version on trial, from its first start to its verdict.
    pub(crate) const fn trial(&self) -> Option<Digest> {
        match self {
            Self::Trying { digest, .. } => Some(*digest),
            _ => None,
        }
    }

    /// The version that is being brought in, up to its trial.
    pub(crate) const fn task(&self) -> Option<&Task> {
        match self {
            Self::Downloading { task, .. }
            | Self::Staging { task, .. }
            | Self::Waiting { task, .. }
            | Self::Arming { task, .. } => Some(task),
            _ => None,
        }
    }

    /// How many bytes have come, of how many.
    pub(crate) const fn received(&self) -> (u64, u64) {
        match self {
            Self::Downloading { received, .. } => *received,
            _ => (0, 0),
        }
    }

    /// Tries in a row that led to nothing.
    pub(crate) const fn failures(&self) -> u32 {
        match self {
            Self::Idle { failures, .. }
            | Self::Checking { failures }
            | Self::Downloading { failures, .. }
            | Self::Staging { failures, .. }
            | Self::Waiting { failures, .. }
            | Self::Arming { failures, .. }
            | Self::Trying { failures, .. }
            | Self::Settling { failures, .. } => *failures,
            Self::Leaving => 0,
        }
    }

    /// The state without its data.
    pub(crate) const fn step(&self) -> Step {
        match self {
            Self::Idle { .. } => Step::Idle,
            Self::Checking { .. } => Step::Checking,
            Self::Downloading { .. } => Step::Downloading,
            Self::Staging { .. } => Step::Staging,
            Self::Waiting { .. } => Step::Waiting,
            Self::Arming { .. } => Step::Arming,
            Self::Trying { .. } => Step::Trying,
            Self::Settling { .. } => Step::Settling,
            Self::Leaving => Step::Leaving,
        }
    }
}

// === into a state ===

impl Upgrade {
    fn download(task: Task, failures: u32) -> (Self, Vec<Effect>) {
        let effect = Effect::Download(task.clone());
        let state = Self::Downloading {
            task,
            received: (0, 0),
            failures,
        };
        (state, vec![effect])
    }

    fn stage(task: Task, failures: u32) -> (Self, Vec<Effect>) {
        let effect = Effect::Stage(task.clone());
        (Self::Staging { task, failures }, vec![effect])
    }

    fn arm(task: Task, failures: u32) -> (Self, Vec<Effect>) {
        let effect = Effect::Arm(task.clone());
        (Self::Arming { task, failures }, vec![effect])
    }

    fn try_out(digest: Digest, failures: u32, now: Now) -> (Self, Vec<Effect>) {
        let due = now.at + now.luck.spread(now.poll);
        let state = Self::watching(digest, due, failures);
        (state, vec![Effect::StartTrial(digest)])
    }

    const fn watching(digest: Digest, due: Duration, failures: u32) -> Self {
        Self::Trying {
            digest,
            due,
            asked: false,
            failures,
        }
    }

    fn settle(digest: Digest, verdict: Verdict, failures: u32) -> (Self, Vec<Effect>) {
        let state = Self::Settling {
            digest,
            verdict,
            failures,
        };
        (state, vec![Effect::Settle(digest, verdict)])
    }

    /// The usual rest, a tenth longer or shorter.
    fn idle(now: Now) -> Self {
        Self::Idle {
            due: now.at + now.luck.spread(now.poll),
            failures: 0,
        }
    }

    /// Longer each time, up to `longest`, and as long as a server asked for.
    fn after_failure(failures: u32, longest: Duration, rest: Option<Duration>, now: Now) -> Self {
        let wait = wait_after(failures, longest, now.luck);
        Self::Idle {
            due: now.at + wait.max(rest.unwrap_or_default().min(LONGEST_REST)),
            failures,
        }
    }
}

// === what else can come of a step ===

impl Upgrade {
    /// Whether nothing durable would be left half done if this were dropped now.
    const fn may_give_way(&self) -> bool {
        matches!(
            self.step(),
            Step::Idle | Step::Checking | Step::Downloading | Step::Staging | Step::Waiting
        )
    }

    /// Something stands in the way. The server is asked as usual meanwhile, for a newer release may
    /// not have it in its way.
    fn blocked(self, task: Task, why: Block, until: Option<Duration>, now: Now) -> Self {
        match self {
            Self::Checking { failures }
            | Self::Downloading { failures, .. }
            | Self::Staging { failures, .. }
            | Self::Arming { failures, .. } => {
                let usual = now.at + now.luck.spread(now.poll);
                Self::Waiting {
                    task,
                    why,
                    due: until.map_or(usual, |until| until.min(usual).max(now.at)),
                    failures,
                }
            }
            state => state,
        }
    }

    /// After a step that failed: back to the start, later each time. A trial goes on when the server
    /// does not answer, and when its verdict did not reach the page: then it is judged anew.
    fn failed(self, rest: Option<Duration>, now: Now) -> Self {
        match self {
            Self::Checking { failures }
            | Self::Downloading { failures, .. }
            | Self::Staging { failures, .. }
            | Self::Arming { failures, .. } => {
                let longest = now.poll.min(LONGEST_REST);
                Self::after_failure(failures + 1, longest, rest, now)
            }
            Self::Trying {
                digest, failures, ..
            }
            | Self::Settling {
                digest, failures, ..
            } => {
                let rest = rest.unwrap_or_default().min(LONGEST_REST);
                let due = now.at + now.luck.spread(now.poll).max(rest);
                Self::watching(digest, due, failures)
            }
            state => state,
        }
    }

    /// The trial was not started, for reasons that lie in this host and may be mended soon.
    fn not_started(self, now: Now) -> Self {
        match self {
            Self::Trying { failures, .. } => {
                Self::after_failure(failures + 1, LONGEST_WAIT, None, now)
            }
            state => state,
        }
    }

    /// The verdict is on the page. What overtook a trial is looked at without delay; what made one
    /// fail may be this host's configuration, so the next look is never far away.
    fn settled(verdict: Verdict, failures: u32, now: Now) -> (Self, Vec<Effect>) {
        let state = match verdict {
            Verdict::Commit | Verdict::Withdraw => Self::idle(now),
            Verdict::Reject(_) => Self::after_failure(failures + 1, LONGEST_WAIT, None, now),
            Verdict::Overtaken => {
                let state = Self::Checking { failures: 0 };
                return (state, vec![Effect::Sweep, Effect::Check]);
            }
        };
        (state, vec![Effect::Sweep])
    }
}

#[cfg(test)]
mod graph;
#[cfg(test)]
mod tests;
