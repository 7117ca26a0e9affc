//! What becomes of a trial. Pure: the page and what happened in, the next page out, or `None` if
//! it stays as it is. What happens to a version that is not on trial changes nothing.

use shared_slots::{Digest, Moment, Page, Reason};

use crate::try_record::TRIES_MOST;

/// The launcher that runs reported that it is healthy. Where it stands in for a committed one that
/// crashed again and again, that one is marked: else it would be fetched and tried at once.
pub(crate) fn healthy(
    page: Page,
    running: Digest,
    crashed: Option<Digest>,
    now: Moment,
) -> Option<Page> {
    on_trial(&page, running)?;
    let page = page.commit().ok()?;
    let marked = crashed.and_then(|crashed| {
        let again = page.clone().arm(crashed, 1).ok()?;
        again.reject(Reason::CrashLoop, now).ok()
    });
    Some(marked.unwrap_or(page))
}

/// The committed launcher crashes again and again: the one before it is to show what it can do.
/// Not if something else is on trial, and not if it has failed a short while ago.
pub(crate) fn fall_back(page: Page, now: Moment) -> Option<Page> {
    let previous = page.previous()?;
    if page.trial().is_some() || page.held(previous, now).is_some() {
        return None;
    }
    page.arm(previous, 1).ok()
}

/// The launcher that ran has ended without having been committed. It has its other tries.
pub(crate) fn ended(page: Page, ran: Digest, now: Moment) -> Option<Page> {
    if on_trial(&page, ran)? > 0 {
        return None;
    }
    page.reject(Reason::TriesUsedUp, now).ok()
}

/// The launcher that ran was ended by something that says nothing about it.
pub(crate) fn not_to_blame(page: Page, ran: Digest) -> Option<Page> {
    on_trial(&page, ran)?;
    page.give_try_back(TRIES_MOST).ok()
}

/// There is proof against the version: no other try.
pub(crate) fn failed(page: Page, version: Digest, reason: Reason, now: Moment) -> Option<Page> {
    on_trial(&page, version)?;
    page.reject(reason, now).ok()
}

/// The tries that are left to this version, if it is the one on trial.
fn on_trial(page: &Page, version: Digest) -> Option<u8> {
    let trial = page.trial()?;
    (trial.digest == version).then_some(trial.tries_left)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        boot: [1; 16],
        seconds: 5,
    };

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn page() -> Page {
        Page::default()
            .adopt_factory(digest("committed"))
            .and_then(|page| page.arm(digest("trial"), 2))
            .and_then(Page::count_try)
            .expect("each step makes sense")
    }

    #[test]
    fn a_healthy_trial_is_committed() {
        let page = healthy(page(), digest("trial"), None, NOW).expect("a change");
        assert_eq!(page.committed(), Some(digest("trial")));
        assert_eq!(page.previous(), Some(digest("committed")));
    }

    #[test]
    fn who_stands_in_for_one_that_crashed_marks_it() {
        let crashed = digest("committed");
        let page = healthy(page(), digest("trial"), Some(crashed), NOW).expect("a change");
        assert_eq!(page.committed(), Some(digest("trial")));
        assert_eq!(page.previous(), Some(crashed));
        assert_eq!(page.trial(), None);
        let mark = page.held(crashed, NOW).expect("a mark");
        assert_eq!(mark.reason, Reason::CrashLoop);
    }

    #[test]
    fn the_one_before_gets_a_try_unless_it_failed_or_another_has_it() {
        assert_eq!(fall_back(page(), NOW), None);
        let committed = page().commit().expect("on trial");
        let previous = digest("committed");
        let page = fall_back(committed, NOW).expect("a change");
        let trial = page.trial().expect("on trial");
        assert_eq!((trial.digest, trial.tries_left), (previous, 1));
        let failed = page.reject(Reason::TriesUsedUp, NOW).expect("on trial");
        assert_eq!(fall_back(failed, NOW), None);
        assert_eq!(fall_back(Page::default(), NOW), None);
    }

    #[test]
    fn a_try_that_proves_nothing_is_given_back() {
        let page = not_to_blame(page(), digest("trial")).expect("a change");
        assert_eq!(page.trial().map(|trial| trial.tries_left), Some(2));
    }

    #[test]
    fn only_the_last_try_ends_the_trial() {
        assert_eq!(ended(page(), digest("trial"), NOW), None);
        let last = page().count_try().expect("a try is left");
        let page = ended(last, digest("trial"), NOW).expect("a change");
        assert_eq!(page.trial(), None);
        assert_eq!(page.bad()[0].reason, Reason::TriesUsedUp);
    }

    #[test]
    fn proof_ends_the_trial_at_once() {
        let page = failed(page(), digest("trial"), Reason::WouldNotStart, NOW).expect("a change");
        assert_eq!(page.trial(), None);
        assert_eq!(page.bad()[0].reason, Reason::WouldNotStart);
    }

    #[test]
    fn another_version_decides_nothing_about_the_trial() {
        for other in [digest("committed"), digest("stranger")] {
            assert_eq!(healthy(page(), other, None, NOW), None);
            assert_eq!(not_to_blame(page(), other), None);
            assert_eq!(ended(page(), other, NOW), None);
            assert_eq!(failed(page(), other, Reason::NoAnswer, NOW), None);
        }
    }
}
