//! The upgrades that are looked at.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::disk::{Content, Image};
use crate::explore::{Findings, Scope, explore};
use crate::host::{FACTORY_FILE, Host, STATE};
use crate::sim::Sim;
use crate::world::{FACTORY, Release, World, agent, launcher};

/// Releases that a host goes through one after the other; the crashes happen in the last.
pub(crate) type Scenario = &'static [Release];

const fn release(serial: u8, launcher_number: u8, agent_number: u8) -> Release {
    Release {
        serial,
        launcher: launcher(launcher_number, true),
        agent: agent(agent_number, true),
    }
}

pub(crate) const INSTALLED: Scenario = &[release(1, 0, 1)];
pub(crate) const AGENT_UPGRADED: Scenario = &[release(1, 0, 1), release(2, 0, 2)];
pub(crate) const BOTH_UPGRADED: Scenario = &[release(1, 1, 1), release(2, 2, 2)];
pub(crate) const UPGRADED_AGAIN: Scenario = &[release(1, 1, 1), release(2, 2, 2), release(3, 3, 3)];
pub(crate) const DOWNGRADED: Scenario = &[release(1, 1, 1), release(2, 2, 2), release(3, 1, 1)];
pub(crate) const BAD_AGENT: Scenario = &[
    release(1, 1, 1),
    Release {
        serial: 2,
        launcher: launcher(1, true),
        agent: agent(2, false),
    },
];
pub(crate) const BAD_LAUNCHER: Scenario = &[
    release(1, 0, 1),
    Release {
        serial: 2,
        launcher: launcher(1, false),
        agent: agent(1, true),
    },
];

/// A disk with nothing on it but the factory launcher and an empty state folder.
fn empty() -> Image {
    let factory = Image::File(Content::new(FACTORY.bytes(), true));
    let name = |path: &str| Rc::from(&path[1..]);
    Image::Folder(BTreeMap::from([
        (name(FACTORY_FILE), Rc::new(factory)),
        (name(STATE), Rc::new(Image::Folder(BTreeMap::new()))),
    ]))
}

/// The disk and the witness right before the last release of a scenario is offered.
pub(crate) fn prepared(scenario: Scenario) -> (Image, World) {
    let (last, before) = scenario.split_last().expect("a scenario has a release");
    let mut world = World::new(*last);
    let mut image = empty();
    for release in before {
        world.release = Some(*release);
        let sim = Sim::mount(&image, world);
        Host::new(&sim, None).run().expect("nothing goes wrong");
        assert_eq!(*sim.violations.borrow(), [""; 0]);
        image = sim.kept();
        world = sim.world.borrow().clone();
    }
    world.release = Some(*last);
    (image, world)
}

pub(crate) fn explored(scenario: Scenario, scope: Scope) -> Findings {
    let (image, world) = prepared(scenario);
    explore(&image, &world, scope)
}

#[expect(
    clippy::print_stdout,
    reason = "how much was looked at is part of the result"
)]
fn survives(name: &str, scenario: Scenario, once: bool) {
    let scope = Scope {
        once,
        ..Scope::default()
    };
    let findings = explored(scenario, scope);
    println!(
        "{name}: {} operations, {} runs, {} crash states",
        findings.operations, findings.runs, findings.states
    );
    assert_eq!(findings.violation, None);
    assert!(findings.states > 100, "the model looked at next to nothing");
}

#[test]
fn an_installation_survives_every_crash() {
    survives("installation", INSTALLED, false);
}

#[test]
fn an_upgrade_of_the_agent_survives_every_crash() {
    survives("agent", AGENT_UPGRADED, false);
}

#[test]
fn an_upgrade_of_both_survives_every_crash() {
    survives("both", BOTH_UPGRADED, false);
}

#[test]
fn an_upgrade_after_an_upgrade_survives_every_crash() {
    survives("again", UPGRADED_AGAIN, true);
}

#[test]
fn a_downgrade_survives_every_crash() {
    survives("downgrade", DOWNGRADED, false);
}

#[test]
fn a_bad_agent_survives_no_crash_and_the_host_does() {
    survives("bad agent", BAD_AGENT, false);
}

#[test]
fn a_bad_launcher_survives_no_crash_and_the_host_does() {
    survives("bad launcher", BAD_LAUNCHER, false);
}
