//! Pages: their bytes, their transitions, and the pair of them on a disk.

use proptest::prelude::*;
use shared_slots::{Damage, Digest, Hold, Moment, PAGE_BYTES, Page, Reason, Refused, Role, Slot};

fn digest(name: u8) -> Digest {
    Digest::of(&[name])
}

const BOOT: Moment = Moment {
    boot: [1; 16],
    seconds: 100,
};

#[derive(Debug, Clone, Copy)]
enum Step {
    Arm(u8, u8),
    Count,
    Commit,
    Reject(Moment),
    Withdraw,
    Factory(u8),
    Forgive(u8),
}

fn any_step() -> impl Strategy<Value = Step> {
    let moment = (0..3_u8, any::<u32>()).prop_map(|(boot, seconds)| Moment {
        boot: [boot; 16],
        seconds,
    });
    prop_oneof![
        (0..12_u8, 0..4_u8).prop_map(|(name, tries)| Step::Arm(name, tries)),
        Just(Step::Count),
        Just(Step::Commit),
        moment.prop_map(Step::Reject),
        Just(Step::Withdraw),
        (0..12_u8).prop_map(Step::Factory),
        (0..12_u8).prop_map(Step::Forgive),
    ]
}

fn take(page: Page, step: Step) -> Result<Page, Refused> {
    match step {
        Step::Arm(name, tries) => page.arm(digest(name), tries),
        Step::Count => page.count_try(),
        Step::Commit => page.commit(),
        Step::Reject(now) => page.reject(Reason::TriesUsedUp, now),
        Step::Withdraw => page.withdraw(),
        Step::Factory(name) => page.adopt_factory(digest(name)),
        Step::Forgive(name) => Ok(page.forgive(digest(name))),
    }
}

fn after(steps: &[Step]) -> Page {
    steps.iter().fold(Page::default(), |page, step| {
        take(page.clone(), *step).unwrap_or(page)
    })
}

proptest! {
    #[test]
    fn a_page_survives_its_own_bytes(steps in prop::collection::vec(any_step(), 0..40)) {
        let page = after(&steps);
        prop_assert_eq!(Page::decode(&page.encode()), Ok(page));
    }

    #[test]
    fn a_changed_byte_is_never_read_as_a_page(
        steps in prop::collection::vec(any_step(), 0..20),
        place in 0..PAGE_BYTES,
        flip in 1..=255_u8,
    ) {
        let mut bytes = after(&steps).encode();
        bytes[place] ^= flip;
        prop_assert!(Page::decode(&bytes).is_err());
    }

    #[test]
    fn no_step_loses_the_committed_version_or_gives_a_try_back(
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let mut page = Page::default();
        for step in steps {
            let Ok(next) = take(page.clone(), step) else { continue };
            prop_assert!(next.committed().is_some() || page.committed().is_none(), "{step:?}");
            if let Step::Commit = step {
                prop_assert_eq!(next.committed(), page.trial().map(|trial| trial.digest));
                prop_assert!(page.committed().is_none() || next.previous() == page.committed());
            }
            if let (Some(before), Some(now), false) = (page.trial(), next.trial(), matches!(step, Step::Arm(..))) {
                prop_assert_eq!(now.digest, before.digest);
                prop_assert!(now.tries_left <= before.tries_left);
            }
            prop_assert!(next.committed() != next.previous() || next.committed().is_none());
            prop_assert!(next.trial().is_none_or(|trial| Some(trial.digest) != next.committed()));
            prop_assert!(next.bad().len() <= 7);
            page = next;
        }
    }

    #[test]
    fn a_trial_is_over_after_as_many_starts_as_it_was_given(tries in 1..=9_u8) {
        let mut page = Page::default().adopt_factory(digest(0)).and_then(|page| page.arm(digest(1), tries)).expect("armed");
        for _ in 0..tries {
            prop_assert_eq!(page.candidates()[0], (digest(1), Role::Trial));
            page = page.count_try().expect("a try is left");
        }
        prop_assert_eq!(page.candidates(), vec![(digest(0), Role::Committed)]);
        prop_assert_eq!(page.clone().count_try(), Err(Refused::NoTryLeft));
        // Its last start may still turn out well.
        prop_assert_eq!(page.commit().expect("commits").committed(), Some(digest(1)));
    }
}

