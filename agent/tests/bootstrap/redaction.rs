//! Secrets in the log.

use crate::world::World;

#[test]
fn values_of_secret_names_are_hidden_in_all_that_is_written() {
    for pty in ["true", "false"] {
        let mut world = World::without_checkout(
            "echo \"see: $MY_TOKEN\"; echo $MY_TOKEN >&2; : sekret-value-1",
        );
        world
            .set("MY_TOKEN", "sekret-value-1")
            .set("BUILDKITE_PTY", pty);
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
        assert!(ended.log.contains("see: [REDACTED]"), "{}", ended.log);
        assert!(!ended.log.contains("sekret"), "{}", ended.log);
    }
}

#[test]
fn a_value_written_in_pieces_is_hidden() {
    let mut world =
        World::without_checkout("printf 'a sek'; sleep 0.1; printf 'ret-value-1'; printf ' b\\n'");
    world.set("MY_TOKEN", "sekret-value-1");
    assert!(world.run().log.ends_with("a [REDACTED] b\n"));
}

#[test]
fn own_patterns_replace_the_default_ones_and_bad_ones_are_told() {
    let mut world = World::without_checkout("echo \"$A_TOKEN $B_CODE\"");
    world
        .set("A_TOKEN", "stays-visible")
        .set("B_CODE", "is-hidden");
    world.set("BUILDKITE_REDACTED_VARS", "*_CODE, [");
    let log = world.run().log;
    assert!(
        log.contains("stays-visible [REDACTED]") && log.contains("pattern \"[\""),
        "{log}"
    );
}

#[test]
fn a_short_value_is_told_by_name_only() {
    let mut world = World::without_checkout("true");
    world.set("PIN_TOKEN", "1234");
    let log = world.run().log;
    assert!(log.contains("PIN_TOKEN") && !log.contains("1234"), "{log}");
    world.set(
        "BUILDKITE_AGENT_DISABLE_WARNINGS_FOR",
        "short-redacted-vars",
    );
    assert!(!world.run().log.contains("PIN_TOKEN"));
}

#[test]
fn debugging_shows_variables_but_no_token() {
    let mut world = World::without_checkout("true");
    world
        .set("BUILDKITE_AGENT_DEBUG", "true")
        .set("BUILDKITE_AGENT_ACCESS_TOKEN", "abc");
    world
        .set("BUILDKITE_LABEL", "row it")
        .set("OTHER", "not shown");
    let log = world.run().log;
    assert!(
        log.contains("BUILDKITE_LABEL=row it") && !log.contains("OTHER="),
        "{log}"
    );
    assert!(!log.contains("TOKEN=abc"), "{log}");
}
