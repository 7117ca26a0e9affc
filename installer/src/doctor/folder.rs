//! The state folder and what lies in it: owner, room, pages, versions, leftovers.

use std::path::Path;

use shared_control::reply::Entry;
use shared_handover::layout::Component;
use shared_slots::{Damage, Digest, OsFs, Room};

use super::Check;
use crate::offline;
use crate::os::{self, Access, Flaw};
use crate::place::Host;
use crate::show::units;
use crate::update::verify::{hashed, missing};

/// Fewer free bytes than that, and even a page or a log may not find room.
const ALMOST_NONE: u64 = 1 << 20;

/// Partial downloads that are worth a remark.
const MANY_PARTIALS: usize = 4;

pub(super) fn checks(host: &Host) -> Vec<Check> {
    let mut checks = vec![owner(host.state.root()), room(host), mount(host)];
    checks.extend(Component::ALL.map(|component| slot(host, component)));
    checks.push(store(host));
    checks.push(leftovers(host));
    checks
}

fn owner(root: &Path) -> Check {
    let Access { text, flaw } = match os::access(root) {
        Ok(access) => access,
        Err(error) => return Check::bad("folder", error.to_string(), "mend the disk"),
    };
    match flaw {
        None => Check::ok("folder", text),
        Some(Flaw::Writable) => {
            let advice = format!("others can write here: chmod 700 {}", root.display());
            Check::bad("folder", text, advice)
        }
        Some(Flaw::Readable) => {
            let advice = format!("others can look in: chmod 700 {}", root.display());
            Check::warn("folder", text, advice)
        }
        Some(Flaw::Foreign) => Check::warn(
            "folder",
            text,
            "it belongs to another user; run this as root",
        ),
    }
}

fn room(host: &Host) -> Check {
    let room = match Room::of(&OsFs, host.state.root()) {
        Ok(room) => room,
        Err(error) => return Check::warn("room", error.to_string(), "look at the volume by hand"),
    };
    let (free, total) = (units::bytes(room.free), units::bytes(room.total));
    let files = room
        .files
        .map_or_else(String::new, |files| format!(", {files} files"));
    let text = format!("{free} free of {total}{files}");
    match room.check(0, 0) {
        Ok(()) => Check::ok("room", text),
        Err(short) if room.free < ALMOST_NONE => Check::bad("room", text, short.to_string()),
        Err(short) => Check::warn("room", text, format!("no upgrade: {short}")),
    }
}

/// Programs in the store are executed: the volume has to allow it.
fn mount(host: &Host) -> Check {
    match os::refuses_programs(host.state.root()) {
        Ok(true) => Check::bad(
            "mount",
            "the volume is mounted noexec",
            "nothing in the store can be started: mount it without noexec, or move the folder",
        ),
        Ok(false) => Check::ok("mount", "programs may be started"),
        Err(error) => Check::warn(
            "mount",
            error.to_string(),
            "look at the mount options by hand",
        ),
    }
}

fn slot(host: &Host, component: Component) -> Check {
    let name = match component {
        Component::Launcher => "launcher slot",
        Component::Agent => "agent slot",
    };
    let reading = offline::slot(&host.state, component).read();
    let damaged = |damage: &Option<Damage>| !matches!(damage, None | Some(Damage::Blank));
    let count = reading
        .damage
        .iter()
        .filter(|damage| damaged(damage))
        .count();
    if reading.is_lost() {
        return Check::bad(
            name,
            format!("neither page can be read ({:?})", reading.damage),
            "start the bootstrapper: it begins anew with the factory launcher and fetches the rest",
        );
    }
    let committed = reading.page.committed();
    let text = match committed {
        Some(digest) => format!(
            "generation {}, {}",
            reading.page.generation(),
            short(digest)
        ),
        None => "nothing is committed".to_owned(),
    };
    match (count, committed) {
        (0, Some(_)) => Check::ok(name, text),
        (0, None) => Check::warn(name, text, "normal until the first release is installed"),
        _ => Check::warn(
            name,
            text,
            "one of its two pages is damaged; the next write mends it",
        ),
    }
}

fn store(host: &Host) -> Check {
    let mut entries = match hashed(host, |_, _| {}) {
        Ok(entries) => entries,
        Err(failure) => {
            return Check::bad(
                "store",
                failure.to_string(),
                "the bootstrapper makes it anew",
            );
        }
    };
    let bytes = units::bytes(entries.iter().map(|entry| entry.size).sum());
    let versions = units::count(entries.len() as u64, "version");
    let text = format!("{versions}, {bytes}");
    entries.extend(missing(host));
    entries.retain(|entry| !entry.trouble.is_empty());
    // The one that is worst stands for all.
    let worst = entries.iter().max_by_key(|entry| !entry.role.is_empty());
    let Some(Entry {
        digest,
        role,
        trouble,
        ..
    }) = worst
    else {
        return Check::ok("store", format!("{text}, all whole"));
    };
    let short = digest.get(..12).unwrap_or(digest);
    if role.is_empty() {
        return Check::warn(
            "store",
            format!("{text}; {short} (unused): {trouble}"),
            "nothing needs it; the next clean-up removes it",
        );
    }
    Check::bad(
        "store",
        format!("{text}; {short} ({role}): {trouble}"),
        "a running launcher fetches it again; `trireme update verify` shows all",
    )
}

/// Enough of a digest to find it.
fn short(digest: Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(12);
    text
}

fn leftovers(host: &Host) -> Check {
    let names = |path: &Path| -> Vec<String> {
        let names = std::fs::read_dir(path).into_iter().flatten().flatten();
        names
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let unfinished = names(&host.state.store());
    let unfinished = unfinished
        .iter()
        .filter(|name| name.starts_with('.'))
        .count();
    let partials = names(&host.state.partial()).len();
    let aside = names(&host.state.quarantine()).len();
    let text = format!("{unfinished} unfinished, {partials} partial downloads, {aside} put aside");
    if aside > 0 {
        let folder = host.state.quarantine();
        let advice = format!(
            "records that made no sense: look into {}, then remove them",
            folder.display()
        );
        return Check::warn("leftovers", text, advice);
    }
    if unfinished > 0 || partials > MANY_PARTIALS {
        return Check::warn(
            "leftovers",
            text,
            "the launcher's next clean-up removes them",
        );
    }
    Check::ok("leftovers", text)
}
