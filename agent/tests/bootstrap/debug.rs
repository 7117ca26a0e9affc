//! What debugging shows.

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
        ("--queue", "BUILDKITE_AGENT_META_DATA_QUEUE", "q"),
        (
            "--trace-context-encoding",
            "BUILDKITE_TRACE_CONTEXT_ENCODING",
            "json",
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

#[cfg(target_os = "linux")]
#[test]
fn a_profile_of_a_job_is_kept_and_one_that_cannot_be_had_is_told() {
    let mut world = World::without_checkout("true");
    let folder = world.path("tmp");
    std::fs::create_dir(&folder).expect("folder");
    world.set("TMPDIR", folder.to_str().expect("text"));
    world.set("BUILDKITE_AGENT_PROFILE", "block");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("# no block profile is written: "));
    world.set("BUILDKITE_AGENT_PROFILE", "cpu");
    let log = world.run().log;
    let (_, told) = log.split_once("# CPU profile written to ").expect("told");
    let (path, _) = told.split_once(':').expect("a path");
    assert!(log.contains(&format!("it is written to {path} at the end")));
    let content = std::fs::read(path).expect("a profile");
    assert_eq!(content[..2], [0x1f, 0x8b], "gzip");
}
