//! What an agent keeps on disk of its jobs, and where.
//!
//! Under a launcher that is the state folder of the host, which all its agents share. An agent that
//! was started by hand has none, and keeps its records below its build path, which a restart with
//! the same configuration finds again: in the first of `.trireme/agent-1`, `.trireme/agent-2`, …
//! that no living agent has locked. So two agents with one build path never share a folder, and
//! neither do two containers with one volume, which cannot see each other's processes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent_runner::outbox::{Deliveries, Outbox, outbox};
use agent_runner::records::Records;
use agent_runner::recover::recover;
use shared_client::{RealPacing, Transport};
use shared_fault::point;
use shared_handover::layout::StateDir;
use shared_supervise::{Lock, LockError, ProcessId};

/// More agents with one build path than any host has.
const MOST: u32 = 1000;

/// What outlives the agent, and what it owes.
#[derive(Debug)]
pub struct Kept {
    /// Records of jobs.
    pub records: Records,
    /// Where results go that the endpoint did not take.
    pub outbox: Outbox,
    _lock: Option<Lock>,
}

impl Kept {
    /// Opens the place, for the agent `own`. Without one, jobs run all the same, and a crash loses
    /// what was owed.
    pub fn open(state: Option<&StateDir>, build_path: &Path, own: ProcessId) -> (Self, Deliveries) {
        let (folder, lock) = match state {
            Some(state) => (Some(state.jobs()), None),
            None => match own_folder(build_path) {
                Ok((folder, lock)) => (Some(folder), Some(lock)),
                Err(error) => {
                    let path = build_path.display();
                    tracing::warn!("no records of jobs can be kept below {path}: {error}");
                    (None, None)
                }
            },
        };
        let (outbox, deliveries) = outbox(Arc::new(RealPacing));
        let kept = Self {
            records: Records::new(folder, own),
            outbox,
            _lock: lock,
        };
        (kept, deliveries)
    }

    /// Makes good what agents that are gone left behind.
    pub fn recover(&self, transport: &Transport) {
        recover(&self.records, transport, &self.outbox);
    }
}

/// The first folder that nobody has, with all records of those that nobody has.
fn own_folder(build_path: &Path) -> io::Result<(PathBuf, Lock)> {
    let base = build_path.join(".trireme");
    let mut own = None;
    for number in 1..MOST {
        let folder = base.join(format!("agent-{number}"));
        match (&own, folder.is_dir()) {
            (Some(_), false) => break,
            (None, false) => {
                point("kept.create-dir")?;
                fs::create_dir_all(&folder)?;
            }
            (_, true) => {}
        }
        let lock = match Lock::take(&folder.join("lock"), Duration::ZERO) {
            Ok(lock) => lock,
            Err(LockError::Held { .. }) => continue,
            Err(LockError::Io(error)) => return Err(error),
        };
        match &own {
            None => own = Some((folder, lock)),
            Some((to, _)) => adopt(&folder, to),
        }
    }
    own.ok_or_else(|| io::Error::other("too many agents share it"))
}

/// Takes over the records of an agent that is gone, and whose number nobody needs now. What waits of
/// a job's log goes first: its record is what makes the next agent look for it.
fn adopt(from: &Path, to: &Path) {
    let entries = point("kept.list").and_then(|()| fs::read_dir(from));
    let entries = entries.into_iter().flatten().flatten();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    for kind in ["log", "json"] {
        let of_kind = paths
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == kind));
        for (path, name) in of_kind.filter_map(|path| Some((path, path.file_name()?))) {
            let moved = point("kept.adopt").and_then(|()| fs::rename(path, to.join(name)));
            if let Err(error) = moved {
                tracing::warn!("failed to take over {}: {error}", path.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_with_one_build_path_have_folders_of_their_own_and_find_them_again() {
        let build_path = tempfile::tempdir().unwrap();
        let first = own_folder(build_path.path()).unwrap();
        let second = own_folder(build_path.path()).unwrap();
        assert_ne!(first.0, second.0);
        let (folder, lock) = first;
        drop(lock);
        assert_eq!(own_folder(build_path.path()).unwrap().0, folder);
    }

    #[test]
    fn an_agent_adopts_the_records_of_those_that_are_gone_and_of_no_other() {
        let build_path = tempfile::tempdir().unwrap();
        let agents: Vec<_> = (0..3)
            .map(|_| own_folder(build_path.path()).unwrap())
            .collect();
        for (folder, _) in &agents {
            let name = folder.file_name().unwrap().to_str().unwrap();
            for kind in ["json", "log"] {
                fs::write(folder.join(format!("{name}.{kind}")), "").unwrap();
            }
        }
        let [first, second, third] = agents.try_into().unwrap();
        drop((first, third));
        let (folder, _lock) = own_folder(build_path.path()).unwrap();
        for (name, adopted) in [("agent-1", true), ("agent-2", false), ("agent-3", true)] {
            for kind in ["json", "log"] {
                let is_there = folder.join(format!("{name}.{kind}")).exists();
                assert_eq!(is_there, adopted, "{name} {kind}");
            }
        }
        assert!(second.0.join("agent-2.json").exists());
    }
}