#[test]
fn released_bytes_keep_their_places() {
    let page = Page::default()
        .adopt_factory(digest(1))
        .and_then(|page| page.arm(digest(2), 3))
        .and_then(|page| page.reject(Reason::NoAnswer, BOOT))
        .and_then(|page| page.arm(digest(3), 3))
        .and_then(Page::count_try)
        .expect("each step makes sense");
    let bytes = page.encode();
    assert_eq!(&bytes[..12], b"TRIRSLOT\x01\x05\x02\x01");
    assert_eq!(&bytes[24..56], digest(1).as_bytes());
    assert_eq!(&bytes[56..88], &[0; 32]);
    assert_eq!(&bytes[88..120], digest(3).as_bytes());
    assert_eq!(&bytes[120..136], &[1; 16]);
    assert_eq!(&bytes[136..168], digest(2).as_bytes());
    assert_eq!(&bytes[168..176], &[3, 1, 0, 0, 100, 0, 0, 0]);
}

#[test]
fn an_unfinished_file_is_blank_and_anything_else_is_garbled() {
    assert_eq!(Page::decode(&[0; PAGE_BYTES]), Err(Damage::Blank));
    assert_eq!(Page::decode(&[]), Err(Damage::Garbled));
    assert_eq!(Page::decode(&[7; PAGE_BYTES]), Err(Damage::Garbled));
    assert_eq!(
        Page::decode(&Page::default().encode()[..511]),
        Err(Damage::Garbled)
    );
}

#[test]
fn spare_bytes_of_a_newer_version_are_handed_on() {
    let mut bytes = Page::default().encode();
    bytes[416] = 42;
    let sum = crc_of(&bytes[..508]);
    bytes[508..].copy_from_slice(&sum.to_le_bytes());
    let page = Page::decode(&bytes).expect("a page");
    let next = page.adopt_factory(digest(1)).expect("adopted");
    assert_eq!(next.encode()[416], 42);
}

/// The check sum by its definition, bit by bit.
fn crc_of(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 * (sum & 1))
        })
    })
}

#[test]
fn a_mark_lasts_longer_each_time_and_no_clock_can_end_it() {
    let mut page = Page::default();
    let holds = [
        Hold::Seconds(600),
        Hold::Seconds(3_600),
        Hold::Seconds(21_600),
        Hold::Seconds(86_400),
        Hold::UntilManifestChanges,
    ];
    for hold in holds {
        page = page
            .arm(digest(1), 1)
            .and_then(|page| page.reject(Reason::SelfTestFailed, BOOT))
            .expect("rejected");
        assert_eq!(page.bad()[0].hold(), hold);
    }
    let page = page.forgive(digest(1));
    assert_eq!(page.bad(), []);
}

#[test]
fn a_reboot_starts_a_hold_anew_and_it_still_ends() {
    let page = Page::default()
        .arm(digest(1), 1)
        .and_then(|page| page.reject(Reason::ExitedOnTrial, BOOT))
        .expect("rejected");
    let at = |boot, seconds| Moment {
        boot: [boot; 16],
        seconds,
    };
    assert!(page.held(digest(1), at(1, 100 + 599)).is_some());
    assert!(page.held(digest(1), at(1, 100 + 600)).is_none());
    assert!(page.held(digest(1), at(2, 10)).is_some());
    assert!(page.held(digest(1), at(2, 600)).is_none());
    assert!(page.held(digest(2), at(1, 100)).is_none());
    // A mark made in the next boot takes the older ones with it.
    let page = page
        .arm(digest(2), 1)
        .and_then(|page| page.reject(Reason::ExitedOnTrial, at(2, 50)))
        .expect("rejected");
    assert!(page.held(digest(1), at(2, 599)).is_some());
    assert!(page.held(digest(1), at(2, 600)).is_none());
    assert!(page.held(digest(2), at(2, 600)).is_some());
}

#[test]
fn another_manifest_ends_only_the_holds_that_wait_for_one() {
    let rejected = |page: Page, name| {
        page.arm(digest(name), 1)
            .and_then(|page| page.reject(Reason::ExitedOnTrial, BOOT))
            .expect("rejected")
    };
    let mut page = rejected(Page::default(), 1);
    for _ in 0..5 {
        page = rejected(rejected(page, 2), 3);
    }
    let page = page.manifest_changed(&[digest(1), digest(2)]);
    let marked: Vec<_> = page.bad().iter().map(|bad| bad.digest).collect();
    assert_eq!(marked, [digest(1), digest(3)]);
}

#[test]
fn a_try_is_given_back_but_never_more_than_there_were() {
    let armed = Page::default().arm(digest(1), 3).expect("armed");
    let counted = armed.clone().count_try().expect("a try is left");
    assert_eq!(counted.give_try_back(3), Ok(armed.clone()));
    assert_eq!(armed.clone().give_try_back(3), Ok(armed));
    assert_eq!(Page::default().give_try_back(3), Err(Refused::NoTrial));
}

