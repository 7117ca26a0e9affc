//! What the kernel says of a process.

use anyhow::{Context, Result};

/// Figures of one process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Snapshot {
    /// Resident memory in KiB.
    pub(crate) rss: u64,
    /// Resident memory that belongs to this process alone (anonymous pages), in KiB.
    pub(crate) anonymous: u64,
    /// Highest resident memory so far in KiB.
    pub(crate) peak: u64,
    /// Times the process went to sleep by itself: each is one wake-up.
    pub(crate) wake_ups: u64,
    /// CPU time in nanoseconds, all threads that still live.
    pub(crate) cpu_ns: u64,
}

impl Snapshot {
    /// Looks at a living process.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = read(&format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1))
                .and_then(|word| word.parse().ok())
                .unwrap_or(0)
        };
        let mut snapshot = Self {
            rss: field("VmRSS:"),
            anonymous: field("RssAnon:"),
            peak: field("VmHWM:"),
            ..Self::default()
        };
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))
            .context("list threads")?
            .flatten()
        {
            let folder = task.path();
            // A thread may end while it is looked at.
            let Ok(status) = read(&folder.join("status").to_string_lossy()) else {
                continue;
            };
            let switches = status
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt_switches"));
            snapshot.wake_ups += switches
                .and_then(|line| line.split_whitespace().nth(1))
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
            // First field of schedstat: nanoseconds on a CPU.
            let schedstat = read(&folder.join("schedstat").to_string_lossy()).unwrap_or_default();
            snapshot.cpu_ns += schedstat
                .split_whitespace()
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
        }
        Ok(snapshot)
    }
}

/// Direct children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// CPU time of a process in milliseconds, threads that have ended included, to the tick of 10 ms.
pub(crate) fn milliseconds(pid: u32) -> Result<u64> {
    // utime and stime: fields 14 and 15.
    Ok(ticks(pid, 13..15)? * 10)
}

/// The same with all children that have ended and been waited for, and theirs.
pub(crate) fn milliseconds_with_children(pid: u32) -> Result<u64> {
    // cutime and cstime follow.
    Ok(ticks(pid, 13..17)? * 10)
}

/// The sum of some fields of `/proc/PID/stat`, counted from 0.
fn ticks(pid: u32, fields: std::ops::Range<usize>) -> Result<u64> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    // The second field is a name in parentheses, which may hold blanks.
    let (_, rest) = stat.rsplit_once(") ").context("a name in parentheses")?;
    let words = rest.split_whitespace().skip(fields.start - 2);
    Ok(words
        .take(fields.len())
        .filter_map(|word| word.parse::<u64>().ok())
        .sum())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {path}"))
}
