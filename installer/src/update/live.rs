//! `trireme update check` and `apply`: the launcher does the work.

use std::collections::BTreeMap;

use shared_control::reply::Change;
use shared_control::{Answer, Request};
use shared_handover::exit::Exit;
use std::fmt::Write as _;

use super::known;
use crate::ask::ask_running;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Host;
use crate::show::progress::Progress;

pub(crate) fn check(host: &Host, output: &Output) -> Result<Exit, Failure> {
    let answer = order(host, &Request::Check, output)?;
    tell(&answer, output);
    Ok(Exit::Success)
}

/// What a launcher has done already is no change to it any more, but it is to whoever ordered it.
pub(crate) fn apply(host: &Host, to: Option<String>, output: &Output) -> Result<Exit, Failure> {
    let before = committed(host);
    let mut answer = order(host, &Request::Apply { to }, output)?;
    if let Answer::Release { changes, .. } = &mut answer {
        for (component, to) in committed(host) {
            let from = before.get(&component).cloned().unwrap_or_default();
            if from != to && !changes.iter().any(|change| change.component == component) {
                changes.push(Change {
                    component,
                    from,
                    to,
                    done: true,
                    why: String::new(),
                });
            }
        }
    }
    tell(&answer, output);
    Ok(outcome(&answer))
}

/// The committed versions, as people write them.
fn committed(host: &Host) -> BTreeMap<String, String> {
    let components = known(host).status.components.into_iter();
    components
        .filter_map(|(name, component)| Some((name, component.committed?.version)))
        .collect()
}

fn order(host: &Host, request: &Request, output: &Output) -> Result<Answer, Failure> {
    let mut progress = Progress::new(output);
    let answer = ask_running(host, request, |line| progress.take(line));
    progress.end();
    answer
}

/// What something stands against was not done as ordered; what is under way goes on.
fn outcome(answer: &Answer) -> Exit {
    let stands = |change: &Change| !change.done && !change.why.is_empty();
    match answer {
        Answer::Release { changes, .. } if changes.iter().any(stands) => Exit::Failure,
        _ => Exit::Success,
    }
}

fn tell(answer: &Answer, output: &Output) {
    output.document(answer);
    if let Answer::Release { serial, changes } = answer {
        output.text(&told(*serial, changes));
    }
}

fn told(serial: u64, changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("up to date: this host runs release {serial}\n");
    }
    let mut text = format!("release {serial}\n");
    for change in changes {
        let from = match change.from.as_str() {
            "" => String::new(),
            from => format!("{from} -> "),
        };
        let end = match (change.done, change.why.as_str()) {
            (true, _) => "done".to_owned(),
            (false, "") => "under way; `trireme update status` shows it".to_owned(),
            (false, why) => why.to_owned(),
        };
        let _ = writeln!(text, "  {} {from}{}: {end}", change.component, change.to);
    }
    text
}
