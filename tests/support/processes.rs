//! The processes of one bed, found by a variable that all of them inherit.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Name of the variable that marks the processes of a bed, jobs included: the agent takes its own
/// variables (`TRIREME_…`) from them.
pub const MARK: &str = "BED_MARK";

/// A process as `/proc` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Arguments, joined by blanks.
    pub command_line: String,
}

/// All living processes that carry this mark. A zombie has no environment and does not count.
pub fn marked(mark: &str) -> Vec<Process> {
    let wanted = format!("{MARK}={mark}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            environment(*pid)
                .iter()
                .any(|variable| variable == wanted.as_bytes())
        })
        .map(|pid| Process {
            pid,
            command_line: command_line(pid),
        })
        .collect()
}

/// Sends a signal to a process of the bed.
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id is a positive number");
    // The process may have ended by itself meanwhile, which is what callers wait for anyway.
    let _ = kill_process(pid, signal);
}

/// Whether there is a living process with this id.
pub fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists() && !environment(pid).is_empty()
}

fn environment(pid: u32) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    bytes
        .split(|&byte| byte == 0)
        .filter(|part| !part.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let parts: Vec<_> = bytes
        .split(|&byte| byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    parts.join(" ").trim().to_owned()
}
