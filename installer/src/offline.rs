//! What the files of a host say while no launcher runs, and the right to change them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared_control::policy::{MAX_BYTES, Policy};
use shared_control::status::{
    Agent, Component as Standing, Disk, Mark, PolicyInForce, Status, Tier, Trial, Until, Version,
};
use shared_handover::handle::Handle;
use shared_handover::layout::{Component, StateDir};
use shared_slots::{Bad, Digest, Hold, Moment, OsFs, Page, Room, Slot, Store, WriteError};
use shared_supervise::{Lock, LockError, ProcessId};

use crate::failure::Failure;
use crate::file;
use crate::place::Host;
use crate::trust::Trust;

/// Longest adoption handle that is read, in bytes.
const HANDLE_MOST: u64 = 4096;

/// Takes the launcher's lock: while it is held, no launcher runs, and none starts.
pub(crate) fn lock(host: &Host) -> Result<Lock, Failure> {
    let path = host.state.launcher_lock();
    file::ensure(&path).map_err(Failure::file("cannot write", &path))?;
    Lock::take(&path, Duration::ZERO).map_err(|error| match error {
        LockError::Held { pid } => Failure::LockHeld { pid },
        LockError::Io(cause) => Failure::file("cannot lock", path)(cause),
    })
}

/// The process that holds the lock in this file, if one does.
///
/// Trying takes the lock for a moment where nobody has it, and a tier that starts just then would
/// think it is not alone. So only where the process that wrote its name into it is alive, it is
/// tried, and then it fails.
pub(crate) fn holder(path: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(path).ok()?;
    let pid = text.strip_prefix("pid=")?.trim_end().parse().ok()?;
    ProcessId::of(pid)?;
    let held = File::open(path).ok()?.try_lock_shared();
    matches!(held, Err(TryLockError::WouldBlock)).then_some(pid)
}

pub(crate) fn slot(state: &StateDir, component: Component) -> Slot {
    Slot::new(state.pages(component))
}

/// Reads a slot. One that is lost says nothing, and nothing may be concluded from that.
pub(crate) fn page(state: &StateDir, component: Component) -> Result<Page, Failure> {
    let reading = slot(state, component).read();
    if reading.is_lost() {
        return Err(Failure::Corrupt(format!(
            "neither page of the {}'s slot can be read ({:?}, {:?}); run `trireme doctor`",
            component.name(),
            reading.damage[0],
            reading.damage[1],
        )));
    }
    Ok(reading.page)
}

/// Makes a page durable. To be called with the lock held.
pub(crate) fn write(state: &StateDir, component: Component, page: Page) -> Result<(), Failure> {
    let slot = slot(state, component);
    let path = &state.pages(component)[0];
    let made = slot.create().and_then(|()| {
        let pages = state.pages(component);
        pages.iter().try_for_each(|page| file::give_away(page))
    });
    made.map_err(Failure::file("cannot write", path))?;
    match slot.write(page) {
        Ok(_) => Ok(()),
        Err(WriteError::Io(cause)) => Err(Failure::file("cannot write", path)(cause)),
        // The bootstrapper counts tries of launchers on its own.
        Err(error @ WriteError::Stale { .. }) => {
            Err(Failure::Nothing(format!("not done: {error}; try again")))
        }
    }
}

/// A version with what its `meta` says.
pub(crate) fn version(store: &Store, digest: Digest) -> Version {
    let meta = store.meta(digest);
    Version {
        version: meta.version,
        digest: digest.to_string(),
        serial: meta.serial,
    }
}

/// The document that a launcher would give, as far as files go.
pub(crate) fn status(host: &Host) -> Status {
    let state = &host.state;
    let store = Store::new(state.store());
    let trust = Trust::load(state).ok();
    let manifest = trust.as_ref().and_then(|trust| trust.manifest.as_ref());
    Status {
        as_of: Some(host.now.timestamp()),
        channel: manifest
            .map(|known| known.channel.clone())
            .unwrap_or_default(),
        serial: manifest.map(|known| known.serial),
        expires: manifest.map(|known| known.expires),
        root_version: trust.as_ref().map(|trust| trust.root.version()),
        tiers: tiers(state),
        components: Component::ALL
            .map(|component| {
                let page = slot(state, component).read().page;
                (component.name().to_owned(), standing(host, &store, &page))
            })
            .into(),
        agents: agents(state, &store),
        disk: disk(state),
        policy: policy_in_force(host),
        ..Status::default()
    }
}

