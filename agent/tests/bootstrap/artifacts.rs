//! What a job leaves behind: when it is uploaded, and what its failure means.

use crate::world::World;

/// The only job that may name a stand-in for the agent.
const TEST_JOB: &str = "1111-1111-1111-1111";

/// A job that leaves artifacts, with a stand-in for the agent that runs this shell code.
fn job(command: &str, code: &str) -> World {
    let mut world = World::without_checkout(command);
    world.stand_in("self", code);
    let agent = world.path("bin/self");
    world
        .set("BUILDKITE_JOB_ID", TEST_JOB)
        .set("BUILDKITE_OVERRIDE_SELF", &agent.to_string_lossy())
        .set("BUILDKITE_ARTIFACT_PATHS", "log/*");
    world
}

#[test]
fn hooks_surround_the_upload_and_see_its_variables() {
    let mut world = job("true", "");
    world
        .hook(
            "pre-artifact",
            "export BUILDKITE_ARTIFACT_PATHS='more/*'; echo before",
        )
        .hook("post-artifact", "echo after $BUILDKITE_ARTIFACT_PATHS");
    let log = world.run().log;
    let order = ["\nbefore\n", "~~~ Uploading artifacts", "\nafter more/*\n"];
    let places = order.map(|text| log.find(text).unwrap_or_else(|| panic!("{text}: {log}")));
    assert!(places.is_sorted(), "{log}");
}

#[test]
fn paths_that_a_hook_takes_away_are_not_uploaded() {
    let mut world = job("true", "");
    world.hook("environment", "export BUILDKITE_ARTIFACT_PATHS=");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert_eq!(world.told(), Vec::<String>::new());
}

#[test]
fn a_job_whose_first_hook_of_the_command_failed_still_leaves_artifacts() {
    let mut world = job("true", "");
    world.hook("pre-command", "exit 6");
    let ended = world.run();
    assert_eq!(ended.code(), 6, "{}", ended.log);
    assert_eq!(world.told(), ["self artifact upload log/*"]);
}

#[test]
fn a_hook_before_the_upload_that_fails_stops_it() {
    for (command, code) in [("true", 8), ("exit 4", 4)] {
        let mut world = job(command, "");
        world.hook("pre-artifact", "exit 8");
        let ended = world.run();
        assert_eq!(ended.code(), code, "{}", ended.log);
        assert_eq!(world.told(), Vec::<String>::new());
    }
}

#[test]
fn an_agent_that_cannot_be_started_fails_a_job_that_passed() {
    let mut world = job("true", "");
    world.set("BUILDKITE_OVERRIDE_SELF", "/no/such/agent");
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    let text = "failed to upload artifacts: run \"/no/such/agent\"";
    assert!(ended.log.contains(text), "{}", ended.log);
}

#[test]
fn no_other_job_names_a_stand_in_for_the_agent() {
    let mut world = job("true", "");
    world.set("BUILDKITE_JOB_ID", "job-1");
    let ended = world.run();
    assert_eq!(world.told(), Vec::<String>::new());
    let own = env!("CARGO_BIN_EXE_agent");
    let prompt = format!("{own} artifact upload");
    assert!(ended.log.contains(&prompt), "{}", ended.log);
}

#[test]
fn an_agent_whose_file_was_replaced_still_calls_itself() {
    let mut world = job(
        "rm \"$AGENT\"; printf '#!/bin/sh\\necho other\\n' >\"$AGENT\"",
        "",
    );
    let agent = world.path("bin/agent");
    // Not by this process: a child that another test starts meanwhile would hold the file open for
    // writing, and no such file can be run.
    let mut copy = std::process::Command::new("cp");
    let copied = copy.arg(env!("CARGO_BIN_EXE_agent")).arg(&agent).status();
    assert!(copied.expect("cp").success());
    world
        .set("BUILDKITE_JOB_ID", "job-1")
        .set("AGENT", &agent.to_string_lossy());
    let mut command = std::process::Command::new(&agent);
    command.arg("bootstrap").env_clear().envs(&world.env);
    let output = command.current_dir(world.path("builds")).output();
    let output = output.expect("start");
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("/exe artifact upload"), "{log}");
    assert!(!log.contains("\nother\n"), "{log}");
}
