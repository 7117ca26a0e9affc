//! Whole trees of processes.
//!
//! A process can only be found through its parent while that one lives, or through its session.
//! So a tree is first stopped from the top down until nothing new is found in it, and only then
//! killed: what is stopped neither forks nor exits.

use std::collections::BTreeMap;
use std::fs;

use crate::process::ProcessId;
use crate::signal::Signal;
use crate::stat::Stat;

/// How often a tree is looked through before it is killed with what was found: a bound for trees
/// that grow faster than they are stopped.
const LOOKS: u32 = 64;

/// Every living process below `roots`, and those in a session that one of `roots` leads; the roots
/// themselves are not among them. The calling process may be a root: its session does not count,
/// for whoever started it may still be in there.
pub fn descendants(roots: &[ProcessId]) -> Vec<ProcessId> {
    below(roots, std::process::id(), &running())
}

/// Kills `roots` and all below them with SIGKILL. Returns whom it killed; they are gone shortly
/// after, see [`crate::wait_gone`]. What was started anew meanwhile is found by calling again,
/// so call until nothing is returned. The calling process is never killed.
pub fn kill_tree(roots: &[ProcessId]) -> Vec<ProcessId> {
    let own = std::process::id();
    let mut found: Vec<ProcessId> = Vec::new();
    for _ in 0..LOOKS {
        let mut new: Vec<_> = roots
            .iter()
            .copied()
            .filter(|root| root.is_same_alive())
            .chain(descendants(roots))
            .chain(descendants(&found))
            .filter(|process| process.pid != own && !found.contains(process))
            .collect();
        new.sort_unstable();
        new.dedup();
        if new.is_empty() {
            break;
        }
        for process in &new {
            // Who may not be stopped may not be killed either, and that is told below.
            let _ = process.send(Signal::Stop);
        }
        found.extend(new);
    }
    found.retain(|process| matches!(process.send(Signal::Kill), Ok(true)));
    found
}

/// All processes of this host.
fn running() -> BTreeMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, Stat::read(pid)?)))
        .collect()
}

fn below(roots: &[ProcessId], own: u32, running: &BTreeMap<u32, Stat>) -> Vec<ProcessId> {
    let is_root = |pid: u32| roots.iter().any(|root| root.pid == pid);
    // A number that was used again leads to somebody else's children.
    let mut parents: Vec<u32> = roots
        .iter()
        .filter(|root| {
            running
                .get(&root.pid)
                .is_none_or(|stat| stat.start == root.start)
        })
        .map(|root| root.pid)
        .collect();
    let leaders: Vec<u32> = parents.iter().copied().filter(|pid| *pid != own).collect();
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(&parent) = parents.get(next) {
        next += 1;
        for (&pid, stat) in running {
            let belongs =
                stat.parent == parent || (stat.session == parent && leaders.contains(&parent));
            if belongs && !is_root(pid) && !parents.contains(&pid) {
                parents.push(pid);
                found.push((pid, stat));
            }
        }
    }
    found
        .into_iter()
        .filter(|(_, stat)| stat.is_alive())
        .map(|(pid, stat)| ProcessId {
            pid,
            start: stat.start,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(processes: &[(u32, u32, u32, u8)]) -> BTreeMap<u32, Stat> {
        let stat = |&(pid, parent, session, state)| {
            let process = Stat {
                state,
                parent,
                session,
                start: u64::from(pid) * 10,
            };
            (pid, process)
        };
        processes.iter().map(stat).collect()
    }

    fn id(pid: u32) -> ProcessId {
        ProcessId {
            pid,
            start: u64::from(pid) * 10,
        }
    }

    fn found(roots: &[ProcessId], host: &BTreeMap<u32, Stat>) -> Vec<u32> {
        let mut pids: Vec<_> = below(roots, 20, host)
            .iter()
            .map(|process| process.pid)
            .collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn a_tree_is_children_of_children_and_who_stayed_in_the_session() {
        let host = host(&[
            (1, 0, 1, b'S'),
            (10, 1, 10, b'S'),
            (11, 10, 10, b'S'),
            (12, 11, 12, b'R'),
            (13, 1, 10, b'S'), // its parent is gone, its session is not
            (14, 13, 14, b'D'),
            (15, 10, 10, b'Z'),
            (20, 1, 20, b'S'),
            (21, 20, 20, b'S'),
            (22, 1, 20, b'S'),
        ]);
        assert_eq!(found(&[id(10)], &host), [11, 12, 13, 14]);
        assert_eq!(found(&[id(12)], &host), []);
        // 20 is the caller: 22 shares its session, but is not its child.
        assert_eq!(found(&[id(10), id(20)], &host), [11, 12, 13, 14, 21]);
    }

    #[test]
    fn a_number_that_was_used_again_has_no_tree_of_ours() {
        let host = host(&[(10, 1, 10, b'S'), (11, 10, 10, b'S')]);
        let ours = ProcessId { pid: 10, start: 1 };
        assert_eq!(found(&[ours], &host), []);
    }

    #[test]
    fn who_is_gone_is_still_found_as_leader_of_a_session() {
        let host = host(&[(13, 1, 10, b'S')]);
        assert_eq!(found(&[id(10)], &host), [13]);
    }
}
