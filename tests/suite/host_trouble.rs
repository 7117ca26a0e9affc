//! The host itself misbehaves: disks, clocks, processes that are stopped or killed, files that vanish.
//! What is installed runs on, and what is to be installed is installed as soon as that is possible
//! again.

mod clocks;
mod disks;
mod lost_files;
mod processes;

use tests::bed::Bed;
use tests::host::Host;

/// A job runs on this host.
async fn works(bed: &Bed, name: &str) {
    let api = bed.server.api();
    let jobs = api.run_commands(name, &["true"]).await;
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(job["state"], "passed", "{job}");
}

/// The host takes this release, whose launcher it has.
async fn takes(bed: &Bed, host: &Host, version: &str) {
    let agent = bed.small_agent(version, 0);
    bed.server.publish(version, &bed.binaries.launcher, &agent);
    committed(host, version).await;
}

/// Waits until this version of the agent is committed.
async fn committed(host: &Host, version: &str) {
    let words = ["agent committed", &format!("version={version}")];
    host.log_line("launcher", &words).await;
}
