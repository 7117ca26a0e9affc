//! What must hold on every disk that a power cut can leave, before anything is mended.
//!
//! The numbers are those of the invariants in `ARCHITECTURE.md`. That nothing unsigned is executed,
//! number 2, is also checked at each start in [`crate::host`].

use crate::disk::Image;
use crate::host::{Host, Mutant, read_manifest, slot, store};
use crate::sim::Sim;
use crate::world::{TRIES, Tier, Version, World};

/// Restarts after which a host must have what the server offers. One, but for a version that was
/// given up because too many of its starts ended with the power.
const RESTARTS: usize = 3;

/// Looks at a disk as a power cut left it.
pub(crate) fn check(image: &Image, world: &World) -> Vec<String> {
    let sim = Sim::mount(image, world.clone());
    for tier in Tier::BOTH {
        check_slot(&sim, world, tier);
    }
    check_store(&sim);
    if read_manifest(&sim) < world.serial {
        sim.violated("the mark below which no manifest is accepted went back");
    }
    sim.violations.into_inner()
}

fn check_slot(sim: &Sim, world: &World, tier: Tier) {
    let page = slot(sim, tier).read().page;
    let name = tier.name();
    let whole = |digest| store(sim).verified(digest, name).is_ok();
    let written = world.written.get(&tier).copied().unwrap_or_default();
    if page.generation() < written {
        let found = page.generation();
        sim.violated(format!(
            "invariant 3: the {name} page went back from {written} to {found}"
        ));
    }
    if world.has_committed.contains_key(&tier) && !page.committed().is_some_and(whole) {
        sim.violated(format!("invariant 1: no whole committed {name}"));
    }
    for (what, digest) in [
        ("previous", page.previous()),
        ("trial", page.trial().map(|trial| trial.digest)),
    ] {
        if digest.is_some_and(|digest| !whole(digest)) {
            sim.violated(format!("invariant 4: the {what} {name} is not whole"));
        }
    }
    if let Some(trial) = page.trial() {
        let starts = world.starts.get(&trial.digest).copied().unwrap_or_default();
        if starts + trial.tries_left > TRIES {
            sim.violated(format!(
                "invariant 3: the {name} was started {starts} times and has {} tries left",
                trial.tries_left
            ));
        }
    }
}

/// A folder with a digest for a name is complete, with what belongs to it.
fn check_store(sim: &Sim) {
    let store = store(sim);
    for (digest, meta) in store.list().unwrap_or_default() {
        let Some(version) = Version::of(digest) else {
            sim.violated(format!("a stranger is in the store: {digest}"));
            continue;
        };
        let name = version.component;
        if store.verified(digest, name).is_err() {
            sim.violated(format!("invariant 1: a sealed {name} is not whole"));
        }
        if sim.executed(&store.folder(digest).join(name)) != Some(digest) {
            sim.violated(format!("invariant 1: a sealed {name} cannot be executed"));
        }
        if meta != version.meta() {
            sim.violated(format!("invariant 6: a sealed {name} lost its description"));
        }
        if name == "agent" && store.verified(digest, "buildkite-agent").is_err() {
            sim.violated("a sealed agent lost its second name");
        }
        let plugins = meta.plugins.filter(|_| is_named(sim, digest));
        if plugins.is_some_and(|plugins| store.verified(plugins, "plugins").is_err()) {
            sim.violated("invariant 4: an agent lost its plugins");
        }
    }
}

fn is_named(sim: &Sim, digest: shared_slots::Digest) -> bool {
    slot(sim, Tier::Agent).read().page.named().contains(&digest)
}

/// Starts the host again until it has come to rest with all that the server offers and that is
/// good. Invariants 5 and 7.
pub(crate) fn converges(sim: &Sim, mutant: Option<Mutant>) {
    for _ in 0..RESTARTS {
        if unfinished(sim).is_empty() {
            return;
        }
        sim.start_again();
        if Host::new(sim, mutant).run().is_err() {
            sim.violated("invariant 7: a start on a healthy disk failed");
            return;
        }
    }
    let missing = unfinished(sim);
    if !missing.is_empty() {
        sim.violated(format!("invariant 5: {missing}"));
    }
}

/// What the host has not come to, as far as it can.
fn unfinished(sim: &Sim) -> String {
    let Some(release) = sim.world.borrow().release else {
        return String::new();
    };
    let mut missing = Vec::new();
    for tier in Tier::BOTH {
        let (page, wanted) = (slot(sim, tier).read().page, release.of(tier));
        let has = page.committed().and_then(Version::of);
        let name = tier.name();
        if wanted.good && has != Some(wanted) {
            missing.push(format!("the committed {name} is {has:?}"));
        }
        if has.is_some_and(|version| !version.good) {
            missing.push(format!("a bad {name} is committed"));
        }
        if page.trial().is_some() {
            missing.push(format!("the {name} is still on trial"));
        }
    }
    missing.join(", ")
}
