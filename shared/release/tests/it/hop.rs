//! Which version next: barriers, minimums, pins, downgrades, revocations, for a host of any age.

use proptest::prelude::*;
use shared_release::{Blocked, Downgrade, Hop, Installed, Manifest, Release, Target, Wish};
use shared_slots::Digest;

fn digest(seq: u64) -> Digest {
    Digest::of(&seq.to_le_bytes())
}

fn release(seq: u64, min_from_seq: u64, barrier: bool) -> Release {
    let mut release = crate::release("agent", seq);
    release.targets = vec![Target::plain("linux", "x86_64", digest(seq), 10)];
    release.min_from_seq = min_from_seq;
    release.barrier = barrier;
    release
}

/// A manifest that lists these numbers of the agent.
fn listing(releases: Vec<Release>) -> Manifest {
    let mut manifest = crate::manifest(1);
    manifest.releases = releases;
    manifest
}

fn wish(installed: Option<u64>) -> Wish<'static> {
    Wish {
        component: "agent",
        os: "linux",
        arch: "x86_64",
        installed: installed.map(|seq| Installed {
            seq,
            digest: digest(seq),
        }),
        pin: None,
    }
}

/// The numbers a host passes through, and how it ends.
fn route(manifest: &Manifest, mut wish: Wish<'_>) -> (Vec<u64>, Option<Blocked>) {
    let mut route = Vec::new();
    loop {
        match manifest.next_hop(&wish) {
            Hop::Install(release, target) => {
                assert!(route.len() < 100, "it goes in circles: {route:?}");
                route.push(release.seq);
                wish.installed = Some(Installed {
                    seq: release.seq,
                    digest: target.sha256,
                });
            }
            Hop::Stay => return (route, None),
            Hop::Blocked(_, why) => return (route, Some(why)),
            Hop::NotListed => panic!("it was listed"),
        }
    }
}

#[test]
fn hosts_of_every_age_take_the_way_that_the_publisher_laid() {
    let plain = listing(vec![release(9, 0, false), release(7, 0, false)]);
    let barrier = listing(vec![
        release(9, 0, false),
        release(5, 0, true),
        release(7, 0, false),
    ]);
    let stones = listing(vec![
        release(9, 6, false),
        release(6, 3, false),
        release(3, 0, true),
    ]);
    let dead_end = listing(vec![release(9, 6, false), release(4, 0, false)]);
    let stuck = Some(Blocked::TooOld);
    for (manifest, from, way, end) in [
        (&plain, Some(1), &[9][..], None),
        (&plain, None, &[9], None),
        (&plain, Some(9), &[], None),
        (&barrier, Some(1), &[5, 9], None),
        (&barrier, Some(4), &[5, 9], None),
        (&barrier, Some(5), &[9], None),
        (&barrier, Some(6), &[9], None),
        (&barrier, None, &[9], None),
        (&stones, Some(0), &[3, 6, 9], None),
        (&stones, Some(4), &[6, 9], None),
        (&stones, Some(8), &[9], None),
        (&stones, None, &[9], None),
        (&dead_end, Some(1), &[4], stuck),
        (&dead_end, Some(5), &[], stuck),
        (&dead_end, Some(6), &[9], None),
    ] {
        let found = route(manifest, wish(from));
        assert_eq!(found, (way.to_vec(), end), "from {from:?}");
    }
}

#[test]
fn down_only_by_a_signed_permission_that_reaches_far_enough() {
    let mut back = listing(vec![release(5, 0, true), release(4, 0, false)]);
    assert_eq!(
        route(&back, wish(Some(8))),
        (vec![], Some(Blocked::Downgrade))
    );
    for (to_seq, way, end) in [(6, vec![], Some(Blocked::Downgrade)), (5, vec![5], None)] {
        back.allow_downgrade = vec![Downgrade {
            component: "agent".into(),
            to_seq,
            reason: "loses logs".into(),
        }];
        assert_eq!(route(&back, wish(Some(8))), (way, end));
    }
}

#[test]
fn a_pin_picks_among_the_listed_versions_and_nothing_else() {
    let manifest = listing(vec![release(9, 0, false), release(7, 0, false)]);
    let pinned = |installed, pin| Wish {
        pin: Some(pin),
        ..wish(installed)
    };
    assert_eq!(route(&manifest, pinned(Some(1), "0.7.0")), (vec![7], None));
    assert_eq!(route(&manifest, pinned(Some(7), "0.7.0")), (vec![], None));
    assert_eq!(route(&manifest, pinned(None, "0.7.0")), (vec![7], None));
    let down = route(&manifest, pinned(Some(9), "0.7.0"));
    assert_eq!(down, (vec![], Some(Blocked::Downgrade)));
    let unlisted = manifest.next_hop(&pinned(Some(1), "0.8.0"));
    assert_eq!(unlisted, Hop::NotListed);
}

