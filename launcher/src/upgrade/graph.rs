//! The graph of the machine, found by walking it, and compared with the one in the documentation.
//!
//! `BLESS=1 cargo test -p launcher graph` writes it there after a change of the machine.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use shared_slots::Reason;

use super::tests::{digest, now, start, task};
use super::*;

/// From where, by what, to where.
type Edge = (Step, &'static str, Step);

const BEGIN: &str = "<!-- graph: begin -->\n";
const END: &str = "<!-- graph: end -->";

/// One of each kind of event, with what the kinds of their data lead to.
fn samples() -> Vec<(&'static str, Event)> {
    let [agent, launcher] = [Component::Agent, Component::Launcher].map(task);
    let judged = |verdict| Event::Judged(verdict);
    let mut samples = vec![
        ("Tick", Event::Tick),
        ("AskNow", Event::AskNow),
        ("Asked", Event::Asked),
        ("NothingNew", Event::NothingNew),
        ("PassedOver", Event::PassedOver),
        ("Failed", Event::Failed { rest: None }),
        ("NotStarted", Event::NotStarted),
        ("Spoiled", Event::Spoiled),
        ("Received", Event::Received(1, 2)),
        ("Downloaded", Event::Downloaded),
        ("Staged", Event::Staged),
        ("Armed", Event::Armed),
        ("Resumed", Event::Resumed(digest(3))),
        ("Judged", judged(Verdict::Commit)),
        ("Judged", judged(Verdict::Withdraw)),
        ("Judged", judged(Verdict::Overtaken)),
        ("Judged", judged(Verdict::Reject(Reason::NoAnswer))),
        ("Settled", Event::Settled),
    ];
    for task in [agent, launcher] {
        samples.push(("Checked", Event::Checked(task.clone())));
        samples.push(("FallBack", Event::FallBack(task.clone())));
        let (why, until) = (Block::Spread, None);
        samples.push(("Blocked", Event::Blocked { task, why, until }));
    }
    samples
}

/// Time passes only with a tick, and then so much that whatever waits is due.
fn at(event: &str) -> Now {
    now(if event == "Tick" { 1_000_000 } else { 0 })
}

/// Every edge that any sequence of events can take.
fn edges() -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    let mut seen: Vec<Upgrade> = Vec::new();
    let mut open = vec![start()];
    while let Some(state) = open.pop() {
        if seen.contains(&state) {
            continue;
        }
        for (name, event) in samples() {
            let (next, effects) = state.clone().next(event, at(name));
            if next == state && effects.is_empty() {
                continue;
            }
            edges.insert((state.step(), name, next.step()));
            // The number of failures only lengthens a wait; without a bound there is no end.
            if next.failures() < 3 {
                open.push(next);
            }
        }
        seen.push(state);
    }
    edges
}

/// The edges as a drawing: one arrow per pair of states, with all that leads along it.
fn mermaid() -> String {
    let edges = edges();
    let mut text = String::from("```mermaid\nstateDiagram-v2\n    [*] --> Idle\n");
    let pairs: BTreeSet<(Step, Step)> = edges.iter().map(|(from, _, to)| (*from, *to)).collect();
    for (from, to) in pairs {
        let along = edges.iter().filter(|edge| (edge.0, edge.2) == (from, to));
        let events: Vec<&str> = along.map(|edge| edge.1).collect();
        let _ = writeln!(text, "    {from:?} --> {to:?}: {}", events.join(", "));
    }
    text.push_str("    Leaving --> [*]\n```\n");
    text
}

#[test]
fn the_graph_in_the_documentation_is_the_machine() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/life-of-an-upgrade.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let drawn = format!("{before}{BEGIN}{}{END}{after}", mermaid());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, drawn).unwrap();
        return;
    }
    assert!(
        page == drawn,
        "run BLESS=1 cargo test -p launcher graph, and look at the difference"
    );
}

#[test]
fn every_state_is_reached_and_all_but_the_last_one_are_left() {
    let edges = edges();
    let reached: BTreeSet<Step> = edges.iter().map(|edge| edge.2).collect();
    let left: BTreeSet<Step> = edges.iter().filter(|e| e.0 != e.2).map(|e| e.0).collect();
    assert_eq!(reached.len(), 9, "{reached:?}");
    assert!(
        !left.contains(&Step::Leaving) && left.len() == 8,
        "{left:?}"
    );
}

#[test]
fn a_version_is_only_tried_out_by_way_of_the_page() {
    for (from, event, to) in edges() {
        if to == Step::Trying && from != Step::Trying {
            let expected = matches!(
                (from, event),
                (Step::Arming, "Armed") | (Step::Idle, "Resumed") | (Step::Settling, "Failed")
            );
            assert!(expected, "{from:?} by {event}");
        }
    }
}
