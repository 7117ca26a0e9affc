//! Which version to start. Pure: a page and a look at the store in, the next page and a version
//! out. Nothing is written here, and nothing is started that [`crate::choose`] has not written.

use shared_slots::{Digest, Moment, Page, Reason, Role};

/// What a look at a version in the store found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Its file has the sha256 it should have, right now.
    Whole,
    /// It is not there, or has changed: it never comes back by itself.
    Lost,
    /// It cannot be read now, or would not start a moment ago: pass it over this time.
    Unusable,
}

/// Something to tell about the way to the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// The last try of the trial ended with its judge: nobody saw it healthy.
    TriesUsedUp(Digest),
    /// The version is lost; the page does not name it any more.
    Lost(Digest, Role),
}

/// The choice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picked {
    /// The page as it must be on disk before the start.
    pub(crate) page: Page,
    /// What to start; `None` if nothing that the page names can be.
    pub(crate) start: Option<(Digest, Role)>,
    /// What there is to tell.
    pub(crate) notes: Vec<Note>,
}

/// Chooses the first that is whole of trial, committed and previous. A trial whose tries are used
/// up is rejected, one that is chosen has a try less, and what is lost is struck off.
pub(crate) fn pick(page: Page, now: Moment, find: impl Fn(Digest) -> Finding) -> Picked {
    let mut notes = Vec::new();
    let spent = page.trial().filter(|trial| trial.tries_left == 0);
    let mut page = match spent {
        Some(trial) => {
            notes.push(Note::TriesUsedUp(trial.digest));
            let rejected = page.clone().reject(Reason::TriesUsedUp, now);
            rejected.unwrap_or(page)
        }
        None => page,
    };
    for (digest, role) in page.candidates() {
        match find(digest) {
            Finding::Whole => {
                if role == Role::Trial {
                    page = page.clone().count_try().unwrap_or(page);
                }
                let start = Some((digest, role));
                return Picked { page, start, notes };
            }
            Finding::Lost => {
                notes.push(Note::Lost(digest, role));
                page = page.lost(digest);
            }
            Finding::Unusable => {}
        }
    }
    Picked {
        page,
        start: None,
        notes,
    }
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

    /// Committed `new`, previous `old`, trial `trial` with as many tries.
    fn page(tries: u8) -> Page {
        let page = Page::default()
            .adopt_factory(digest("old"))
            .and_then(|page| page.arm(digest("new"), 1))
            .and_then(Page::commit)
            .and_then(|page| page.arm(digest("trial"), tries.max(1)))
            .expect("each step makes sense");
        if tries == 0 {
            return page.count_try().expect("a try is left");
        }
        page
    }

    fn find<'a>(lost: &'a [&str], unusable: &'a [&str]) -> impl Fn(Digest) -> Finding + 'a {
        let among = |names: &[&str], wanted| names.iter().any(|name| digest(name) == wanted);
        move |wanted| match wanted {
            wanted if among(lost, wanted) => Finding::Lost,
            wanted if among(unusable, wanted) => Finding::Unusable,
            _ => Finding::Whole,
        }
    }

    #[test]
    fn the_order_is_trial_committed_previous_nothing() {
        for (tries, lost, start) in [
            (3, &[][..], Some(("trial", Role::Trial))),
            (0, &[], Some(("new", Role::Committed))),
            (3, &["trial"], Some(("new", Role::Committed))),
            // The previous one became the committed one when that was lost.
            (3, &["trial", "new"], Some(("old", Role::Previous))),
            (3, &["trial", "new", "old"], None),
        ] {
            let picked = pick(page(tries), NOW, find(lost, &[]));
            let expected = start.map(|(name, role)| (digest(name), role));
            assert_eq!(picked.start, expected, "{tries} {lost:?}");
        }
    }

    #[test]
    fn a_trial_that_is_chosen_has_a_try_less() {
        let picked = pick(page(3), NOW, find(&[], &[]));
        assert_eq!(picked.page.trial().map(|trial| trial.tries_left), Some(2));
    }

    #[test]
    fn a_trial_that_is_not_started_keeps_its_tries() {
        let picked = pick(page(3), NOW, find(&[], &["trial"]));
        assert_eq!(picked.start, Some((digest("new"), Role::Committed)));
        assert_eq!(picked.page, page(3));
    }

    #[test]
    fn a_trial_without_tries_is_rejected_and_marked() {
        let picked = pick(page(0), NOW, find(&[], &[]));
        assert_eq!(picked.notes, [Note::TriesUsedUp(digest("trial"))]);
        assert_eq!(picked.page.trial(), None);
        assert!(picked.page.held(digest("trial"), NOW).is_some());
    }

    #[test]
    fn what_is_lost_is_struck_off_and_what_is_unusable_is_not() {
        let picked = pick(page(3), NOW, find(&["new"], &["trial", "old"]));
        assert_eq!(picked.start, None);
        assert_eq!(picked.notes, [Note::Lost(digest("new"), Role::Committed)]);
        assert_eq!(picked.page.committed(), Some(digest("old")));
        assert!(picked.page.trial().is_some());
    }

    #[test]
    fn an_empty_page_names_nothing_to_start() {
        let picked = pick(Page::default(), NOW, find(&[], &[]));
        assert_eq!(picked.start, None);
        assert_eq!(picked.page, Page::default());
    }
}
