//! Collectors that are away, busy, strict or silent: no job is changed by them.

use std::time::Duration;

use otlp_collector::{Collector, Health};

use crate::tracing::traced;
use crate::world::World;

/// The whole job, its three seconds for the collector included, on a busy host.
const LONGEST: Duration = Duration::from_secs(20);

#[test]
#[expect(clippy::disallowed_methods, reason = "how long a real process takes")]
fn a_collector_that_does_not_take_spans_is_told_of_and_delays_little() {
    for protocol in ["grpc", "http/protobuf"] {
        for (health, text) in [
            (Health::Busy, "it answered 503"),
            (Health::Strict, "it answered 401"),
            (Health::Silent, "it took longer than 3s"),
        ] {
            let collector = Collector::start(health);
            let world = traced(World::without_checkout("exit 4"), &collector, protocol);
            let began = std::time::Instant::now();
            let ended = world.run();
            assert!(began.elapsed() < LONGEST, "{health:?}");
            assert_eq!(ended.code(), 4, "{}", ended.log);
            assert!(
                ended.log.contains(text),
                "{protocol} {health:?}: {}",
                ended.log
            );
            assert!(ended.log.contains(&collector.url()), "{}", ended.log);
        }
    }
}

#[test]
fn a_collector_that_is_not_there_changes_no_job() {
    let collector = Collector::start(Health::Well);
    let mut world = traced(World::without_checkout("exit 4"), &collector, "grpc");
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let ended = world.run();
    assert_eq!(ended.code(), 4, "{}", ended.log);
    assert!(ended.log.contains("refused"), "{}", ended.log);
}

#[test]
fn settings_that_cannot_be_used_are_told_and_nothing_is_traced() {
    for (name, value, text) in [
        (
            "BUILDKITE_TRACING_BACKEND",
            "sextant",
            "no tracing backend called sextant",
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/json",
            "set it to grpc or http/protobuf",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "ftp://x",
            "is no address of a collector",
        ),
    ] {
        let collector = Collector::start(Health::Well);
        let mut world = traced(World::without_checkout(""), &collector, "grpc");
        world.set(name, value);
        world.set("BUILDKITE_COMMAND", "echo \"see ${TRACEPARENT-none}\"");
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
        assert!(ended.log.contains("see none"), "{}", ended.log);
        assert!(ended.log.contains(text), "{}", ended.log);
        assert!(collector.received().calls.is_empty());
    }
}

#[test]
fn headers_reach_the_collector_and_no_log() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start(Health::Strict);
        let mut world = traced(World::without_checkout(""), &collector, protocol);
        world
            .set(
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                "x-key=s3cret%2Bvalue,x-tenant=shipyard",
            )
            .set("BUILDKITE_COMMAND", "env; echo s3cret+value");
        let log = world.run().log;
        let call = &collector.received().calls[0];
        assert_eq!(call.headers["x-key"], "s3cret+value", "{protocol}");
        assert!(!log.contains("s3cret"), "{log}");
    }
}

#[test]
fn exports_are_compressed_where_asked_for() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start(Health::Well);
        let mut world = traced(World::without_checkout("true"), &collector, protocol);
        world.set("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
        assert_eq!(world.run().code(), 0);
        let received = collector.received();
        received.span("org/pipe/job");
        let encodings = ["grpc-encoding", "content-encoding"];
        let headers = &received.calls[0].headers;
        let zipped = encodings
            .iter()
            .any(|name| headers.get(*name).is_some_and(|v| v == "gzip"));
        assert!(zipped || protocol == "grpc", "{headers:?}");
    }
}

#[test]
fn an_untraced_job_calls_no_collector() {
    let collector = Collector::start(Health::Well);
    let mut world = World::without_checkout("true");
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url());
    assert_eq!(world.run().code(), 0);
    assert!(collector.received().calls.is_empty());
}