#[test]
fn a_slot_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = [0, 1].map(|n| folder.path().join(format!("p{n}")));
    let slot = Slot::new(pages.clone());
    assert!(slot.read().is_lost(), "not there");
    slot.create().expect("created");
    assert!(!slot.read().is_lost(), "never written");
    let _page = slot.write(Page::default()).expect("written");
    std::fs::write(&pages[1], "garbage").expect("written");
    assert!(!slot.read().is_lost(), "one page is whole");
    std::fs::write(&pages[0], "garbage").expect("written");
    assert!(slot.read().is_lost(), "both are garbage");
}

#[test]
fn what_the_store_lost_gives_way_to_what_stands_behind_it() {
    let page = Page::default()
        .adopt_factory(digest(1))
        .and_then(|page| page.arm(digest(2), 1))
        .and_then(Page::commit)
        .and_then(|page| page.arm(digest(3), 1))
        .expect("each step makes sense");
    let roles = |page: &Page| {
        page.candidates()
            .into_iter()
            .map(|(digest, _)| digest)
            .collect::<Vec<_>>()
    };
    assert_eq!(roles(&page), [digest(3), digest(2), digest(1)]);
    let page = page.lost(digest(2));
    assert_eq!(roles(&page), [digest(3), digest(1)]);
    assert_eq!(page.committed(), Some(digest(1)));
    let page = page.lost(digest(3)).lost(digest(1));
    assert_eq!(roles(&page), []);
    assert_eq!(page.bad(), []);
}

fn slot() -> (tempfile::TempDir, Slot, [std::path::PathBuf; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = ["a.p0", "a.p1"].map(|name| folder.path().join(name));
    let slot = Slot::new(pages.clone());
    slot.create().expect("created");
    (folder, slot, pages)
}

#[test]
fn a_new_slot_is_blank_and_says_so() {
    let (_folder, slot, _) = slot();
    let reading = slot.read();
    assert_eq!(reading.page, Page::default());
    assert_eq!(reading.damage, [Some(Damage::Blank); 2]);
}

#[test]
fn creating_a_slot_again_changes_nothing() {
    let (_folder, slot, _) = slot();
    let page = slot
        .write(Page::default().adopt_factory(digest(1)).expect("adopted"))
        .expect("written");
    slot.create().expect("created again");
    assert_eq!(slot.read().page, page);
}

#[test]
fn both_pages_garbled_is_survived() {
    let (_folder, slot, pages) = slot();
    std::fs::write(&pages[0], [9; 600]).expect("written");
    std::fs::remove_file(&pages[1]).expect("removed");
    let reading = slot.read();
    assert_eq!(
        reading.damage,
        [Some(Damage::Garbled), Some(Damage::Unreadable)]
    );
    // Both heal with the next two writes.
    let page = slot
        .write(reading.page.adopt_factory(digest(1)).expect("adopted"))
        .expect("written");
    let page = slot
        .write(page.arm(digest(2), 1).expect("armed"))
        .expect("written");
    assert_eq!(slot.read().page, page);
    assert_eq!(slot.read().damage, [None, None]);
}

#[test]
fn who_did_not_see_the_latest_page_may_not_write() {
    let (_folder, slot, _) = slot();
    let seen = slot.read().page;
    let theirs = slot
        .write(seen.clone().adopt_factory(digest(1)).expect("adopted"))
        .expect("written");
    let mine = slot.write(seen.adopt_factory(digest(2)).expect("adopted"));
    assert!(
        matches!(
            mine,
            Err(shared_slots::WriteError::Stale { read: 0, found: 1 })
        ),
        "{mine:?}"
    );
    assert_eq!(slot.read().page, theirs);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_torn_page_is_ignored_and_the_other_wins(
        writes in 1..6_u8,
        torn in 0..PAGE_BYTES,
        cut in any::<bool>(),
    ) {
        let (_folder, slot, pages) = slot();
        let mut page = slot.read().page;
        let mut before = page.clone();
        for name in 0..=writes {
            before = page.clone();
            page = slot.write(page.arm(digest(name), 3).expect("armed")).expect("written");
        }
        let newest = pages
            .iter()
            .find(|path| std::fs::read(path).expect("readable") == page.encode())
            .expect("one of the two");
        let mut bytes = page.encode().to_vec();
        if cut {
            bytes.truncate(torn);
        } else {
            bytes[torn] ^= 0x55;
        }
        std::fs::write(newest, bytes).expect("torn");
        prop_assert_eq!(slot.read().page, before);
    }
}
