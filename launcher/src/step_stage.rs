//! Sealing a downloaded file into the store, where it never changes again.

use shared_fault::point;
use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Fs as _, Meta, OsFs, SealError, Source, Store};
use tracing::warn;

use crate::milestone::passed;
use crate::step_download::partial;
use crate::upgrade::{Supply, Task};

/// The component of a store entry that holds the plugins of an agent, and the name of its file.
pub(crate) const PLUGINS: &str = "plugins";

/// Names under which jobs find the running agent on their PATH.
const AGENT_ALIASES: [&str; 2] = ["buildkite-agent", "trireme-agent"];

/// Moves the downloaded file into the store; one that is there and whole already is left alone.
/// Blocks for as long as hashing and syncing the file takes.
pub(crate) fn stage(store: &Store, state: &StateDir, task: &Task) -> Result<(), SealError> {
    if task.supply == Supply::Store {
        return Ok(());
    }
    let meta = Meta {
        component: task.component.name().to_owned(),
        version: task.version.clone(),
        serial: task.serial,
        size: task.size,
        plugins: stage_plugins(store, state, task),
    };
    let aliases: &[&str] = match task.component {
        Component::Launcher => &[],
        Component::Agent => &AGENT_ALIASES,
    };
    let file = partial(state, task.digest);
    store.seal(task.digest, Source::Move(&file), &meta, aliases)?;
    passed(point("upgrade.staged"));
    Ok(())
}

/// The entry with the plugins of this agent, if they came.
fn stage_plugins(store: &Store, state: &StateDir, task: &Task) -> Option<Digest> {
    let target = task.plugins.as_deref()?;
    let digest = target.sha256;
    if store.verified(digest, PLUGINS).is_ok() {
        return Some(digest);
    }
    let file = partial(state, digest);
    OsFs.size("plugins.size", &file).ok()?;
    let meta = Meta {
        component: PLUGINS.to_owned(),
        version: task.version.clone(),
        serial: task.serial,
        size: target.size,
        plugins: None,
    };
    match store.seal(digest, Source::Move(&file), &meta, &[]) {
        Ok(()) => Some(digest),
        Err(error) => {
            warn!(version = %task.version, %error, "the agent comes without its plugins");
            None
        }
    }
}