fn tiers(state: &StateDir) -> Vec<Tier> {
    let tier = |name: &str, lock: &Path| {
        let pid = holder(lock)?;
        Some(Tier {
            name: name.to_owned(),
            pid,
            ..Tier::default()
        })
    };
    [
        tier("bootstrapper", &state.bootstrapper_lock()),
        tier("launcher", &state.launcher_lock()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn standing(host: &Host, store: &Store, page: &Page) -> Standing {
    let moment = Moment::read(&OsFs);
    Standing {
        committed: page.committed().map(|digest| version(store, digest)),
        previous: page.previous().map(|digest| version(store, digest)),
        trial: page.trial().map(|trial| Trial {
            version: version(store, trial.digest),
            tries_left: trial.tries_left,
        }),
        generation: page.generation(),
        marks: page
            .bad()
            .iter()
            .map(|bad| Mark {
                version: version(store, bad.digest),
                count: bad.count,
                reason: bad.reason.text().to_owned(),
                until: until(page, bad, moment, host.now.timestamp()),
            })
            .collect(),
        ..Standing::default()
    }
}

/// When a hold ends, as far as the page and the clock can say.
fn until(page: &Page, bad: &Bad, moment: Moment, now: Timestamp) -> Until {
    if page.held(bad.digest, moment).is_none() {
        return Until::Over;
    }
    match bad.hold() {
        Hold::UntilManifestChanges => Until::NextRelease,
        Hold::Seconds(seconds) => {
            let gone = moment.seconds.checked_sub(bad.since);
            let left = seconds
                .saturating_sub(gone.unwrap_or(moment.seconds))
                .max(1);
            Until::At(now + SignedDuration::from_secs(i64::from(left)))
        }
    }
}

/// Agents that run, by their adoption handles.
pub(crate) fn agents(state: &StateDir, store: &Store) -> Vec<Agent> {
    let names = std::fs::read_dir(state.run())
        .into_iter()
        .flatten()
        .flatten();
    let paths = names.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("agent-") && path.extension().is_none()
    });
    let mut agents: Vec<Agent> = paths
        .filter_map(|path| {
            let bytes = shared_slots::Fs::read(&OsFs, "handle.read", &path, HANDLE_MOST).ok()?;
            let handle = Handle::decode(&String::from_utf8_lossy(&bytes))?;
            let process = ProcessId {
                pid: handle.pid,
                start: handle.start,
            };
            let known = handle.digest.parse().map(|digest| version(store, digest));
            process.is_same_alive().then(|| Agent {
                pid: handle.pid,
                version: known.unwrap_or_default(),
                ..Agent::default()
            })
        })
        .collect();
    agents.sort_by_key(|agent| agent.pid);
    agents
}

pub(crate) fn disk(state: &StateDir) -> Option<Disk> {
    let room = Room::of(&OsFs, state.root()).ok()?;
    Some(Disk {
        free: room.free,
        total: room.total,
        free_files: room.files,
        needed: 0,
    })
}

/// Reads `policy.json`; none is the default.
pub(crate) fn policy(state: &StateDir) -> Result<Policy, Failure> {
    let path = state.policy();
    match shared_slots::Fs::read(&OsFs, "policy.read", &path, MAX_BYTES as u64 + 1) {
        Ok(bytes) => Ok(Policy::parse(&bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Policy::default()),
        Err(error) => Err(Failure::file("cannot read", path)(error)),
    }
}

fn policy_in_force(host: &Host) -> PolicyInForce {
    match policy(&host.state) {
        Ok(policy) => PolicyInForce::of(&policy, host.now.timestamp()),
        Err(failure) => PolicyInForce {
            trouble: Some(failure.to_string()),
            ..PolicyInForce::default()
        },
    }
}

/// What a clean-up must keep: all that a page names, and all that a process runs.
pub(crate) fn kept(state: &StateDir, store: &Store) -> Result<BTreeSet<Digest>, Failure> {
    let mut kept = BTreeSet::new();
    for component in Component::ALL {
        kept.extend(page(state, component)?.named());
    }
    let running = agents(state, store);
    let running = running.iter().map(|agent| agent.version.digest.parse());
    kept.extend(running.filter_map(Result::<Digest, _>::ok));
    Ok(kept)
}

/// What each version is to its slot.
pub(crate) fn roles(state: &StateDir) -> BTreeMap<Digest, &'static str> {
    let mut roles = BTreeMap::new();
    for component in Component::ALL {
        let page = slot(state, component).read().page;
        let trial = page.trial().map(|trial| trial.digest);
        for (digest, role) in [
            (page.previous(), "previous"),
            (page.committed(), "committed"),
            (trial, "trial"),
        ] {
            roles.extend(digest.map(|digest| (digest, role)));
        }
    }
    roles
}
