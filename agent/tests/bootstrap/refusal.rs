//! What is refused before anything runs, and how it is said.

use crate::world::World;

#[test]
fn a_missing_variable_is_named_with_its_flag() {
    for (name, flag) in [
        ("BUILDKITE_JOB_ID", "--job"),
        ("BUILDKITE_REPO", "--repository"),
        ("BUILDKITE_COMMIT", "--commit"),
        ("BUILDKITE_BRANCH", "--branch"),
        ("BUILDKITE_AGENT_NAME", "--agent"),
        ("BUILDKITE_ORGANIZATION_SLUG", "--organization"),
        ("BUILDKITE_PIPELINE_SLUG", "--pipeline"),
        ("BUILDKITE_PIPELINE_PROVIDER", "--pipeline-provider"),
    ] {
        let mut world = World::without_checkout("echo never");
        world.env.remove(name);
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{}", ended.log);
        assert!(
            ended.log.contains(name) && ended.log.contains(flag),
            "{}",
            ended.log
        );
        assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
    }
}

#[test]
fn a_flag_that_is_not_known_is_named_and_help_lists_the_known_ones() {
    let world = World::new();
    let output = world.command().arg("--no-such-flag").output().expect("run");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(
        text.contains("--no-such-flag") && text.contains("--help"),
        "{text}"
    );
    let output = world.command().arg("--help").output().expect("run");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stdout)
            .expect("text")
            .contains("--git-clone-flags")
    );
}

#[test]
fn without_a_place_to_work_in_the_set_up_fails_with_its_own_status() {
    let mut world = World::without_checkout("echo never");
    world.env.remove("BUILDKITE_BUILD_PATH");
    let ended = world.run();
    assert_eq!(ended.code(), 125);
    assert!(ended.log.contains("BUILDKITE_BUILD_PATH"), "{}", ended.log);
}
