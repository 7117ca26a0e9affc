//! `trireme update verify`: every installed version is hashed again.

use shared_control::Request;
use shared_control::reply::{Answer, Entry};
use shared_control::status::Phase;
use shared_handover::exit::Exit;
use shared_slots::Store;
use std::fmt::Write as _;

use crate::ask::{NoAnswer, ask};
use crate::failure::Failure;
use crate::offline;
use crate::output::Output;
use crate::place::Host;
use crate::show::progress::Progress;
use crate::show::rows::Rows;
use crate::show::units;

pub(crate) fn run(host: &Host, output: &Output) -> Result<Exit, Failure> {
    let mut progress = Progress::new(output);
    let answer = match ask(host, &Request::Verify, |line| progress.take(line)) {
        Ok(answer) => Ok(answer),
        Err(NoAnswer::Failed(failure)) => Err(failure),
        Err(NoAnswer::NotRunning) => hashed(host, |done, total| {
            progress.show(Phase::Verifying, "", done, total);
        })
        .map(|entries| Answer::Verified { entries }),
    };
    progress.end();
    let mut answer = answer?;
    if let Answer::Verified { entries } = &mut answer {
        entries.extend(missing(host));
    }
    output.document(&answer);
    let Answer::Verified { entries } = &answer else {
        return Ok(Exit::Success);
    };
    let rows = rows(entries, output);
    output.text(&rows.render(0, output));
    let corrupt = entries
        .iter()
        .filter(|entry| !entry.trouble.is_empty())
        .count();
    if rows.is_empty() {
        output.text("the store is empty\n");
    }
    match corrupt {
        0 => Ok(Exit::Success),
        corrupt => {
            output.remark(&format!(
                "trireme: {corrupt} of {} cannot be used; a running launcher fetches what it needs again",
                entries.len()
            ));
            Ok(Exit::Corrupt)
        }
    }
}

/// A row per version.
pub(crate) fn rows(entries: &[Entry], output: &Output) -> Rows {
    let mut rows = Rows::default();
    for entry in entries {
        let digest = entry.digest.get(..12).unwrap_or(&entry.digest).to_owned();
        let mut text = format!("{} {}", entry.component, entry.version);
        if entry.size > 0 {
            let _ = write!(text, ", {}", units::bytes(entry.size));
        }
        if !entry.role.is_empty() {
            let _ = write!(text, ", {}", entry.role);
        }
        if !entry.trouble.is_empty() {
            let _ = write!(text, ": {}", output.paint.bad(&entry.trouble));
        }
        rows.add(digest, text);
    }
    rows
}

/// Hashes every version in the store; `on_step` is told how many are done, and of how many.
pub(crate) fn hashed(
    host: &Host,
    mut on_step: impl FnMut(u64, u64),
) -> Result<Vec<Entry>, Failure> {
    let store = Store::new(host.state.store());
    let listed = store.list();
    let listed = listed.map_err(Failure::file("cannot read", host.state.store()))?;
    let roles = offline::roles(&host.state);
    let total = listed.len() as u64;
    let entries = (0..).zip(listed).map(|(done, (digest, meta))| {
        on_step(done, total);
        let trouble = match store.verified(digest, &meta.component) {
            _ if meta.component.is_empty() => {
                "its meta cannot be read, so its file is not known".to_owned()
            }
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        Entry {
            digest: digest.to_string(),
            component: meta.component,
            version: meta.version,
            size: meta.size,
            role: roles.get(&digest).copied().unwrap_or_default().to_owned(),
            trouble,
        }
    });
    Ok(entries.collect())
}

/// What a page names and the store does not have, which is worse than what is corrupt.
pub(crate) fn missing(host: &Host) -> impl Iterator<Item = Entry> {
    let store = Store::new(host.state.store());
    let named = offline::roles(&host.state).into_iter();
    named
        .filter(move |(digest, _)| !store.folder(*digest).exists())
        .map(|(digest, role)| Entry {
            digest: digest.to_string(),
            role: role.to_owned(),
            trouble: "it is not in the store".to_owned(),
            ..Entry::default()
        })
}
