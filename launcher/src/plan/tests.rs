//! What follows from a manifest, by table.

use jiff::Timestamp;
use proptest::prelude::*;
use shared_release::Downgrade;
use shared_slots::Reason;

use super::*;

const LATER: Moment = Moment {
    boot: [1; 16],
    seconds: 100_000,
};

fn digest(n: u8) -> Digest {
    Digest::from_bytes([n; 32])
}

fn release(component: Component, n: u8) -> Release {
    Release {
        component: component.name().into(),
        version: format!("v{n}"),
        seq: n.into(),
        min_from_seq: 0,
        barrier: false,
        security: false,
        targets: vec![Target::plain(OS, ARCH, digest(n), 9)],
    }
}

/// A release of launcher 11 and agent 21.
fn manifest() -> Manifest {
    let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
    let mut manifest = Manifest::new("stable", 5, day(1), day(9));
    manifest.releases = vec![
        release(Component::Launcher, 11),
        release(Component::Agent, 21),
    ];
    manifest
}

fn committed(n: u8) -> Page {
    Page::default().arm(digest(n), 1).unwrap().commit().unwrap()
}

fn rejected(page: Page, n: u8) -> Page {
    page.arm(digest(n), 1)
        .unwrap()
        .reject(Reason::NoAnswer, LATER)
        .unwrap()
}

/// A host that runs launcher 10 and agent 20, installed as 10 and 20.
struct Host {
    launcher: Option<u8>,
    launcher_page: Page,
    agent_page: Page,
    spoiled: Vec<Digest>,
    sequences: BTreeMap<Digest, u64>,
    sealed: BTreeSet<Digest>,
    pins: HashMap<Component, String>,
    rescue: bool,
}

impl Host {
    fn new() -> Self {
        Self {
            launcher: Some(10),
            launcher_page: committed(10),
            agent_page: committed(20),
            spoiled: Vec::new(),
            sequences: [(digest(10), 10), (digest(20), 20)].into(),
            sealed: BTreeSet::new(),
            pins: HashMap::new(),
            rescue: false,
        }
    }

    /// Only the agent can be replaced, and this is its page.
    fn with_agent(agent_page: Page) -> Self {
        Self {
            launcher: None,
            agent_page,
            ..Self::new()
        }
    }

    fn plan(&self, manifest: &Manifest) -> Plan {
        let installed = Installed {
            launcher: self.launcher.map(digest),
            launcher_page: &self.launcher_page,
            agent_page: &self.agent_page,
            now: LATER,
            spoiled: &self.spoiled,
            sequences: &self.sequences,
            sealed: &self.sealed,
            pins: &self.pins,
            rescue: [self.rescue; 2],
        };
        plan(manifest, &installed)
    }
}

fn wanted(plan: &Plan) -> Option<u8> {
    Some(plan.task.as_ref()?.digest.as_bytes()[0])
}

fn whys(plan: &Plan) -> Vec<Why> {
    plan.skipped.iter().map(|skipped| skipped.why).collect()
}

#[test]
fn only_a_launcher_that_stands_in_for_one_on_trial_makes_room() {
    let armed = |tries| committed(10).arm(digest(11), tries).unwrap();
    let spent = armed(1).count_try().unwrap();
    for (page, own, passed_over) in [
        (committed(10), Some(10), false),
        (armed(3), Some(10), true),
        (armed(3), Some(9), true),
        // Its verdict is missing.
        (spent, Some(10), true),
        // It is the one on trial.
        (armed(3), Some(11), false),
        // It does not run from the store, so no bootstrapper chose it.
        (armed(3), None, false),
    ] {
        assert_eq!(
            is_passed_over(&page, own.map(digest)),
            passed_over,
            "{page:?} {own:?}"
        );
    }
}

#[test]
fn the_launcher_goes_first_and_then_the_agent() {
    let mut host = Host::new();
    assert_eq!(wanted(&host.plan(&manifest())), Some(11));
    (host.launcher, host.launcher_page) = (Some(11), committed(11));
    assert_eq!(wanted(&host.plan(&manifest())), Some(21));
    host.agent_page = committed(21);
    assert_eq!(host.plan(&manifest()), Plan::default());
}

#[test]
fn a_host_with_nothing_gets_an_agent() {
    let task = Host::with_agent(Page::default())
        .plan(&manifest())
        .task
        .unwrap();
    assert_eq!((task.component, task.serial), (Component::Agent, 5));
    assert_eq!(task.cause, Cause::Release);
}

#[test]
fn without_a_bootstrapper_the_launcher_stays_what_it_is() {
    let host = Host::with_agent(committed(20));
    assert_eq!(wanted(&host.plan(&manifest())), Some(21));
}

#[test]
fn an_armed_launcher_is_not_armed_again() {
    let mut host = Host::new();
    host.launcher_page = committed(10).arm(digest(11), 3).unwrap();
    host.agent_page = committed(21);
    let plan = host.plan(&manifest());
    assert_eq!(
        (plan.task.is_none(), whys(&plan)),
        (true, vec![Why::AwaitsStart])
    );
}

#[test]
fn a_factory_copy_that_stands_in_for_the_committed_launcher_waits_for_the_next_one() {
    let mut host = Host::new();
    host.launcher_page = committed(11);
    assert_eq!(wanted(&host.plan(&manifest())), Some(21));
    let mut next = manifest();
    next.releases.push(release(Component::Launcher, 12));
    assert_eq!(wanted(&host.plan(&next)), Some(12));
}

