//! The log of a job arrives byte for byte.

use tests::bed::Bed;
use tests::generated_log;

use crate::binaries;

/// 50 MB of what makes logs hard.
const BYTES: usize = 50_000_000;

#[tokio::test]
async fn fifty_megabytes_of_hard_log_arrive_byte_for_byte() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.agent_config.push_str("no-pty=true\n");
    let _host = tests::host::Host::start(settings);
    let wanted = generated_log::bytes(BYTES);
    whole_log(&bed, BYTES, &wanted).await;
}

#[tokio::test]
async fn through_a_terminal_only_line_ends_change() {
    let bed = Bed::new(binaries()).await;
    let _host = bed.host();
    let wanted = generated_log::through_a_terminal(&generated_log::bytes(2_000_000));
    whole_log(&bed, 2_000_000, &wanted).await;
}

async fn whole_log(bed: &Bed, bytes: usize, wanted: &[u8]) {
    let api = bed.server.api();
    let command = format!("'{}' {bytes}", bed.binaries.prints_a_log.display());
    let jobs = api.run_commands("flood", &[&command]).await;
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(job["state"], "passed", "{job}");
    let log = generated_log::without_time_marks(&api.log(&jobs[0]).await);
    // The executor's own lines stand before and after; the command's output is one piece in between.
    let start = &wanted[..1000];
    let at = log
        .windows(start.len())
        .position(|window| window == start)
        .expect("the output begins somewhere");
    let found = &log[at..at + wanted.len().min(log.len() - at)];
    let differs = found
        .iter()
        .zip(wanted)
        .position(|(found, wanted)| found != wanted);
    assert_eq!(
        (differs, found.len()),
        (None, wanted.len()),
        "first difference, and length"
    );
}
