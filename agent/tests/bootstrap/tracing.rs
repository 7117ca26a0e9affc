//! Traces of jobs: which spans a collector receives, and what children are told of them.

use otlp_collector::{Collector, Health, Received};

use crate::world::{Ended, World};

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const PROPAGATE: &str = "BUILDKITE_TRACING_PROPAGATE_TRACEPARENT";

/// A job that is traced, over this protocol.
pub(crate) fn traced(mut world: World, collector: &Collector, protocol: &str) -> World {
    world
        .set("BUILDKITE_TRACING_BACKEND", "opentelemetry")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .set("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    world
}

/// Runs a traced job; it ends only after its spans were sent.
fn run(world: World, protocol: &str) -> (Ended, Received) {
    let collector = Collector::start(Health::Well);
    let ended = traced(world, &collector, protocol).run();
    (ended, collector.received())
}

/// What the command of a job sees of these variables.
fn seen(world: &mut World, names: &[&str]) -> Vec<String> {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("${{{name}-none}}"))
        .collect();
    let command = format!("echo \"see {}\"", names.join(" "));
    let log = world.set("BUILDKITE_COMMAND", &command).run().log;
    let line = log.lines().rfind(|line| line.starts_with("see "));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    line.split(' ').skip(1).map(str::to_owned).collect()
}

#[test]
fn each_part_of_a_job_is_a_span_inside_of_the_one_it_belongs_to() {
    for protocol in ["grpc", "http/protobuf"] {
        let mut world = World::new();
        let plugin = world.plugin("winch", &[("hooks/pre-command", "true\n")]);
        let plugins = world.path("plugins").to_str().expect("text").to_owned();
        world
            .hook("environment", "true")
            .hook("pre-exit", "true")
            .set("BUILDKITE_PLUGINS_PATH", &plugins)
            .set("BUILDKITE_PLUGINS", &format!("[\"{plugin}\"]"))
            .set("BUILDKITE_STEP_KEY", "build")
            .set("BUILDKITE_COMMAND", "true");
        let (ended, received) = run(world, protocol);
        assert_eq!(ended.code(), 0, "{}", ended.log);
        let root = "org/pipe/build";
        for (name, inside) in [
            (root, &[][..]),
            ("agent environment hook", &["environment"]),
            ("git.clone", &["checkout", "repo-checkout"]),
            ("git.clean.pre", &["checkout", "repo-checkout"]),
            ("git.fetch", &["checkout", "repo-checkout"]),
            ("git.verify_commit", &["checkout", "repo-checkout"]),
            ("git.sparse_checkout", &["checkout", "repo-checkout"]),
            ("git.checkout", &["checkout", "repo-checkout"]),
            ("git.clean.post", &["checkout", "repo-checkout"]),
            ("plugin pre-command hook", &["command", "pre-command"]),
            ("default command hook", &["command"]),
            ("post-command", &["command"]),
            ("agent pre-exit hook", &["pre-exit"]),
        ] {
            let mut wanted: Vec<&str> = (name != root).then_some(root).into_iter().collect();
            wanted.extend(inside);
            wanted.push(name);
            assert_eq!(received.way_to(name), wanted, "{protocol}");
        }
        let traces = received.spans.iter().map(|span| &span.trace);
        assert!(
            traces
                .clone()
                .all(|trace| trace == &received.span(root).trace)
        );
        assert!(received.spans.iter().all(|span| !span.failed));
        let plugin = &received.span("plugin pre-command hook").attributes;
        assert_eq!(plugin["plugin.name"], "winch");
        assert_eq!(plugin["hook.type"], "plugin");
        assert!(plugin["hook.command"].ends_with("/hooks/pre-command"));
    }
}

