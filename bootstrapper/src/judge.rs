//! What becomes of a trial. Pure: the page and what happened in, the next page out, or `None` if
//! it stays as it is. What happens to a version that is not on trial changes nothing.

use shared_slots::{Digest, Moment, Page, Reason};

/// The launcher that runs reported that it is healthy.
pub(crate) fn healthy(page: Page, running: Digest) -> Option<Page> {
    on_trial(&page, running)?;
    page.commit().ok()
}

/// The launcher that ran has ended without having been committed. It has its other tries.
pub(crate) fn ended(page: Page, ran: Digest, now: Moment) -> Option<Page> {
    if on_trial(&page, ran)? > 0 {
        return None;
    }
    page.reject(Reason::TriesUsedUp, now).ok()
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
        let page = healthy(page(), digest("trial")).expect("a change");
        assert_eq!(page.committed(), Some(digest("trial")));
        assert_eq!(page.previous(), Some(digest("committed")));
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
            assert_eq!(healthy(page(), other), None);
            assert_eq!(ended(page(), other, NOW), None);
            assert_eq!(failed(page(), other, Reason::NoAnswer, NOW), None);
        }
    }
}