#[test]
fn a_rejected_launcher_does_not_hold_the_agent_back() {
    let mut host = Host::new();
    host.launcher_page = rejected(committed(10), 11);
    let plan = host.plan(&manifest());
    assert_eq!(whys(&plan), [Why::Held(Reason::NoAnswer)]);
    assert_eq!(wanted(&plan), Some(21));
    // Unless no other launcher runs either.
    host.rescue = true;
    assert_eq!(wanted(&host.plan(&manifest())), Some(11));
}

#[test]
fn a_rejected_agent_is_tried_again_only_where_nothing_else_runs() {
    let mut host = Host::with_agent(rejected(committed(20), 21));
    assert_eq!(wanted(&host.plan(&manifest())), None);
    host.rescue = true;
    assert_eq!(wanted(&host.plan(&manifest())), Some(21));
    let alone = Host::with_agent(rejected(Page::default(), 21));
    assert_eq!(wanted(&alone.plan(&manifest())), Some(21));
}

#[test]
fn a_missing_or_revoked_file_is_left_alone() {
    let mut release = manifest();
    release.revoked = vec![digest(21)];
    release.releases[0].targets[0].os = "plan9".into();
    let plan = Host::new().plan(&release);
    let expected = [Blocked::NoTarget, Blocked::Revoked].map(Why::Blocked);
    assert_eq!(whys(&plan), expected);
    assert_eq!(plan.task, None);
}

#[test]
fn a_file_that_came_wrong_holds_back_its_component_only() {
    let mut host = Host::new();
    host.spoiled = vec![digest(11)];
    let plan = host.plan(&manifest());
    assert_eq!(whys(&plan), [Why::Spoiled]);
    assert_eq!(wanted(&plan), Some(21));
}

#[test]
fn what_is_installed_and_taken_back_gives_way_to_whatever_may_run() {
    let both = Host::with_agent(committed(19).arm(digest(20), 1).unwrap().commit().unwrap());
    let host = || Host {
        agent_page: both.agent_page.clone(),
        ..Host::with_agent(Page::default())
    };
    let mut revoked = manifest();
    revoked.revoked = vec![digest(20)];
    let task = host().plan(&revoked).task.unwrap();
    assert_eq!((task.digest, task.cause), (digest(21), Cause::Revoked));
    // The newer one is held, so the one before has to do, if it is there and may run.
    revoked.revoked.push(digest(21));
    assert_eq!(
        whys(&host().plan(&revoked)),
        [Why::Blocked(Blocked::Revoked)]
    );
    let mut sealed = host();
    sealed.sealed = [digest(19)].into();
    let task = sealed.plan(&revoked).task.unwrap();
    assert_eq!((task.digest, task.supply), (digest(19), Supply::Store));
    revoked.revoked.push(digest(19));
    assert_eq!(sealed.plan(&revoked).task, None);
}

#[test]
fn what_is_installed_and_taken_back_with_its_release_runs_on() {
    let mut revoked = manifest();
    revoked.revoked = vec![digest(21)];
    let plan = Host::with_agent(committed(21)).plan(&revoked);
    assert_eq!(
        (plan.task.is_none(), whys(&plan)),
        (true, vec![Why::NothingElse])
    );
}

#[test]
fn a_host_goes_back_only_with_a_signature() {
    let mut host = Host::with_agent(committed(30));
    host.sequences = [(digest(30), 30)].into();
    let mut release = manifest();
    let plan = host.plan(&release);
    assert_eq!(whys(&plan), [Why::Blocked(Blocked::Downgrade)]);
    release.allow_downgrade = vec![Downgrade {
        component: "agent".into(),
        to_seq: 21,
        reason: "a hole".into(),
    }];
    assert_eq!(wanted(&host.plan(&release)), Some(21));
}

#[test]
fn a_host_that_was_off_goes_through_the_barrier_first() {
    let mut release = manifest();
    let mut fence = self::release(Component::Agent, 40);
    fence.barrier = true;
    let mut newest = self::release(Component::Agent, 90);
    newest.min_from_seq = 40;
    release.releases.extend([fence, newest]);
    let mut host = Host::with_agent(committed(20));
    assert_eq!(wanted(&host.plan(&release)), Some(40));
    host.agent_page = committed(40);
    assert_eq!(wanted(&host.plan(&release)), Some(90));
}

#[test]
fn a_pin_chooses_among_what_is_listed() {
    let mut release = manifest();
    release.releases.push(self::release(Component::Agent, 22));
    let mut host = Host::with_agent(committed(20));
    assert_eq!(wanted(&host.plan(&release)), Some(22));
    host.pins.insert(Component::Agent, "v21".into());
    assert_eq!(wanted(&host.plan(&release)), Some(21));
    host.pins.insert(Component::Agent, "v7".into());
    assert_eq!(whys(&host.plan(&release)), [Why::NotListed]);
}

proptest! {
    #[test]
    fn a_held_digest_is_never_armed_while_it_is_held(times in 1_u8..5, after in 0_u32..200_000) {
        let mut page = committed(20);
        for _ in 0..times {
            page = rejected(page, 21);
        }
        let now = Moment { seconds: LATER.seconds + after, ..LATER };
        let held = page.held(digest(21), now).is_some();
        let (nothing, none) = (Host::new(), Page::default());
        let installed = Installed {
            launcher: None, launcher_page: &none, agent_page: &page, now, spoiled: &[],
            sequences: &nothing.sequences, sealed: &nothing.sealed, pins: &nothing.pins,
            rescue: [false; 2],
        };
        prop_assert_eq!(plan(&manifest(), &installed).task.is_none(), held);
    }
}
