//! What a launcher says of itself in files.

use std::fs;
use std::path::Path;

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use shared_control::Status;
use shared_supervise::kill_tree;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A sample of `metrics.prom`.
fn metric(bed: &Bed, sample: &str) -> Option<f64> {
    let text = fs::read_to_string(bed.state.metrics()).ok()?;
    let line = text.lines().find(|line| line.starts_with(sample))?;
    line.rsplit(' ').next()?.parse().ok()
}

const ROLLBACK: &str = "trireme_rollback_seconds{component=\"agent\"}";

#[test]
fn metrics_tell_of_the_verdict_and_of_a_way_back_that_took_no_time() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    wait_until("agent 1 to serve", || {
        let launcher = bed.launcher();
        (!launcher.lines(&["agent takes jobs", "0.1.0"]).is_empty()).then_some(())
    });
    bed.publish_agent(2, Manner::Silent);
    bed.wait_for(&["agent rejected and rolled back", "0.2.0"]);
    let took = wait_until("the way back", || metric(&bed, ROLLBACK));
    assert_eq!(
        took.to_bits(),
        0.0_f64.to_bits(),
        "agent 1 served all along"
    );
    let verdict = metric(&bed, "trireme_verdict_seconds{component=\"agent\"}").unwrap();
    assert!((1.0..60.0).contains(&verdict), "{verdict}");
    let serial = metric(&bed, "trireme_release_serial").unwrap();
    assert!((serial - 2.0).abs() < 0.1, "{serial}");
    let generation = metric(&bed, "trireme_page_generation{component=\"agent\"}").unwrap();
    let page = bed.page(shared_handover::layout::Component::Agent);
    assert_eq!(format!("{generation}"), page.generation().to_string());
    let written = metric(&bed, "trireme_metrics_written_seconds").unwrap();
    let now = format!("{}", Timestamp::now().as_second());
    let now: f64 = now.parse().unwrap();
    assert!((now - written).abs() < 60.0, "{written}");
}

#[test]
fn metrics_tell_how_long_a_host_was_without_the_version_before() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.publish_agent(2, Manner::Stranger);
    bed.wait_for(&["relieved agent ended", "0.1.0"]);
    kill_tree(&bed.agents());
    bed.wait_for(&["agent rejected and rolled back", "0.2.0"]);
    let took = wait_until("the way back", || metric(&bed, ROLLBACK));
    assert!(took > 0.0, "{took}");
}

#[test]
fn the_status_tells_by_how_much_the_clocks_differ() {
    let mut bed = Bed::new();
    let ahead = Timestamp::now() + SignedDuration::from_hours(2);
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&ahead)
        .unwrap();
    fs::write(bed.tree("date"), date).unwrap();
    bed.publish_agent(1, Manner::Good);
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |_| {});
    let skew = wait_until("the status", || {
        let status: Status = serde_json::from_slice(&fs::read(bed.state.status()).ok()?).ok()?;
        status.clock_skew
    });
    assert!((7_000..=7_200).contains(&skew), "{skew}");
}
