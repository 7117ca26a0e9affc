//! Carrying over what a hook changed: the working directory, the environment, and what of it is
//! about the job itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use agent_hooks::Change;

use crate::checkout::lfs;
use crate::hiding;
use crate::job::Job;
use crate::protected;

const SSH_KEY: &str = "BUILDKITE_GIT_SSH_KEY";

/// Applies the changes of a hook that ended in `folder`, and of others while it ran.
pub(super) fn apply(
    job: &mut Job,
    mut changes: BTreeMap<OsString, Change>,
    folder: Option<PathBuf>,
) {
    if let Some(folder) = folder.filter(|folder| folder.is_absolute() && *folder != job.cwd) {
        follow(job, folder);
    }
    drop_protected(job, &mut changes);
    // A removal counts only for what the job has: a plugin's own variables go by themselves.
    changes.retain(|name, change| *change != Change::Removed || job.env.get(name).is_some());
    for (name, change) in &changes {
        match change {
            Change::Added(value) | Change::Changed(value) => job.env.set(name, value),
            Change::Removed => job.env.unset(name),
        }
    }
    hiding::refresh(job);
    let mut read_again = job.settings.read_again(&job.env);
    if read_again.contains_key(lfs::ENABLED) {
        lfs::spare_smudging(job);
    }
    // The one setting that is a secret, whatever the patterns of secret names are.
    read_again.remove(SSH_KEY);
    for (name, change) in &changes {
        let name = name.to_string_lossy();
        let text = match change {
            Change::Added(_) | Change::Changed(_) if read_again.contains_key(&*name) => continue,
            Change::Added(_) => format!("{name} added"),
            Change::Changed(_) => format!("{name} changed"),
            Change::Removed => format!("{name} removed"),
        };
        job.log.comment(&text);
    }
    for (name, value) in read_again {
        // Quoted as Go does: the redactor knows secrets in that form too.
        let value = shared_goquote::quote(value.as_bytes());
        job.log.comment(&format!("{name} is now {value}"));
    }
}

/// Nothing can be started in a folder that is gone, the last hooks neither.
fn follow(job: &mut Job, folder: PathBuf) {
    if folder.is_dir() {
        job.move_to(folder);
    } else {
        let (folder, stays) = (folder.display(), job.cwd.display());
        job.log.warning(&format!(
            "the hook ended in {folder}, which is not there any more; the job stays in {stays}"
        ));
    }
}

/// What only the agent decides stays as it is.
fn drop_protected(job: &mut Job, changes: &mut BTreeMap<OsString, Change>) {
    let mode = job.settings.override_mode;
    let mut kept = Vec::new();
    changes.retain(|name, _| {
        let name = name.to_string_lossy();
        let allowed = protected::may_change(&name, mode);
        if !allowed {
            kept.push(name.into_owned());
        }
        allowed
    });
    if !kept.is_empty() {
        let names = kept.join(", ");
        job.log.comment(&format!(
            "Only the agent decides these, so they stay as they were: {names}"
        ));
    }
}
