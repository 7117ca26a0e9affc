//! What must hold of a host at every moment, and what of one that has stopped.

use std::collections::BTreeSet;
use std::fs;

use shared_handover::layout::Component;
use shared_slots::{Digest, Page};

use crate::host::Host;
use crate::release::Manner;
use crate::verdict::Failure;

/// Versions that may be committed on a host.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    /// Good versions that it has been offered or was installed with.
    pub(crate) good: BTreeSet<Digest>,
    /// Components that must have a committed version from now on.
    pub(crate) settled: BTreeSet<&'static str>,
    /// A version whose file the scenario itself has damaged.
    pub(crate) damaged: Option<Digest>,
}

/// Whether each pointer finds a version that is allowed, sealed and whole.
pub(crate) fn pointers(host: &Host<'_>, allowed: &Allowed, deep: bool) -> Result<(), Failure> {
    for component in Component::ALL {
        let mut page = host.page(component);
        let mut trouble = trouble_of(host, allowed, component, &page, deep);
        // The host works on while we look: only what stays is a trouble.
        while trouble.is_some() {
            let again = host.page(component);
            if again == page {
                break;
            }
            page = again;
            trouble = trouble_of(host, allowed, component, &page, deep);
        }
        if let Some(trouble) = trouble {
            return Err(Failure::Brick(format!("{}: {trouble}", component.name())));
        }
    }
    Ok(())
}

fn trouble_of(
    host: &Host<'_>,
    allowed: &Allowed,
    component: Component,
    page: &Page,
    deep: bool,
) -> Option<String> {
    let Some(committed) = page.committed() else {
        return allowed
            .settled
            .contains(component.name())
            .then(|| "no version is committed any more".to_owned());
    };
    if !allowed.good.contains(&committed) {
        return Some(format!("{committed} must not be committed"));
    }
    if allowed.damaged == Some(committed) {
        return None;
    }
    let path = host.stored(component, committed);
    if !deep {
        let there = fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        return (!there).then(|| format!("the committed {} is gone", path.display()));
    }
    match fs::read(&path) {
        Ok(bytes) if Digest::of(&bytes) == committed => None,
        Ok(_) => Some(format!("the committed {} is corrupt", path.display())),
        Err(error) => Some(format!("the committed {}: {error}", path.display())),
    }
}

/// What lies about in the state folder of a host and should not.
pub(crate) fn leftovers(host: &Host<'_>) -> Vec<String> {
    let entries_of = |folder: &std::path::Path| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let mut found = Vec::new();
    let named: BTreeSet<String> = Component::ALL
        .into_iter()
        .flat_map(|component| host.page(component).named())
        // What a host was installed with stays for good.
        .chain([host.rig.publisher.launcher(1, Manner::Good).digest])
        .map(|digest| digest.to_string())
        .collect();
    let stored = entries_of(&host.state.store());
    let is_of_plugins = |name: &String| host.state.store().join(name).join("plugins").exists();
    // Two whole versions of each component may stay, named or not.
    let spare = 2 * Component::ALL.len();
    for name in &stored {
        if name.starts_with('.')
            || (!named.contains(name)
                && !is_of_plugins(name)
                && stored.len() > named.len().max(spare))
        {
            found.push(format!("store/{name}"));
        }
    }
    let living: Vec<String> = (host.agents().iter())
        .map(|(process, _)| format!("agent-{}", process.pid))
        .collect();
    let of_the_dead = |name: &&String| {
        name.starts_with("agent-") && !living.contains(&name.trim_end_matches(".sock").to_owned())
    };
    found.extend(
        (entries_of(&host.state.run()).iter().filter(of_the_dead))
            .map(|name| format!("run/{name}")),
    );
    for folder in [host.state.partial(), host.state.jobs()] {
        // What could not be read is kept for people.
        let is_aside = |name: &&String| name.ends_with(".unreadable");
        found.extend(
            entries_of(&folder)
                .iter()
                .filter(|name| !is_aside(name))
                .map(|name| {
                    format!(
                        "{}/{name}",
                        folder.file_name().unwrap_or_default().display()
                    )
                }),
        );
    }
    for name in entries_of(host.state.root()) {
        if !is_known(&name) {
            found.push(name);
        }
    }
    found
}

/// Names that belong into the top of a state folder.
fn is_known(name: &str) -> bool {
    const NAMES: [&str; 24] = [
        "bootstrapper.lock",
        "lock",
        "store",
        "launcher.try",
        "launcher.p0",
        "launcher.p1",
        "agent.p0",
        "agent.p1",
        "partial",
        "drop",
        "trust",
        "jobs",
        "run",
        "logs",
        "manifest.json",
        "reserve",
        "quarantine",
        "status.json",
        "metrics.prom",
        "policy.json",
        "events.jsonl",
        "effort.json",
        "plugins",
        "builds",
    ];
    // A record that was not finished is overwritten by the next one.
    NAMES.contains(&name.trim_end_matches(".tmp"))
}
