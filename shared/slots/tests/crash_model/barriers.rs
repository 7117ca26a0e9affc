//! What the model is worth: each barrier is left out in turn, and each order turned round, and each
//! time the model must notice.

use std::collections::BTreeSet;

use crate::explore::Scope;
use crate::host::{Host, Mutant, store};
use crate::scenarios::{
    AGENT_UPGRADED, BAD_LAUNCHER, DOWNGRADED, INSTALLED, Scenario, UPGRADED_AGAIN, explored,
    prepared,
};
use crate::sim::Sim;
use crate::world::agent;

/// Why a barrier stays although its absence is not noticed.
type Excuse = Option<&'static str>;

/// Every barrier of store, slots and records, and a scenario that misses it.
const BARRIERS: [(&str, Scenario, Excuse); 16] = [
    ("page.sync", AGENT_UPGRADED, None),
    ("page.sync-other", DOWNGRADED, None),
    ("record.sync", AGENT_UPGRADED, None),
    ("record.sync-folder", AGENT_UPGRADED, None),
    ("record.sync-parent", INSTALLED, None),
    ("clear.sync-store", UPGRADED_AGAIN, None),
    (
        "reserve.sync",
        INSTALLED,
        Some("it makes the disk find the blocks now; what is lost with it is only the reserve"),
    ),
    ("seal.sync-file", AGENT_UPGRADED, None),
    ("seal.sync-folder", AGENT_UPGRADED, None),
    ("seal.sync-meta", AGENT_UPGRADED, None),
    ("seal.sync-present", AGENT_UPGRADED, None),
    ("seal.sync-store", AGENT_UPGRADED, None),
    ("slot.sync-created", INSTALLED, None),
    ("slot.sync-dir", INSTALLED, None),
    ("slot.sync-page", UPGRADED_AGAIN, None),
    (
        "store.sync-parent",
        INSTALLED,
        Some("the slot syncs the same folder next, which the store cannot know"),
    ),
];

const ORDERS: [(Mutant, Scenario); 4] = [
    (Mutant::StartBeforeCount, AGENT_UPGRADED),
    (Mutant::StartBeforeCount, BAD_LAUNCHER),
    (Mutant::SweepBeforeCommit, UPGRADED_AGAIN),
    (Mutant::ArmBeforeSeal, AGENT_UPGRADED),
];

#[test]
fn leaving_out_any_barrier_is_noticed() {
    for (barrier, scenario, excuse) in BARRIERS {
        let scope = Scope {
            omitted: Some(barrier),
            ..Scope::default()
        };
        let findings = explored(scenario, scope);
        let noticed = findings.violation.as_deref();
        println!(
            "without {barrier}: {} ({} states)",
            noticed.or(excuse).unwrap_or("nothing"),
            findings.states
        );
        assert_ne!(noticed.is_some(), excuse.is_some(), "{barrier}");
    }
}

#[test]
fn turning_round_any_order_is_noticed() {
    for (mutant, scenario) in ORDERS {
        let scope = Scope {
            mutant: Some(mutant),
            ..Scope::default()
        };
        let findings = explored(scenario, scope);
        let noticed = findings.violation.as_deref();
        println!("{mutant:?}: {noticed:?} ({} states)", findings.states);
        assert!(noticed.is_some(), "{mutant:?}");
    }
}

#[test]
fn the_table_has_every_barrier() {
    let passed: BTreeSet<_> = [INSTALLED, DOWNGRADED, UPGRADED_AGAIN]
        .into_iter()
        .flat_map(|scenario| {
            let (image, world) = prepared(scenario);
            let sim = Sim::mount(&image, world);
            Host::new(&sim, None).run().expect("nothing goes wrong");
            sim.syncs.take()
        })
        .collect();
    let listed: BTreeSet<_> = BARRIERS.iter().map(|(barrier, ..)| *barrier).collect();
    assert_eq!(passed, listed);
}

/// Putting a corrupt version aside is on no upgrade's way.
#[test]
fn what_was_put_aside_does_not_come_back_half_removed() {
    for omitted in [None, Some("clear.sync-store")] {
        let (image, world) = prepared(AGENT_UPGRADED);
        let digest = agent(1, true).digest();
        let sim = Sim::mount(&image, world).omitting(omitted);
        sim.garble(&store(&sim).folder(digest).join("agent"), b"rotten");
        store(&sim).quarantine(digest).expect("put aside");
        let keep = store(&sim).list().expect("listed").into_keys().collect();
        store(&sim).sweep(&keep).expect("swept");
        let comes_back = (0..64).any(|pick| {
            let after = Sim::mount(&sim.power_cut(pick), sim.world.borrow().clone());
            let listed = store(&after).list().expect("listed");
            listed.contains_key(&digest)
        });
        assert_eq!(comes_back, omitted.is_some());
    }
}
