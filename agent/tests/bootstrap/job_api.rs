//! The job API, from inside real jobs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::world::World;

/// A job whose commands find the agent as `buildkite-agent`.
fn world(command: &str) -> World {
    let mut world = World::without_checkout(command);
    let agent = env!("CARGO_BIN_EXE_agent");
    world.write_program(
        "bin/buildkite-agent",
        &format!("#!/bin/sh\nexec {agent} \"$@\"\n"),
    );
    world.set("OAR", "ash wood");
    world
}

#[test]
fn socket_and_folder_are_private_while_the_job_runs_and_gone_afterwards() {
    let world = world(
        "stat -c %a \"$BUILDKITE_AGENT_JOB_API_SOCKET\" \"${BUILDKITE_AGENT_JOB_API_SOCKET%/*}\"",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("600\n700\n"), "{}", ended.log);
    let folder = world.path("home/.buildkite-agent/sockets/job-api");
    assert_eq!(fs::read_dir(folder).expect("folder").count(), 0);
}

#[test]
fn a_relative_folder_of_sockets_is_the_same_for_children_in_other_folders() {
    let mut world = world("mkdir -p sub && cd sub && buildkite-agent env get OAR");
    world.set("BUILDKITE_SOCKETS_PATH", "s");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
}

#[test]
fn a_socket_of_a_job_that_was_killed_goes_with_the_next_job() {
    let world = world("true");
    let folder = world.path("home/.buildkite-agent/sockets/job-api");
    fs::create_dir_all(&folder).expect("folder");
    let dead = folder.join(format!("{}-1.sock", i32::MAX));
    drop(std::os::unix::net::UnixListener::bind(&dead).expect("socket"));
    assert_eq!(world.run().code(), 0);
    assert!(!dead.exists());
}

#[test]
fn a_job_whose_api_cannot_open_does_not_run() {
    for (sockets, text) in [
        ("x".repeat(120), "shorter --sockets-path"),
        ("repo/README".to_owned(), "another --sockets-path"),
    ] {
        let mut world = world("echo ran");
        let sockets = world.path(&sockets);
        world.set("BUILDKITE_SOCKETS_PATH", sockets.to_str().expect("text"));
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{}", ended.log);
        assert!(ended.log.contains(text), "{}", ended.log);
        assert!(!ended.log.contains("ran"), "{}", ended.log);
    }
}

#[test]
fn a_job_without_the_api_says_so_unless_told_not_to() {
    let mut world =
        world("echo \"[${BUILDKITE_AGENT_JOB_API_SOCKET-none}]\"; ! buildkite-agent env get OAR");
    world.set("BUILDKITE_AGENT_NO_JOB_API", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        ended.log.contains("--no-job-api") && ended.log.contains("[none]"),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("BUILDKITE_AGENT_JOB_API_SOCKET is not set"),
        "{}",
        ended.log
    );
    world.set("BUILDKITE_AGENT_DISABLE_WARNINGS_FOR", "job-api-disabled");
    assert!(!world.run().log.contains("--no-job-api"));
    let mut homeless = World::without_checkout("echo ran");
    homeless.env.remove("HOME");
    let ended = homeless.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        ended.log.contains("no home folder") && ended.log.contains("ran"),
        "{}",
        ended.log
    );
}

#[test]
fn debugging_shows_the_socket_and_never_the_token() {
    let mut world = world("printf %s \"$BUILDKITE_AGENT_JOB_API_TOKEN\" | wc -c");
    world.set("BUILDKITE_AGENT_DEBUG", "true");
    world.set("BUILDKITE_REDACTED_VARS", "NOTHING");
    let log = world.run().log;
    assert!(log.starts_with("~~~ Job API\n"), "{log}");
    assert!(log.contains("43\n"), "{log}");
    let socket = "BUILDKITE_AGENT_JOB_API_SOCKET=";
    assert!(log.contains(socket), "{log}");
    assert!(
        !log.lines().any(|line| {
            let value = line.strip_prefix("BUILDKITE_AGENT_JOB_API_TOKEN=");
            value.is_some_and(|value| value.len() == 43)
        }),
        "{log}"
    );
}

#[test]
fn values_are_hidden_as_soon_as_the_client_has_its_answer() {
    let world = world(
        "for n in 1 2 3 4 5 6 7 8; do printf \"late-value-$n\" | buildkite-agent redactor add; \
         echo \"shown late-value-$n\"; done",
    );
    let log = world.run().log;
    assert_eq!(log.matches("shown [REDACTED]").count(), 8, "{log}");
}

