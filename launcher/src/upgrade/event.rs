//! What can happen to an upgrade, and what is to be done about it.

use std::time::Duration;

use shared_slots::{Digest, Reason};

use super::{Block, Task};
use crate::keep_running::Luck;

/// How a trial ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It becomes the committed version.
    Commit,
    /// It failed on local evidence and is marked.
    Reject(Reason),
    /// It could not be proved in time, which is no fault of its own: no mark.
    Withdraw,
    /// A newer manifest took it back or leads to another one: no mark.
    Overtaken,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time passed.
    Tick,
    /// A newer release was announced, what was installed is lost, or the rules for adoption changed.
    AskNow,
    /// A person wants the server asked, however often that failed.
    Asked,
    /// The manifest was judged, and this version is to be installed.
    Checked(Task),
    /// The manifest was judged, and there is nothing to do.
    NothingNew,
    /// Something stands in the way of this version, at the latest until then.
    Blocked {
        task: Task,
        why: Block,
        until: Option<Duration>,
    },
    /// A launcher is on trial that the bootstrapper did not start when it should have.
    PassedOver,
    /// The step under way failed. `rest` is how long the server asked to be left alone.
    Failed { rest: Option<Duration> },
    /// The trial could not be started, which is no fault of the version.
    NotStarted,
    /// The file is not what it should be, and would not be if it were fetched again now.
    Spoiled,
    /// So many bytes have come, of so many.
    Received(u64, u64),
    /// The file is whole.
    Downloaded,
    /// The file is in the store.
    Staged,
    /// The trial is on the page.
    Armed,
    /// At start, the page named this trial.
    Resumed(Digest),
    /// A version that is in the store has to be tried now: what is committed fails, was taken back,
    /// or a person wants it so.
    FallBack(Task),
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
