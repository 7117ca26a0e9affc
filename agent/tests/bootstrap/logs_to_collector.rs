//! Lines of a job's log as records for a collector.

use otlp_collector::{Collector, Health, Received};

use crate::tracing::traced;
use crate::world::World;

/// A job whose log goes to this collector.
fn copied(mut world: World, collector: &Collector, protocol: &str) -> World {
    world
        .set("BUILDKITE_JOB_LOGS_OTLP", "true")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .set("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    world
}

fn texts(received: &Received) -> Vec<&str> {
    received
        .lines
        .iter()
        .map(|line| line.text.as_str())
        .collect()
}

#[test]
fn every_line_of_the_log_is_a_record_in_its_order() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start(Health::Well);
        let mut world = World::without_checkout("echo one; printf 'two\\r\\n\\nthree'");
        world
            .set("BUILDKITE_BUILD_NUMBER", "12")
            .hook("environment", "echo hook");
        let ended = copied(world, &collector, protocol).run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
        let received = collector.received();
        let said: Vec<&str> = ended.log.lines().collect();
        assert_eq!(texts(&received), said, "{protocol}");
        let line = received
            .lines
            .iter()
            .find(|line| line.text == "one")
            .expect("a line");
        assert!(line.time > 0 && line.trace.is_empty(), "{line:?}");
        for (name, wanted) in [
            ("source", "job"),
            ("buildkite.job.id", "job-1"),
            ("buildkite.organization.slug", "org"),
            ("buildkite.build.number", "12"),
        ] {
            assert_eq!(line.attributes[name], wanted);
        }
        assert_eq!(line.resource["service.name"], "buildkite-agent");
    }
}

#[test]
fn a_record_belongs_to_the_span_it_was_written_in() {
    let collector = Collector::start(Health::Well);
    let world = World::without_checkout("printf 'in the command'");
    let mut world = traced(copied(world, &collector, "grpc"), &collector, "grpc");
    let ended = world.hook("pre-exit", "echo in the hook").run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let received = collector.received();
    for (text, name) in [
        ("in the command", "default command hook"),
        ("in the hook", "agent pre-exit hook"),
        ("~~~ Running agent pre-exit hook", "agent pre-exit hook"),
        ("~~~ Preparing working directory", "checkout"),
    ] {
        let line = received.lines.iter().find(|line| line.text == text);
        let line = line.unwrap_or_else(|| panic!("{text} in {:?}", texts(&received)));
        let span = received.span(name);
        assert_eq!((&line.trace, &line.span), (&span.trace, &span.id), "{text}");
    }
}

#[test]
fn secrets_are_hidden_from_the_collector_too() {
    let collector = Collector::start(Health::Well);
    let world = World::without_checkout("echo is-a-secret; echo long | tr -d '\\n'; echo er");
    let mut world = copied(world, &collector, "grpc");
    world.set("SOME_TOKEN", "is-a-secret").run();
    let received = collector.received();
    assert!(
        texts(&received).contains(&"[REDACTED]"),
        "{:?}",
        texts(&received)
    );
    assert!(texts(&received).contains(&"longer"));
    let all = format!("{received:?}");
    assert!(!all.contains("is-a-secret"), "{all}");
}

#[test]
fn a_long_log_arrives_whole() {
    let collector = Collector::start(Health::Well);
    // Six megabytes of lines, and one line of 150,000 bytes.
    let command = "seq -f 'line %08g ........................................' 100000; \
                   head -c 150000 /dev/zero | tr '\\0' x; echo";
    let world = copied(World::without_checkout(command), &collector, "grpc");
    assert_eq!(world.run().code(), 0);
    let received = collector.received();
    let numbered: Vec<_> = texts(&received)
        .into_iter()
        .filter(|text| text.starts_with("line "))
        .collect();
    assert_eq!(numbered.len(), 100_000);
    assert!(numbered.is_sorted());
    let long = texts(&received)
        .into_iter()
        .filter(|text| text.starts_with("xx"));
    let long: Vec<_> = long.map(str::len).collect();
    assert_eq!(long, [65_536, 65_536, 18_928]);
}

#[test]
fn a_collector_that_takes_nothing_costs_lines_there_and_nothing_here() {
    for (health, text) in [
        (Health::Busy, "it answered 503"),
        (Health::Strict, "it answered 401"),
    ] {
        let collector = Collector::start(health);
        let world = copied(
            World::without_checkout("seq 200000; exit 4"),
            &collector,
            "grpc",
        );
        let ended = world.run();
        assert_eq!(ended.code(), 4, "{}", ended.log);
        assert!(ended.log.contains("\n200000\n"));
        let last = ended.log.lines().last().expect("a line");
        assert!(
            last.contains("lines are missing there") && last.contains(text),
            "{last}"
        );
    }
}

#[test]
fn a_protocol_that_is_not_there_is_told_and_the_job_runs() {
    let collector = Collector::start(Health::Well);
    let mut world = copied(World::without_checkout("true"), &collector, "grpc");
    world.set("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let text = "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL is \"http/json\"";
    assert!(ended.log.contains(text), "{}", ended.log);
}