#[test]
fn a_hook_in_any_language_changes_environment_and_folder() {
    let mut world = world("echo \"$OAR $NEW [${GONE-none}] $PWD\"");
    let hooks = world.path("hooks");
    fs::create_dir(&hooks).expect("folder");
    world.write_program(
        "hooks/pre-command",
        "#!/usr/bin/env perl\nsystem('buildkite-agent', 'env', 'set', 'OAR=oak', \"NEW=a\\nb\");\n\
         system('buildkite-agent', 'env', 'unset', 'GONE');\n\
         system('buildkite-agent', 'workdir', 'set', '..');\n",
    );
    world.write_program("hooks/environment", "export GONE=soon\n");
    world.set("BUILDKITE_HOOKS_PATH", hooks.to_str().expect("text"));
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let parent = world.checkout();
    let parent = parent.parent().expect("parent").display();
    assert!(
        ended.log.contains(&format!("oak a\nb [none] {parent}\n")),
        "{}",
        ended.log
    );
}

#[test]
fn a_change_by_a_process_left_behind_is_neither_lost_nor_a_danger() {
    let mut world = world("until [ -e \"$HOME/set\" ]; do sleep 0.02; done");
    let hooks = world.path("hooks");
    fs::create_dir(&hooks).expect("folder");
    // Set while the command runs, seen by what comes after it.
    world.write_program(
        "hooks/pre-command",
        "(buildkite-agent env set LATE=yes; touch \"$HOME/set\") >/dev/null 2>&1 &\n",
    );
    world.write_program("hooks/post-command", "echo \"late: $LATE\"\n");
    world.set("BUILDKITE_HOOKS_PATH", hooks.to_str().expect("text"));
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("late: yes"), "{}", ended.log);
}

#[test]
fn what_the_agent_owns_stays_and_refusals_say_why() {
    let mut world = world(
        "buildkite-agent env set OK=1 BUILDKITE_HOOKS_PATH=/x; echo \"status $?\"; \
         buildkite-agent env get OK; echo \"status $?\"; \
         buildkite-agent env unset BUILDKITE_BUILD_PATH; echo \"status $?\"; \
         buildkite-agent workdir set /no/such; echo \"status $?\"; \
         printf 'A=1\\nsecond line\\n' | buildkite-agent env set -; echo \"status $?\"; \
         BUILDKITE_AGENT_JOB_API_TOKEN=x buildkite-agent env get OAR; echo \"status $?\"",
    );
    world.set("BUILDKITE_SHELL", "/bin/bash -c");
    let log = world.run().log;
    assert_eq!(log.matches("status 1\n").count(), 6, "{log}");
    assert!(!log.contains("\"second line\""), "{log}");
    for text in [
        "status 422",
        "BUILDKITE_HOOKS_PATH",
        "not set: OK",
        "variable 2 of those given",
        "/no/such is not a folder",
        "status 401",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
}

#[test]
fn every_answer_has_its_forms() {
    let cases = [
        ("env get OAR", "ash wood\n"),
        ("env get --format json OAR", "{\"OAR\":\"ash wood\"}\n"),
        (
            "env get OAR BUILDKITE_JOB_ID",
            "BUILDKITE_JOB_ID=job-1\nOAR=ash wood\n",
        ),
        (
            "env set --output-format=json B=2 OAR=x",
            "{\"added\":[\"B\"],\"updated\":[\"OAR\"]}\n",
        ),
        (
            "env set --input-format json '{\"C\":\"3\"}'",
            "Added:\n+ C\n",
        ),
        (
            "env set --output-format json-pretty D=",
            "{\n  \"added\": [\n    \"D\"\n  ],\n  \"updated\": []\n}\n",
        ),
        (
            "env unset --output-format json B NOPE",
            "{\"deleted\":[\"B\"]}\n",
        ),
        ("env unset --input-format=json '[\"C\"]'", "Unset:\n- C\n"),
        ("env unset NOPE", ""),
        ("workdir set /tmp/../usr", "/usr\n"),
        (
            "workdir set --output-format json /usr",
            "{\"workdir\":\"/usr\"}\n",
        ),
        ("workdir set --output-format quiet /usr", ""),
    ];
    let lines = cases.map(|(args, _)| {
        format!("buildkite-agent {args} >>\"$HOME/out\"; echo ';' >>\"$HOME/out\"\n")
    });
    let world = world(&lines.concat());
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let out = fs::read_to_string(world.path("home/out")).expect("output");
    let answers: Vec<&str> = out.split(";\n").collect();
    for (answer, (args, wanted)) in answers.iter().zip(cases) {
        assert_eq!(*answer, wanted, "{args}");
    }
}

#[test]
fn a_folder_that_others_can_enter_is_closed_first() {
    let world = world("true");
    let folder = world.path("home/.buildkite-agent/sockets/job-api");
    fs::create_dir_all(&folder).expect("folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("mode");
    assert_eq!(world.run().code(), 0);
    let mode = fs::metadata(&folder).expect("folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