#[test]
fn spans_say_which_job_they_are_of() {
    let mut world = World::without_checkout("true");
    for (name, value) in [
        ("BUILDKITE_TRACING_SERVICE_NAME", "shipyard"),
        ("BUILDKITE_LABEL", "Hull"),
        ("BUILDKITE_BUILD_URL", "https://b.test/7"),
        ("BUILDKITE_RETRY_COUNT", "2"),
        ("BUILDKITE_AGENT_META_DATA_QUEUE", "slow"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "team=riggers,service.name=other",
        ),
    ] {
        world.set(name, value);
    }
    let (_, received) = run(world, "grpc");
    let resource = &received.span("org/pipe/Hull").resource;
    for (name, wanted) in [
        ("service.name", "shipyard"),
        ("deployment.environment", "ci"),
        ("team", "riggers"),
        ("buildkite.agent", "agent-1"),
        ("buildkite.queue", "slow"),
        ("buildkite.agent.metadata.queue", "slow"),
        ("buildkite.org", "org"),
        ("buildkite.branch", "main"),
        ("buildkite.job_id", "job-1"),
        ("buildkite.job_url", "https://b.test/7#job-1"),
        ("buildkite.job_key", "n/a"),
        ("buildkite.retry", "2"),
        ("buildkite.parallel", "0"),
    ] {
        assert_eq!(
            resource.get(name).map(String::as_str),
            Some(wanted),
            "{name}"
        );
    }
}

#[test]
fn what_failed_is_marked_with_its_reason_and_without_secrets() {
    let mut world = World::without_checkout("exit 7");
    world
        .hook("post-command", "exit 3")
        .set("APP_TOKEN", "hook exited");
    let (ended, received) = run(world, "http/protobuf");
    assert_eq!(ended.code(), 3, "{}", ended.log);
    let failed = |name: &str| {
        let span = received.span(name);
        assert!(span.failed, "{name}");
        span.errors.join("; ")
    };
    assert_eq!(failed("default command hook"), "exit status 7");
    assert!(failed("agent post-command hook").contains("[REDACTED]"));
    for name in ["post-command", "command", "org/pipe/job"] {
        failed(name);
    }
    assert!(!received.span("pre-command").failed);
    assert!(!received.span("pre-exit").failed);
    let spans = format!("{:?}", received.spans);
    assert!(!spans.contains("hook exited"), "{spans}");
}

#[test]
fn a_failed_checkout_is_one_span_an_attempt() {
    let mut world = World::new();
    world
        .set(
            "BUILDKITE_REPO",
            "https://user:passw0rd@127.0.0.1:1/hull.git",
        )
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1");
    let (ended, received) = run(world, "grpc");
    assert_ne!(ended.code(), 0, "{}", ended.log);
    assert!(received.span("git.clone").failed);
    let attempt = received.span("repo-checkout");
    assert!(attempt.failed);
    assert_eq!(attempt.attributes["checkout.attempt"], "1");
    assert_eq!(
        attempt.attributes["checkout.repo_name"],
        "https://127.0.0.1:1/hull.git"
    );
    assert!(received.spans.iter().all(|span| span.name != "command"));
}

#[test]
fn artifacts_are_spans_too() {
    let mut world = World::without_checkout("true");
    world
        .set("BUILDKITE_ARTIFACT_PATHS", "none/*")
        .hook("pre-artifact", "true");
    let (_, received) = run(world, "grpc");
    let upload = received.way_to("artifact-upload");
    assert_eq!(upload, ["org/pipe/job", "artifacts", "artifact-upload"]);
    let hook = received.way_to("agent pre-artifact hook");
    assert_eq!(hook[1..3], ["artifacts", "pre-artifact"]);
}

#[test]
fn children_are_told_of_the_span_they_run_in() {
    let collector = Collector::start(Health::Well);
    let world = World::without_checkout("");
    let mut world = traced(world, &collector, "grpc");
    world.hook("pre-command", "echo \"hook $TRACEPARENT\"");
    let log = world
        .set("BUILDKITE_COMMAND", "echo \"command $TRACEPARENT\"")
        .run()
        .log;
    let received = collector.received();
    for (word, name) in [
        ("hook", "agent pre-command hook"),
        ("command", "default command hook"),
    ] {
        let span = received.span(name);
        let line = format!("\n{word} 00-{}-{}-01\n", span.trace, span.id);
        assert!(log.contains(&line), "{line:?} in {log}");
    }
}

