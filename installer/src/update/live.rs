//! `trireme update check` and `apply`: the launcher does the work.

use shared_control::reply::Change;
use shared_control::{Answer, Request};
use shared_handover::exit::Exit;
use std::fmt::Write as _;

use crate::ask::ask_running;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Host;
use crate::show::progress::Progress;

pub(crate) fn check(host: &Host, output: &Output) -> Result<Exit, Failure> {
    order(host, &Request::Check, output)
}

pub(crate) fn apply(host: &Host, to: Option<String>, output: &Output) -> Result<Exit, Failure> {
    order(host, &Request::Apply { to }, output)
}

fn order(host: &Host, request: &Request, output: &Output) -> Result<Exit, Failure> {
    let mut progress = Progress::new(output);
    let answer = ask_running(host, request, |line| progress.take(line));
    progress.end();
    let answer = answer?;
    output.document(&answer);
    if let Answer::Release { serial, changes } = &answer {
        output.text(&told(*serial, changes));
    }
    Ok(Exit::Success)
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
