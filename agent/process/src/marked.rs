//! Finding the processes of a job by variables of their environment, where no parent is left that
//! leads to them.

use shared_supervise::ProcessId;

use crate::os;

/// The processes that were started with each of these `NAME=value` in their environment and that
/// this user may look at, without this one. Best effort: one that cleaned its environment is not
/// found, and nothing is where the system does not show environments (it is Linux that does).
pub fn marked_by(variables: &[&str]) -> Vec<ProcessId> {
    let own = std::process::id();
    let mut found = os::process_ids();
    found.retain(|&pid| {
        let block = os::environment_of(pid);
        pid != own && variables.iter().all(|variable| carries(&block, variable))
    });
    found.into_iter().filter_map(ProcessId::of).collect()
}

/// Whether an environment block, its entries ended by zero bytes, has this entry.
fn carries(block: &[u8], variable: &str) -> bool {
    block
        .split(|&byte| byte == 0)
        .any(|entry| entry == variable.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_entry_counts() {
        let block = b"A=1\0BUILDKITE_JOB_ID=j10\0\0Z=BUILDKITE_JOB_ID=j2\0";
        assert!(carries(block, "BUILDKITE_JOB_ID=j10"));
        for other in ["BUILDKITE_JOB_ID=j1", "BUILDKITE_JOB_ID=j2", "A=", "Z"] {
            assert!(!carries(block, other), "{other}");
        }
        assert!(!carries(b"", "A=1"));
    }
}
