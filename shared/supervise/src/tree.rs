//! Whole trees of processes.
//!
//! A process can only be found through its parent while that one lives, or through its session.
//! So a tree is first stopped from the top down until nothing new is found in it, and only then
//! killed: what is stopped neither forks nor exits.

use std::ffi::OsStr;

use crate::os;
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

/// Every living process that leads a session and was started with both of these variables: any value
/// of the one, and `NAME=value` of the other. They last through an exec. Only Linux tells of them.
pub fn session_leaders(name: &str, pair: &OsStr) -> Vec<ProcessId> {
    let is_meant = |variables: &[u8]| {
        let mut all = variables.split(|byte| *byte == 0);
        let named = |variable: &[u8]| {
            let value = variable.strip_prefix(name.as_bytes());
            value.is_some_and(|value| value.first() == Some(&b'='))
        };
        all.clone().any(named) && all.any(|variable| variable == pair.as_encoded_bytes())
    };
    let leaders = running()
        .into_iter()
        .filter(|(pid, stat)| stat.alive && stat.session == *pid)
        .filter(|(pid, _)| os::environment(*pid).is_ok_and(|variables| is_meant(&variables)));
    let identify = |(pid, stat): Running| ProcessId {
        pid,
        start: stat.start,
    };
    leaders.map(identify).collect()
}

/// Kills `roots` and all below them with SIGKILL. Returns whom it killed; they are gone shortly
/// after, see [`crate::wait_gone`]. What was started anew meanwhile is found by calling again,
/// so call until nothing is returned. The calling process is never killed.
pub fn kill_tree(roots: &[ProcessId]) -> Vec<ProcessId> {
    let own = std::process::id();
    let mut found = Vec::new();
    for root in roots {
        add(&mut found, own, *root);
    }
    let mut stopped = 0;
    for _ in 0..LOOKS {
        let known = found.clone();
        for process in descendants(roots).into_iter().chain(descendants(&known)) {
            add(&mut found, own, process);
        }
        if stopped == found.len() {
            break;
        }
        for process in &found[stopped..] {
            // Who may not be stopped may not be killed either, and that is told below.
            let _ = process.send(Signal::Stop);
        }
        stopped = found.len();
    }
    found.retain(|process| matches!(process.send(Signal::Kill), Ok(true)));
    found
}

fn add(found: &mut Vec<ProcessId>, own: u32, process: ProcessId) {
    if process.pid != own && !found.contains(&process) {
        found.push(process);
    }
}

/// A process and what the system says of it.
type Running = (u32, Stat);

/// All processes of this host; none if the system cannot list them now, so that the caller finds
/// them when it looks again.
fn running() -> Vec<Running> {
    os::running().unwrap_or_default()
}

fn below(roots: &[ProcessId], own: u32, running: &[Running]) -> Vec<ProcessId> {
    let mut tree: Vec<u32> = Vec::new();
    for root in roots {
        // A number that was used again leads to somebody else's children.
        let other = |(pid, stat): &Running| *pid == root.pid && stat.start != root.start;
        if !running.iter().any(other) {
            tree.push(root.pid);
        }
    }
    let leaders = tree.len();
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        let leads = next < leaders && parent != own;
        for (pid, stat) in running {
            let belongs = stat.parent == parent || (leads && stat.session == parent);
            if belongs && !tree.contains(pid) {
                tree.push(*pid);
                if stat.alive {
                    found.push(ProcessId {
                        pid: *pid,
                        start: stat.start,
                    });
                }
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(processes: &[(u32, u32, u32, u8)]) -> Vec<Running> {
        let stat = |&(pid, parent, session, state)| {
            let process = Stat {
                alive: state != b'Z',
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

    fn found(roots: &[ProcessId], host: &[Running]) -> Vec<u32> {
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
