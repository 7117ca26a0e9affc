//! Sealing a downloaded file into the store, where it never changes again.

use shared_handover::layout::{Component, StateDir};
use shared_slots::{Meta, SealError, Source, Store};

use crate::checkpoint;
use crate::step_download::partial;
use crate::upgrade::Task;

/// Names under which jobs find the running agent on their PATH.
const AGENT_ALIASES: [&str; 2] = ["buildkite-agent", "trireme-agent"];

/// Moves the downloaded file into the store; one that is there and whole already is left alone.
/// Blocks for as long as hashing and syncing the file takes.
pub(crate) fn stage(store: &Store, state: &StateDir, task: &Task) -> Result<(), SealError> {
    let meta = Meta {
        component: task.component.name().to_owned(),
        version: task.version.clone(),
        serial: task.serial,
        size: task.size,
    };
    let aliases: &[&str] = match task.component {
        Component::Launcher => &[],
        Component::Agent => &AGENT_ALIASES,
    };
    let file = partial(state, task.digest);
    store.seal(task.digest, Source::Move(&file), &meta, aliases)?;
    checkpoint::reached("staged");
    Ok(())
}
