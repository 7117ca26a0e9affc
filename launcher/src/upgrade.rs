//! The upgrade as a state machine: from "ask the server" to "committed" or "rejected".
//!
//! ```text
//!             Tick, AskNow            Checked(Upgrade)            Downloaded
//!   ┌▶ Idle ───────────────▶ Checking ────────────────▶ Downloading ────────▶ Staging
//!   │   ▲  nothing new, failed │        failed           │       failed         │ Staged
//!   │   └──────────────────────┴────────────────────────┴──────────────────────▶┤
//!   │                                                                            ▼
//!   │  Settled                Judged              Armed (agent)               Arming
//!   ├────────────── Settling ◀─────── Trying ◀────────────────────────────────────┤
//!   │                                   ▲ Resumed (found on the page at start)    │ Armed
//!   └── a failed page write ────────────┘ stays and is judged again               ▼ (launcher)
//!                                                                              Leaving
//! ```
//!
//! Pure: [`Upgrade::next`] takes the state by value, an event and the time, and returns the next
//! state with the effects to carry out. Whatever must survive a crash is made durable by the
//! effect that leads to a state ([`Effect::Arm`], [`Effect::Settle`]), so that the event which
//! reports it comes only after. This module does no I/O and never talks to an agent.

use std::time::Duration;

use shared_handover::layout::Component;
use shared_slots::{Digest, Reason};

use crate::keep_running::{Luck, wait_after};

/// The longest rest between two checks that a failing server can bring about.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// A version that is to be installed, as the manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) component: Component,
    pub(crate) version: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Places of the file, relative to the release tree.
    pub(crate) urls: Vec<String>,
    pub(crate) serial: u64,
}

/// Where an upgrade stands. `failures` counts tries that led to nothing, for the back-off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// Nothing is under way; the server is asked at `due`.
    Idle { due: Duration, failures: u32 },
    /// The manifest is being fetched and verified.
    Checking { failures: u32 },
    /// The file is coming.
    Downloading { task: Task, failures: u32 },
    /// The file is being sealed into the store.
    Staging { task: Task, failures: u32 },
    /// The page that puts it on trial is being written.
    Arming { task: Task, failures: u32 },
    /// The agent with this digest is on trial, and watched.
    Trying { digest: Digest, failures: u32 },
    /// The page with the verdict is being written.
    Settling {
        digest: Digest,
        verdict: Verdict,
        failures: u32,
    },
    /// A launcher is armed; this one ends so that the bootstrapper can start it.
    Leaving,
}

/// How a trial ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It becomes the committed version.
    Commit,
    /// It failed on local evidence and is marked.
    Reject(Reason),
    /// It could not be proved in time, which is no fault of its own: no mark.
    Withdraw,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time passed.
    Tick,
    /// A newer release was announced, or what was installed is lost.
    AskNow,
    /// The manifest was judged, and this version is to be installed.
    Checked(Task),
    /// The manifest was judged, and there is nothing to do.
    NothingNew,
    /// The step under way failed. `rest` is how long the server asked to be left alone.
    Failed { rest: Option<Duration> },
    /// The file is not what it should be, and would not be if it were fetched again now.
    Spoiled,
    /// The file is whole.
    Downloaded,
    /// The file is in the store.
    Staged,
    /// The trial is on the page.
    Armed,
    /// At start, the page named this trial.
    Resumed(Digest),
    /// The gate decided.
    Judged(Verdict),
    /// The verdict is on the page.
    Settled,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Fetch and verify the manifest, and compare it with what is installed.
    Check,
    /// Bring the file in.
    Download(Task),
    /// Seal it.
    Stage(Task),
    /// Write the page that puts it on trial.
    Arm(Task),
    /// Count a try and start the agent that is on trial.
    StartTrial(Digest),
    /// Write the page with the verdict, then act on it.
    Settle(Digest, Verdict),
    /// Remove what nothing names any more.
    Sweep,
    /// End, and ask to be replaced.
    Leave,
}

/// The time, and what varies between hosts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since this launcher started.
    pub(crate) at: Duration,
    /// Usual time between two checks.
    pub(crate) poll: Duration,
    /// Spreads hosts over time.
    pub(crate) luck: Luck,
}

