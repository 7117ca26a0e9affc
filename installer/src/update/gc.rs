//! `trireme update gc`: what nothing names goes. A dry run says what that would be.

use std::collections::BTreeSet;

use shared_control::Request;
use shared_control::reply::{Answer, Entry};
use shared_handover::exit::Exit;
use shared_slots::{Digest, Store};

use super::verify::rows;
use crate::ask::{NoAnswer, ask};
use crate::failure::Failure;
use crate::look_only::LookOnly;
use crate::offline;
use crate::output::Output;
use crate::place::Host;
use crate::show::progress::Progress;
use crate::show::units;

pub(crate) fn run(host: &Host, dry_run: bool, output: &Output) -> Result<Exit, Failure> {
    let mut progress = Progress::new(output);
    let answer = match ask(host, &Request::Gc { dry_run }, |line| progress.take(line)) {
        Ok(answer) => Ok(answer),
        Err(NoAnswer::Failed(failure)) => Err(failure),
        Err(NoAnswer::NotRunning) if dry_run => would_go(host),
        Err(NoAnswer::NotRunning) => Err(Failure::NotRunning(
            "it cleans up when it starts; --dry-run says what would go",
        )),
    };
    progress.end();
    let answer = answer?;
    output.document(&answer);
    if let Answer::Swept {
        dry_run,
        entries,
        leftovers,
        bytes,
    } = &answer
    {
        output.text(&rows(entries, output).render(0, output));
        let verb = if *dry_run {
            "would be free"
        } else {
            "are free now"
        };
        let versions = units::count(entries.len() as u64, "version");
        let leftovers = units::count(*leftovers, "leftover");
        let bytes = units::bytes(*bytes);
        output.text(&format!("{versions} and {leftovers}: {bytes} {verb}\n"));
    }
    Ok(Exit::Success)
}

/// What a sweep would remove, by the rules of the sweep: it is the same code on the same files.
fn would_go(host: &Host) -> Result<Answer, Failure> {
    let store = Store::new(host.state.store());
    let keep: BTreeSet<Digest> = offline::kept(&host.state, &store)?;
    let cannot = |cause| Failure::file("cannot read", host.state.store())(cause);
    let listed = store.list().map_err(cannot)?;
    let plan = Store::on(LookOnly, host.state.store())
        .sweep(&keep)
        .map_err(cannot)?;
    let entries: Vec<Entry> = plan
        .removed
        .iter()
        .map(|digest| {
            let meta = listed.get(digest).cloned().unwrap_or_default();
            Entry {
                digest: digest.to_string(),
                component: meta.component,
                version: meta.version,
                size: meta.size,
                ..Entry::default()
            }
        })
        .collect();
    Ok(Answer::Swept {
        dry_run: true,
        bytes: entries.iter().map(|entry| entry.size).sum(),
        leftovers: plan.leftovers as u64,
        entries,
    })
}