#[test]
fn a_revoked_file_is_never_installed_and_is_left_where_that_is_allowed() {
    let mut manifest = listing(vec![release(9, 0, false), release(7, 0, false)]);
    manifest.revoked = vec![digest(9)];
    assert_eq!(route(&manifest, wish(Some(1))), (vec![7], None));
    assert_eq!(route(&manifest, wish(None)), (vec![7], None));
    let stranded = route(&manifest, wish(Some(9)));
    assert_eq!(stranded, (vec![], Some(Blocked::Downgrade)));
    manifest.allow_downgrade = vec![Downgrade {
        component: "agent".into(),
        to_seq: 7,
        reason: "9 loses logs".into(),
    }];
    assert_eq!(route(&manifest, wish(Some(9))), (vec![7], None));
    manifest.revoked.push(digest(7));
    assert_eq!(
        route(&manifest, wish(Some(1))),
        (vec![], Some(Blocked::Revoked))
    );
}

#[test]
fn a_barrier_without_a_usable_file_stops_who_must_pass_it() {
    let mut manifest = listing(vec![release(9, 0, false), release(5, 0, true)]);
    manifest.revoked = vec![digest(5)];
    assert_eq!(
        route(&manifest, wish(Some(1))),
        (vec![], Some(Blocked::Revoked))
    );
    assert_eq!(route(&manifest, wish(Some(5))), (vec![9], None));
}

#[test]
fn a_platform_gets_the_newest_version_that_has_a_file_for_it() {
    let mut newest = release(9, 0, false);
    newest.targets[0].arch = "aarch64".into();
    let manifest = listing(vec![newest, release(7, 0, false)]);
    assert_eq!(route(&manifest, wish(Some(1))), (vec![7], None));
    let only = listing(vec![manifest.releases[0].clone()]);
    let missing = route(&only, wish(Some(1)));
    assert_eq!(missing, (vec![], Some(Blocked::NoTarget)));
}

#[test]
fn the_same_file_under_a_higher_number_is_installed_already() {
    let mut again = release(9, 8, false);
    again.targets[0].sha256 = digest(2);
    let manifest = listing(vec![again]);
    assert_eq!(route(&manifest, wish(Some(2))), (vec![], None));
}

#[test]
fn a_component_that_is_not_listed_stays() {
    assert_eq!(listing(Vec::new()).next_hop(&wish(Some(3))), Hop::Stay);
}

#[test]
fn plugins_belong_to_the_agent_of_their_version() {
    let mut manifest = listing(vec![release(9, 0, false), release(7, 0, false)]);
    let mut plugins = release(4, 0, false);
    plugins.component = "plugins".into();
    plugins.version = "0.7.0".into();
    manifest.releases.push(plugins);
    let of = |seq| {
        let agent = manifest.releases.iter().find(|release| release.seq == seq);
        let plugins = manifest.plugins_of(agent.unwrap(), "linux", "x86_64");
        plugins.map(|target| target.sha256)
    };
    assert_eq!((of(7), of(9)), (Some(digest(4)), None));
}

prop_compose! {
    fn any_listing()(entries in prop::collection::btree_map(1_u64..30, (0_u64..30, any::<bool>()), 1..12)) -> Manifest {
        listing(entries.into_iter().map(|(seq, (min, barrier))| release(seq, min, barrier)).collect())
    }
}

proptest! {
    /// The best next step is as good as trying all ways.
    #[test]
    fn who_can_get_there_does_and_never_jumps_a_barrier(manifest in any_listing(), from in 0_u64..32) {
        let goal = manifest.release("agent").unwrap().seq;
        let (way, end) = route(&manifest, wish(Some(from)));
        let mut here = from;
        for seq in &way {
            let next = manifest.releases.iter().find(|release| release.seq == *seq).unwrap();
            prop_assert!(*seq > here && next.min_from_seq <= here);
            let jumped = manifest.releases.iter().any(|one| one.barrier && here < one.seq && one.seq < *seq);
            prop_assert!(!jumped);
            here = *seq;
        }
        prop_assert_eq!(end.is_none(), reachable(&manifest, from, goal));
        if end.is_none() {
            prop_assert_eq!(here, goal.max(from));
        }
    }
}

/// Whether any way leads from one number to another.
fn reachable(manifest: &Manifest, from: u64, goal: u64) -> bool {
    let may_step = |to: &Release| {
        from < to.seq
            && to.min_from_seq <= from
            && !manifest
                .releases
                .iter()
                .any(|one| one.barrier && from < one.seq && one.seq < to.seq)
    };
    from == goal
        || manifest
            .releases
            .iter()
            .any(|to| to.seq <= goal && may_step(to) && reachable(manifest, to.seq, goal))
}
