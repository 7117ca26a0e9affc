//! Events in, text for a Prometheus server out.

use std::sync::Arc;
use std::time::Duration;

use agent_metrics::{Event, JobFacts, Metrics, Prometheus};

fn watched() -> (Metrics, Arc<Prometheus>) {
    let prometheus = Arc::new(Prometheus::default());
    let metrics = Metrics::new(vec![Box::new(Arc::clone(&prometheus))]);
    (metrics, prometheus)
}

fn facts(queue: &str, priority: i64) -> JobFacts {
    JobFacts {
        queue: queue.to_owned(),
        priority,
        ..JobFacts::default()
    }
}

#[track_caller]
fn has(prometheus: &Prometheus, lines: &[&str]) {
    let text = prometheus.text(None);
    for line in lines {
        assert!(
            text.lines().any(|there| there == *line),
            "no {line} in\n{text}"
        );
    }
}

#[test]
fn a_new_agent_shows_zeros_and_no_family_that_has_no_member() {
    let (_, prometheus) = watched();
    has(
        &prometheus,
        &[
            "# TYPE buildkite_agent_pings_sent_total counter",
            "buildkite_agent_pings_sent_total 0",
            "# TYPE buildkite_agent_pings_duration_seconds_total histogram",
            "buildkite_agent_pings_duration_seconds_total_bucket{le=\"0.015625\"} 0",
            "buildkite_agent_pings_duration_seconds_total_bucket{le=\"32\"} 0",
            "buildkite_agent_pings_duration_seconds_total_sum 0",
            "buildkite_agent_pings_wait_duration_seconds_total_bucket{le=\"20\"} 0",
            "buildkite_agent_logs_upload_duration_seconds_total_bucket{le=\"512\"} 0",
            "buildkite_agent_logs_chunk_size_bytes_bucket{le=\"6.7108864e+07\"} 0",
        ],
    );
    let text = prometheus.text(None);
    assert!(!text.contains("buildkite_agent_jobs_"), "{text}");
    assert!(!text.contains("pings_actions"), "{text}");
}

#[test]
fn families_stand_in_the_order_of_their_names() {
    let (metrics, prometheus) = watched();
    let _job = metrics.job(1, || facts("q", 0));
    let idle = Event::Action {
        worker: 1,
        action: "idle",
    };
    metrics.record(&idle);
    let text = prometheus.text(None);
    let families: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    assert!(families.len() == 17 && families.is_sorted(), "{families:?}");
}

#[test]
fn a_job_runs_until_it_is_let_go() {
    let (metrics, prometheus) = watched();
    let first = metrics.job(1, || facts("big \"one\"", 7));
    let second = metrics.job(2, || facts("small", 0));
    drop(second);
    let first_labels = r#"{priority="7",queue="big \"one\""}"#;
    has(
        &prometheus,
        &[
            &format!("buildkite_agent_jobs_running{first_labels} 1"),
            &format!("buildkite_agent_jobs_started_total{first_labels} 1"),
            &format!("buildkite_agent_jobs_ended_total{first_labels} 0"),
            r#"buildkite_agent_jobs_running{priority="0",queue="small"} 0"#,
        ],
    );
    drop(first);
    let ended = format!("buildkite_agent_jobs_ended_total{first_labels} 1");
    has(&prometheus, &[&ended]);
}

#[test]
fn pings_are_counted_with_their_times() {
    let (metrics, prometheus) = watched();
    let (worker, seconds) = (1, Duration::from_secs);
    for event in [
        Event::PingSent {
            worker,
            waited: Duration::from_millis(1500),
        },
        Event::PingAnswered {
            worker,
            took: seconds(1),
        },
        Event::Action {
            worker,
            action: "pause",
        },
        Event::PingSent {
            worker,
            waited: seconds(30),
        },
        Event::PingFailed {
            worker,
            took: seconds(60),
            error: "no route",
        },
    ] {
        metrics.record(&event);
    }
    has(
        &prometheus,
        &[
            "buildkite_agent_pings_sent_total 2",
            "buildkite_agent_pings_errors_total 1",
            "buildkite_agent_pings_actions_total{action=\"pause\"} 1",
            "buildkite_agent_pings_duration_seconds_total_bucket{le=\"0.5\"} 0",
            "buildkite_agent_pings_duration_seconds_total_bucket{le=\"1\"} 1",
            "buildkite_agent_pings_duration_seconds_total_bucket{le=\"+Inf\"} 2",
            "buildkite_agent_pings_duration_seconds_total_sum 61",
            "buildkite_agent_pings_wait_duration_seconds_total_bucket{le=\"2\"} 1",
            "buildkite_agent_pings_wait_duration_seconds_total_count 2",
        ],
    );
}

#[test]
fn a_chunk_counts_with_its_bytes_whether_it_arrives_or_not() {
    let (metrics, prometheus) = watched();
    metrics.record(&Event::ChunkUploaded {
        bytes: 2_000_000,
        compressed: 300,
        took: Duration::from_millis(10),
    });
    metrics.record(&Event::ChunkFailed { bytes: 200 });
    has(
        &prometheus,
        &[
            "buildkite_agent_logs_chunks_uploaded_total 1",
            "buildkite_agent_logs_bytes_uploaded_total 2e+06",
            "buildkite_agent_logs_compressed_bytes_uploaded_total 300",
            "buildkite_agent_logs_chunk_uploads_errored_total 1",
            "buildkite_agent_logs_bytes_uploads_errored_total 200",
            "buildkite_agent_logs_chunk_size_bytes_bucket{le=\"256\"} 1",
            "buildkite_agent_logs_chunk_size_bytes_count 2",
            "buildkite_agent_logs_upload_duration_seconds_total_count 1",
        ],
    );
}

#[test]
fn without_anybody_who_wants_to_know_no_facts_are_collected() {
    let metrics = Metrics::none();
    assert!(!metrics.is_on());
    drop(metrics.job(1, || unreachable!("nobody asked")));
}
