//! Putting a version on trial: first on the page, then, for each start, one try less on the page,
//! and only then the start itself. Each is durable before the next.

use std::fmt;
use std::path::PathBuf;

use shared_fault::point;
use shared_slots::{
    Digest, EntryError, Moment, OsFs, Page, Reason, Refused, Slot, Store, WriteError,
};

use crate::milestone::passed;
use crate::upgrade::{Cause, Task, Verdict};

/// Starts that a version gets, all of them together.
const TRIES: u8 = 3;

/// Why a page was not changed.
#[derive(Debug)]
pub(crate) enum PageError {
    Refused(Refused),
    NotWritten(WriteError),
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::NotWritten(error) => write!(f, "the slot cannot be written: {error}"),
        }
    }
}

/// Reads a slot, changes its page, and makes that durable.
pub(crate) fn change(
    slot: &Slot,
    transition: impl FnOnce(Page) -> Result<Page, Refused>,
) -> Result<Page, PageError> {
    let page = transition(slot.read().page).map_err(PageError::Refused)?;
    slot.write(page).map_err(PageError::NotWritten)
}

/// Puts a version on trial. If that is because the committed one crashes or somebody wants to be
/// without it, it is marked in the same write: should the trial succeed, the same manifest must not
/// bring it back.
pub(crate) fn arm(slot: &Slot, task: &Task) -> Result<Page, PageError> {
    let page = change(slot, |page| {
        let why = match task.cause {
            Cause::CrashLoop => Some(Reason::CrashLoop),
            Cause::Asked => Some(Reason::LeftByHand),
            Cause::Release | Cause::Revoked => None,
        };
        let page = match (page.committed(), why) {
            (Some(left), Some(why)) => page.condemn(left, why, Moment::read(&OsFs)),
            _ => page,
        };
        page.arm(task.digest, TRIES)
    })?;
    passed(point("upgrade.armed"));
    Ok(page)
}

/// Gives back the try of a start that was ended from outside or never came about.
pub(crate) fn give_try_back(slot: &Slot) -> Result<Page, PageError> {
    change(slot, |page| page.give_try_back(TRIES))
}

/// What came of preparing the start of a trial.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// The try is counted and the file is what its name says: start it.
    Start(PathBuf),
    /// The trial is over before it began.
    Over(Verdict),
    /// The try cannot be counted, so there must be no start.
    NotCounted(PageError),
}

/// Counts a try of the agent on trial and compares its file with its digest.
pub(crate) fn prepare(slot: &Slot, store: &Store, digest: Digest, name: &str) -> Prepared {
    match change(slot, Page::count_try) {
        Ok(_) => passed(point("upgrade.try-counted")),
        Err(PageError::Refused(Refused::NoTryLeft)) => {
            return Prepared::Over(Verdict::Reject(Reason::TriesUsedUp));
        }
        Err(PageError::Refused(_)) => return Prepared::Over(Verdict::Withdraw),
        Err(error) => return Prepared::NotCounted(error),
    }
    match store.verified(digest, name) {
        Ok(path) => Prepared::Start(path),
        Err(error) => {
            tracing::error!(%digest, %error, "the version on trial cannot be used");
            give_up(store, digest, &error);
            Prepared::Over(Verdict::Withdraw)
        }
    }
}

/// Puts a corrupt entry aside, so that it is fetched again; one that cannot be read may be whole.
pub(crate) fn give_up(store: &Store, digest: Digest, error: &EntryError) {
    if let EntryError::Corrupt { .. } = error
        && let Err(error) = store.quarantine(digest)
    {
        tracing::warn!(%digest, %error, "cannot put the corrupt version aside");
    }
}
