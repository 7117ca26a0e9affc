//! What debugging shows, which warnings can be had less, and what children learn of a trace.

use crate::world::World;

#[test]
fn debugging_hides_tokens_even_where_patterns_do_not() {
    let mut world = World::without_checkout("true");
    world
        .set("BUILDKITE_AGENT_DEBUG", "true")
        .set("BUILDKITE_AGENT_ACCESS_TOKEN", "job-token-value")
        .set("BUILDKITE_REDACTED_VARS", "NOTHING")
        .set("CI_LINES", "one\ntwo");
    let log = world.run().log;
    assert!(log.contains("BUILDKITE_AGENT_ACCESS_TOKEN=******"), "{log}");
    assert!(!log.contains("job-token-value"), "{log}");
    assert!(log.contains("\nCI_LINES=one\\ntwo\n"), "{log}");
}

#[test]
fn settings_without_an_effect_are_told_to_those_who_debug() {
    let idle = [
        ("--profile", "BUILDKITE_AGENT_PROFILE", "cpu"),
        ("--job-logs-otlp", "BUILDKITE_JOB_LOGS_OTLP", "true"),
        (
            "--trace-context-encoding",
            "BUILDKITE_TRACE_CONTEXT_ENCODING",
            "json",
        ),
        (
            "--tracing-service-name",
            "BUILDKITE_TRACING_SERVICE_NAME",
            "fleet",
        ),
        (
            "--git-remote-mirror-url",
            "BUILDKITE_GIT_REMOTE_MIRROR_URL",
            "/m",
        ),
    ];
    let mut world = World::without_checkout("true");
    for (_, variable, value) in idle {
        world.set(variable, value);
    }
    assert!(!world.run().log.contains("no effect"));
    world.set("BUILDKITE_AGENT_LOG_LEVEL", "debug");
    let log = world.run().log;
    for (flag, variable, _) in idle {
        let text = format!("{flag} ({variable}) is set, but has no effect in this version");
        assert!(log.contains(&text), "{log}");
    }
}

/// What the command of a job with these variables sees of a trace, and the job's log.
fn trace(variables: &[(&str, &str)]) -> (String, String) {
    let mut world = World::without_checkout("echo \"see ${TRACEPARENT-none} ${TRACESTATE-none}\"");
    for (name, value) in variables {
        world.set(name, value);
    }
    let log = world.run().log;
    let seen = log.lines().rfind(|line| line.starts_with("see "));
    (seen.unwrap_or_default().to_owned(), log)
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACED: [(&str, &str); 3] = [
    ("BUILDKITE_TRACING_BACKEND", "opentelemetry"),
    ("BUILDKITE_TRACING_TRACEPARENT", PARENT),
    ("BUILDKITE_TRACING_TRACESTATE", "vendor=1"),
];

#[test]
fn children_continue_a_trace_only_if_the_agent_says_so() {
    assert_eq!(trace(&TRACED[1..]).0, "see none none");
    let (fresh, _) = trace(&TRACED);
    assert!(
        fresh.starts_with("see 00-") && fresh.ends_with("-01 none"),
        "{fresh}"
    );
    assert!(!fresh.contains(&PARENT[3..35]), "{fresh}");
    assert_ne!(trace(&TRACED).0, fresh);
    let mut continued = TRACED.to_vec();
    continued.push(("BUILDKITE_TRACING_PROPAGATE_TRACEPARENT", "true"));
    assert_eq!(trace(&continued).0, format!("see {PARENT} vendor=1"));
}

#[test]
fn a_tracing_backend_that_nobody_knows_is_told() {
    let (seen, log) = trace(&[("BUILDKITE_TRACING_BACKEND", "sextant")]);
    assert_eq!(seen, "see none none");
    assert!(log.contains("no tracing backend called sextant"), "{log}");
}
