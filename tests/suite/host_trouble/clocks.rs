//! Clocks that stand anywhere and jump at any time. They are faked with libfaketime, which all tiers
//! load; only the clock on the wall lies, as it does on real hosts: time since boot goes on.

use std::path::{Path, PathBuf};

use tests::bed::Bed;
use tests::host::Host;
use tests::processes::is_alive;

use super::{committed, takes, works};
use crate::binaries;

/// Where distributions put the library.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

/// The wall clock of one host.
struct Clock(PathBuf);

impl Clock {
    /// A host whose wall clock this is, and the clock.
    fn of_a_host(bed: &Bed) -> (Self, tests::host::HostSettings) {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let library = library.expect("libfaketime is needed: apt-get install libfaketime");
        let clock = Self(bed.folder().join("clock"));
        let mut settings = bed.host_settings();
        let file = clock.0.to_str().unwrap();
        settings.env = [
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        (clock, settings)
    }

    /// It shows this date, and goes on from there.
    fn show(&self, date: &str) {
        let wanted: jiff::Timestamp = format!("{date}T12:00:00Z").parse().unwrap();
        let ahead = wanted.duration_since(jiff::Timestamp::now()).as_secs();
        self.ahead(ahead);
    }

    /// It is so many seconds ahead of the truth.
    fn ahead(&self, seconds: i64) {
        // A reader must not find half of it.
        let next = self.0.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }
}

impl Drop for Clock {
    /// Removes the shared memory that the library leaves of each process that was killed.
    fn drop(&mut self) {
        for entry in std::fs::read_dir("/dev/shm")
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let pid = name
                .to_str()
                .filter(|name| name.contains("faketime_"))
                .and_then(|name| name.rsplit('_').next()?.parse().ok());
            if pid.is_some_and(|pid| !is_alive(pid)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[tokio::test]
async fn at_any_date_a_host_works_and_only_an_upgrade_may_have_to_wait() {
    let bed = Bed::without_release(binaries()).await;
    let (clock, settings) = Clock::of_a_host(&bed);
    clock.show("1970-01-02");
    let host = Host::start(settings);
    // In the past nothing waits: what was signed proves that it is later.
    takes(&bed, &host, "1.0.0").await;
    let line = host.log_line("launcher", &["agent committed"]).await;
    assert!(line.starts_with("1970-01-02"), "the clock is faked: {line}");
    works(&bed, "in-1970").await;

    for (number, date) in ["2038-01-19", "2100-03-01"].into_iter().enumerate() {
        clock.show(date);
        let start = host.log_end("launcher");
        let version = format!("{}.0.0", number + 2);
        let agent = bed.small_agent(&version, 0);
        bed.server.publish(&version, &bed.binaries.launcher, &agent);
        let words = [date, "manifest not adopted", "is the clock right?"];
        host.log_line_after(start, "launcher", &words).await;
        works(&bed, &format!("in-{date}")).await;
        assert!(!bed.has_run(&version));

        // A clock that was wrong leaves nothing behind.
        clock.ahead(0);
        committed(&host, &version).await;
        works(&bed, &format!("after-{date}")).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_by_years_during_a_gate_decides_nothing() {
    let bed = Bed::without_release(binaries()).await;
    let (clock, mut settings) = Clock::of_a_host(&bed);
    let gate = settings
        .launcher_args
        .iter()
        .position(|arg| arg == "--gate-seconds");
    "3".clone_into(&mut settings.launcher_args[gate.unwrap() + 1]);
    clock.ahead(0);
    let host = Host::start(settings);
    takes(&bed, &host, "1.0.0").await;
    let year = 365 * 24 * 3600;
    for (number, jump) in [year, -year, 80 * year].into_iter().enumerate() {
        let version = format!("{}.0.0", number + 2);
        let agent = bed.small_agent(&version, 0);
        bed.server.publish(&version, &bed.binaries.launcher, &agent);
        let words = ["agent started", &format!("version={version}")];
        host.log_line("launcher", &words).await;
        clock.ahead(jump);
        works(&bed, &format!("jump-{number}")).await;
        clock.ahead(0);
        committed(&host, &version).await;
    }
    assert!(!host.log("launcher").contains("rejected"));
}
