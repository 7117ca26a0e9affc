//! Events in, packets out.

use std::time::Duration;

use agent_metrics::{Datadog, DatadogSettings, Event, JobFacts, Metrics};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Long enough for a loaded machine; every wait is for a packet.
const PATIENCE: Duration = Duration::from_mins(5);

fn facts() -> JobFacts {
    JobFacts {
        agent_name: "box 1".into(),
        organization: "acme".into(),
        pipeline: "web".into(),
        branch: "feature/login".into(),
        queue: "default".into(),
        ..JobFacts::default()
    }
}

fn exited(job: &JobFacts, exit_status: i32) -> Event<'_> {
    Event::JobExited {
        worker: 1,
        job,
        exit_status,
        took: Duration::from_micros(1_234_567),
    }
}

/// What arrives for these exit statuses, as lines.
async fn lines(distributions: bool, statuses: &[i32]) -> Vec<String> {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (datadog, delivery) = Datadog::new(&DatadogSettings {
        host: server.local_addr().unwrap().to_string(),
        distributions,
    });
    let metrics = Metrics::new(vec![Box::new(datadog)]);
    for status in statuses {
        metrics.record(&exited(&facts(), *status));
    }
    drop(metrics);
    timeout(PATIENCE, delivery.run()).await.unwrap();
    let mut packet = vec![0; 65_536];
    let mut lines = Vec::new();
    while lines.len() < statuses.len() * 2 {
        let received = timeout(PATIENCE, server.recv(&mut packet)).await;
        let bytes = received.unwrap().unwrap();
        let text = String::from_utf8(packet[..bytes].to_vec()).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

#[tokio::test]
async fn each_finished_job_is_a_timing_and_a_count() {
    let tags = |exit_code| {
        format!(
            "|#agent_name:box_1,branch:feature_login,exit_code:{exit_code},org:acme,pipeline:web,\
             queue:default"
        )
    };
    let (success, failure) = (tags("0"), tags("_1"));
    assert_eq!(
        lines(false, &[0, -1]).await,
        [
            format!("buildkite.jobs.duration.success:1234|ms{success}"),
            format!("buildkite.jobs.success:1|c{success}"),
            format!("buildkite.jobs.duration.error:1234|ms{failure}"),
            format!("buildkite.jobs.failed:1|c{failure}"),
        ]
    );
}

#[tokio::test]
async fn timings_can_be_distributions() {
    let lines = lines(true, &[0]).await;
    let line = "buildkite.jobs.duration.success:1234|d|#";
    assert!(lines[0].starts_with(line), "{lines:?}");
    assert!(
        lines[1].starts_with("buildkite.jobs.success:1|c"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_metrics_and_nothing_else() {
    for host in ["127.0.0.1:1", "no host at all"] {
        let (datadog, delivery) = Datadog::new(&DatadogSettings {
            host: host.into(),
            distributions: false,
        });
        let metrics = Metrics::new(vec![Box::new(datadog)]);
        // More than may wait: what has no room is dropped, and nobody waits for room.
        for _ in 0..2000 {
            metrics.record(&exited(&facts(), 0));
        }
        drop(metrics);
        timeout(PATIENCE, delivery.run()).await.unwrap();
    }
}
