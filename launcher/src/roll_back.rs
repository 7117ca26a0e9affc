//! Writing the verdict of a trial: commit, reject with a mark, or withdraw without one.
//!
//! Needs no network: the version to go back to is in the store.

use shared_fault::point;
use shared_slots::{Bad, Moment, OsFs, Page, Reason, Refused, Slot};

use crate::milestone::passed;
use crate::step_switch::{PageError, change};
use crate::upgrade::Verdict;

/// Makes the verdict durable. A trial that is no longer on the page counts as settled.
pub(crate) fn settle(slot: &Slot, verdict: Verdict) -> Result<Page, PageError> {
    let settled = change(slot, |page| match verdict {
        Verdict::Commit => page.commit(),
        // A mark is for choosing between versions. The first agent has no rival, and what keeps it
        // from running is more likely this host's configuration.
        Verdict::Reject(_) if page.committed().is_none() => page.withdraw(),
        Verdict::Reject(reason) => page.reject(reason, Moment::read(&OsFs)).map(stays),
        Verdict::Withdraw | Verdict::Overtaken => page.withdraw().map(stays),
    });
    let page = match settled {
        Err(PageError::Refused(Refused::NoTrial)) => slot.read().page,
        settled => settled?,
    };
    passed(point("upgrade.settled"));
    Ok(page)
}

/// Nothing came of going back by hand: the committed version is the one that is wanted again.
fn stays(page: Page) -> Page {
    let of_committed = |bad: &&Bad| Some(bad.digest) == page.committed();
    match page.bad().iter().find(of_committed).copied() {
        Some(bad) if bad.reason == Reason::LeftByHand => page.forgive(bad.digest),
        _ => page,
    }
}
