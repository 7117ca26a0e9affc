//! Experiments: names that mean something, and names that mean nothing any more or nothing yet.

use crate::world::World;

#[test]
fn a_terminal_changes_line_ends_unless_it_is_raw() {
    for (experiments, line) in [
        ("", "one\r\n"),
        ("zip-plugins,no-such-thing, pty-raw", "one\n"),
    ] {
        let mut world = World::without_checkout("printf 'a%se\\n' on");
        world
            .set("BUILDKITE_PTY", "true")
            .set("BUILDKITE_AGENT_EXPERIMENT", experiments);
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
        assert!(ended.log.ends_with(&format!("a{line}")), "{:?}", ended.log);
    }
}

#[test]
fn what_every_job_has_by_now_and_what_nobody_knows_is_passed_on_without_a_word() {
    let mut world = World::without_checkout("echo \"got $BUILDKITE_AGENT_EXPERIMENT\"");
    let names = "job-api,polyglot-hooks,kubernetes-exec,no-such-thing";
    world.set("BUILDKITE_AGENT_EXPERIMENT", names);
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        ended.log.ends_with(&format!("\ngot {names}\n")),
        "{}",
        ended.log
    );
    assert_eq!(
        ended.log.matches("no-such-thing").count(),
        1,
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("Warning"), "{}", ended.log);
}