#[test]
fn a_trace_is_continued_only_if_the_agent_says_so() {
    let collector = Collector::start(Health::Well);
    let mut world = World::without_checkout("");
    world
        .set("BUILDKITE_TRACING_TRACEPARENT", PARENT)
        .set("BUILDKITE_TRACING_TRACESTATE", "vendor=1");
    let names = ["TRACEPARENT", "TRACESTATE"];
    assert_eq!(seen(&mut world, &names), ["none", "none"]);
    let mut world = traced(world, &collector, "grpc");
    let own = seen(&mut world, &names);
    assert!(
        own[0].starts_with("00-") && !own[0].contains(TRACE),
        "{own:?}"
    );
    assert_eq!(own[1], "none");
    assert_ne!(seen(&mut world, &names)[0], own[0]);
    world.set(PROPAGATE, "true");
    let continued = seen(&mut world, &names);
    assert!(continued[0].starts_with(&PARENT[..36]), "{continued:?}");
    assert_ne!(continued[0], PARENT);
    assert_eq!(continued[1], "vendor=1");
    let received = collector.received();
    let continued: Vec<_> = received
        .spans
        .iter()
        .filter(|span| span.trace == TRACE)
        .collect();
    let root = continued.iter().find(|span| span.name == "org/pipe/job");
    assert_eq!(root.expect("the job").parent, "00f067aa0ba902b7");
}

#[test]
fn each_propagator_writes_and_reads_its_variables() {
    const SPAN: &str = "00f067aa0ba902b7";
    let b3 = format!("{TRACE}-{SPAN}-1");
    let jaeger = format!("{TRACE}:{SPAN}:0:1");
    let xray = format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={SPAN};Sampled=1");
    let collector = Collector::start(Health::Well);
    for (name, variables) in [
        ("tracecontext", vec![("TRACEPARENT", PARENT)]),
        ("b3", vec![("B3", &b3)]),
        (
            "b3multi",
            vec![("X_B3_TRACEID", TRACE), ("X_B3_SPANID", SPAN)],
        ),
        ("jaeger", vec![("UBER_TRACE_ID", &jaeger)]),
        ("xray", vec![("X_AMZN_TRACE_ID", &xray)]),
        (
            "ottrace",
            vec![("OT_TRACER_TRACEID", TRACE), ("OT_TRACER_SPANID", SPAN)],
        ),
    ] {
        let mut world = traced(World::without_checkout(""), &collector, "grpc");
        world.set("OTEL_PROPAGATORS", name).set(PROPAGATE, "true");
        for (variable, value) in &variables {
            world.set(variable, value);
        }
        let (first, before) = variables[0];
        let after = seen(&mut world, &[first, "TRACEPARENT"]);
        assert_eq!(after[1] == "none", name != "tracecontext", "{name}");
        // The same trace, which OpenTracing's tracers know by half of its digits.
        let trace = if name == "xray" {
            "77b34da6a3ce929d0e0e4736"
        } else {
            &TRACE[16..]
        };
        assert!(
            after[0].contains(trace) && before.contains(trace),
            "{name}: {after:?}"
        );
        if name != "ottrace" && name != "b3multi" {
            assert_ne!(after[0], before, "{name}: another span of it");
        }
    }
}

#[test]
fn all_propagators_of_the_peer_write_unless_told_otherwise() {
    let collector = Collector::start(Health::Well);
    let mut world = traced(World::without_checkout(""), &collector, "grpc");
    let names = [
        "TRACEPARENT",
        "X_B3_SAMPLED",
        "UBER_TRACE_ID",
        "OT_TRACER_SAMPLED",
        "X_AMZN_TRACE_ID",
        "B3",
    ];
    let usual = seen(&mut world, &names);
    let none: Vec<_> = usual.iter().map(|value| value == "none").collect();
    assert_eq!(none, [false, false, false, false, false, true], "{usual:?}");
    world.set("OTEL_PROPAGATORS", "none");
    assert_eq!(seen(&mut world, &names), ["none"; 6]);
}

#[test]
fn datadog_gets_the_same_protocol_and_the_names_known_there() {
    let collector = Collector::start(Health::Well);
    let mut world = traced(World::without_checkout("true"), &collector, "http/protobuf");
    world.set("BUILDKITE_TRACING_BACKEND", "datadog");
    assert_eq!(world.run().code(), 0);
    let received = collector.received();
    let way = received.way_to("hook.execute");
    assert_eq!(way, ["job.run", "command", "hook.execute"]);
    let root = received.span("job.run");
    assert_eq!(root.attributes["resource.name"], "org/pipe/job");
}
