//! The suite: whole chains of real binaries. Each test is named as the claim it proves.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something it needs is missing"
)]

mod bad_release;
mod command_line;
mod enrollment;
mod good_release;
mod hooks;
mod host_trouble;
mod hostile_server;
mod job_log;
mod killed;
mod many_releases;
mod operator;
mod server_trouble;
mod stopped;
mod systemd;

use std::path::PathBuf;

use tests::Binaries;

/// The binaries that cargo built together with this suite.
fn binaries() -> Binaries {
    Binaries {
        bootstrapper: PathBuf::from(env!("CARGO_BIN_EXE_bootstrapper-dup")),
        launcher: PathBuf::from(env!("CARGO_BIN_EXE_launcher-dup")),
        agent: PathBuf::from(env!("CARGO_BIN_EXE_agent-dup")),
        server: PathBuf::from(env!("CARGO_BIN_EXE_server-dup")),
        exits_at_once: PathBuf::from(env!("CARGO_BIN_EXE_exits-at-once")),
        never_reports_ready: PathBuf::from(env!("CARGO_BIN_EXE_never-reports-ready")),
        prints_a_log: PathBuf::from(env!("CARGO_BIN_EXE_prints-a-log")),
    }
}

/// A command that says so, then waits until the file appears, then ends with 0. It gives a test full
/// control over when a job ends.
fn waits_for(file: &std::path::Path) -> String {
    format!(
        "echo started; until [ -e '{}' ]; do sleep 0.05; done; echo ended",
        file.display()
    )
}