impl Upgrade {
    /// The state and the effects that follow. An event that does not fit the state changes nothing.
    #[must_use]
    pub(crate) fn next(self, event: Event, now: Now) -> (Self, Vec<Effect>) {
        match (self, event) {
            (Self::Idle { due, failures }, Event::Tick) if due <= now.at => Self::check(failures),
            (Self::Idle { failures: 0, .. }, Event::AskNow) => Self::check(0),
            (Self::Idle { failures, .. }, Event::Resumed(digest)) => (
                Self::Trying { digest, failures },
                vec![Effect::StartTrial(digest)],
            ),
            (Self::Checking { failures }, Event::Checked(task)) => (
                Self::Downloading {
                    task: task.clone(),
                    failures,
                },
                vec![Effect::Download(task)],
            ),
            (Self::Checking { .. }, Event::NothingNew)
            | (Self::Downloading { .. } | Self::Staging { .. }, Event::Spoiled) => {
                (Self::idle(now), vec![])
            }
            (Self::Downloading { task, failures }, Event::Downloaded) => (
                Self::Staging {
                    task: task.clone(),
                    failures,
                },
                vec![Effect::Stage(task)],
            ),
            (Self::Staging { task, failures }, Event::Staged) => (
                Self::Arming {
                    task: task.clone(),
                    failures,
                },
                vec![Effect::Arm(task)],
            ),
            (Self::Arming { task, failures }, Event::Armed) => Self::armed(&task, failures),
            (state, Event::Failed { rest }) => (state.failed(rest, now), vec![]),
            (Self::Trying { digest, failures }, Event::Judged(verdict)) => (
                Self::Settling {
                    digest,
                    verdict,
                    failures,
                },
                vec![Effect::Settle(digest, verdict)],
            ),
            (
                Self::Settling {
                    verdict, failures, ..
                },
                Event::Settled,
            ) => (Self::settled(verdict, failures, now), vec![Effect::Sweep]),
            (state, _) => (state, vec![]),
        }
    }

    /// When the next [`Event::Tick`] would do something.
    pub(crate) const fn due(&self) -> Option<Duration> {
        match self {
            Self::Idle { due, .. } => Some(*due),
            _ => None,
        }
    }

    /// The version on trial, from its first start to its verdict.
    pub(crate) const fn trial(&self) -> Option<Digest> {
        match self {
            Self::Trying { digest, .. } => Some(*digest),
            _ => None,
        }
    }

    fn check(failures: u32) -> (Self, Vec<Effect>) {
        (Self::Checking { failures }, vec![Effect::Check])
    }

    fn armed(task: &Task, failures: u32) -> (Self, Vec<Effect>) {
        let digest = task.digest;
        match task.component {
            Component::Launcher => (Self::Leaving, vec![Effect::Leave]),
            Component::Agent => (
                Self::Trying { digest, failures },
                vec![Effect::StartTrial(digest)],
            ),
        }
    }

    /// The usual rest, a tenth longer or shorter.
    fn idle(now: Now) -> Self {
        Self::Idle {
            due: now.at + now.luck.spread(now.poll),
            failures: 0,
        }
    }

    /// After a step that failed: back to the start, later each time. That goes for a trial whose
    /// start could not be counted, too. A verdict that did not reach the page is judged anew, for
    /// that trial still runs.
    fn failed(self, rest: Option<Duration>, now: Now) -> Self {
        match self {
            Self::Checking { failures }
            | Self::Downloading { failures, .. }
            | Self::Staging { failures, .. }
            | Self::Arming { failures, .. }
            | Self::Trying { failures, .. } => Self::after_failure(failures + 1, rest, now),
            Self::Settling {
                digest, failures, ..
            } => Self::Trying { digest, failures },
            state => state,
        }
    }

    fn settled(verdict: Verdict, failures: u32, now: Now) -> Self {
        match verdict {
            Verdict::Commit | Verdict::Withdraw => Self::idle(now),
            Verdict::Reject(_) => Self::after_failure(failures + 1, None, now),
        }
    }

    fn after_failure(failures: u32, rest: Option<Duration>, now: Now) -> Self {
        let longest = now.poll.min(LONGEST_REST);
        let wait = wait_after(failures, longest, now.luck);
        Self::Idle {
            due: now.at + wait.max(rest.unwrap_or_default().min(LONGEST_REST)),
            failures,
        }
    }
}

#[cfg(test)]
mod tests;
