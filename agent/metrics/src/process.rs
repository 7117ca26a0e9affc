//! What this process takes of its host.

use crate::exposition::{Page, as_float};

/// What this process takes of its host, and since when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessFacts {
    /// Time of CPUs used so far, in seconds.
    pub cpu_seconds: f64,
    /// Memory that is in use, in bytes.
    pub resident_bytes: u64,
    /// Addresses in use, in bytes.
    pub virtual_bytes: u64,
    /// Files, sockets and the like that are open.
    pub open_descriptors: u64,
    /// How many of these there may be.
    pub most_descriptors: u64,
}

impl ProcessFacts {
    /// Reads them from the kernel; none where it does not tell.
    #[cfg(target_os = "linux")]
    pub fn read() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let descriptors = std::fs::read_dir("/proc/self/fd").ok()?.count();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let (ticks, virtual_bytes, pages) = parse_stat(&stat)?;
        Some(Self {
            cpu_seconds: as_float(ticks) / as_float(rustix::param::clock_ticks_per_second()),
            resident_bytes: pages * rustix::param::page_size() as u64,
            virtual_bytes,
            // Reading the folder took one.
            open_descriptors: descriptors.saturating_sub(1) as u64,
            most_descriptors: limit.current.unwrap_or(u64::MAX),
        })
    }

    /// Not known on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn read() -> Option<Self> {
        None
    }

    /// Under the names that all programs have for it.
    pub(crate) fn write(&self, page: &mut Page) {
        let help = "Time of CPUs used.";
        let family = ("process_cpu_seconds_total", help, "counter");
        page.single(family, self.cpu_seconds);
        let mut gauge = |name, help, value| page.single((name, help, "gauge"), as_float(value));
        let help = "Descriptors that may be open.";
        gauge("process_max_fds", help, self.most_descriptors);
        let help = "Descriptors that are open.";
        gauge("process_open_fds", help, self.open_descriptors);
        let help = "Memory in use.";
        gauge("process_resident_memory_bytes", help, self.resident_bytes);
        let help = "Addresses in use.";
        gauge("process_virtual_memory_bytes", help, self.virtual_bytes);
    }
}

/// Ticks of CPU time, bytes of address space and pages of memory out of `/proc/PID/stat`, see
/// proc(5). The second field is a name in parentheses that may hold anything.
#[cfg(target_os = "linux")]
fn parse_stat(stat: &str) -> Option<(u64, u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Numbered from 3 on in proc(5).
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?, field(23)?, field(24)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_confuses_nobody() {
        let fields: Vec<String> = (4..=30).map(|number| number.to_string()).collect();
        let stat = format!("7 (a) b (c)) S {}", fields.join(" "));
        assert_eq!(parse_stat(&stat), Some((14 + 15, 23, 24)));
        assert_eq!(parse_stat("7 (a) S 1 2"), None);
    }

    #[test]
    fn this_process_takes_something() {
        let facts = ProcessFacts::read().expect("a Linux process");
        assert!(facts.resident_bytes > 0 && facts.virtual_bytes >= facts.resident_bytes);
        assert!(facts.open_descriptors > 0 && facts.most_descriptors >= facts.open_descriptors);
    }
}
