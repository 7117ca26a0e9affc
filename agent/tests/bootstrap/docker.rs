//! Commands in containers by variables.

use crate::world::World;

/// A job with these variables, on a host whose docker programs run this shell code.
fn job(variables: &[(&str, &str)], code: &str) -> World {
    let mut world = World::without_checkout("make all");
    for (name, value) in variables {
        world.set(name, value);
    }
    world.stand_in("docker", code);
    world.stand_in("docker-compose", code);
    world
}

#[test]
fn an_image_that_cannot_be_built_fails_the_command_and_is_cleaned_up() {
    let world = job(
        &[
            ("BUILDKITE_DOCKER", ""),
            ("BUILDKITE_DOCKER_FILE", "ci/Dockerfile"),
        ],
        "[ \"$1\" != build ] || exit 17",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 17, "{}", ended.log);
    assert_eq!(
        world.told(),
        [
            "docker build -f ci/Dockerfile -t buildkite_job-1_image .",
            "docker rm -f -v buildkite_job-1_container",
        ]
    );
    let warned = ended.log.contains("BUILDKITE_DOCKER is deprecated");
    assert!(warned, "{}", ended.log);
}

#[test]
fn the_status_of_the_container_is_the_commands_and_its_names_are_variables() {
    let mut world = job(
        &[("BUILDKITE_DOCKER", "true")],
        "[ \"$1\" != run ] || exit 9",
    );
    let hook = "echo \"$BUILDKITE_COMMAND_EXIT_STATUS $DOCKER_CONTAINER $DOCKER_IMAGE\"";
    world.hook("pre-exit", hook);
    let ended = world.run();
    assert_eq!(ended.code(), 9, "{}", ended.log);
    let line = "\n9 buildkite_job-1_container buildkite_job-1_image\n";
    assert!(ended.log.contains(line), "{}", ended.log);
}

#[test]
fn a_removal_that_fails_decides_a_job_that_passed() {
    let world = job(
        &[("BUILDKITE_DOCKER", "true")],
        "[ \"$1\" != rm ] || exit 3",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 3, "{}", ended.log);
    assert!(ended.log.contains("removal"), "{}", ended.log);
}

#[test]
fn compose_is_called_as_its_variables_say() {
    let world = job(
        &[
            ("BUILDKITE_DOCKER_COMPOSE_CONTAINER", "app"),
            ("BUILDKITE_DOCKER_COMPOSE_FILE", "a.yml:b.yml"),
            ("BUILDKITE_DOCKER_COMPOSE_BUILD_ALL", "on"),
            ("BUILDKITE_DOCKER_COMPOSE_LEAVE_VOLUMES", "true"),
        ],
        "[ \"$6\" != kill ] || exit 1",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let calls = [
        "build --pull",
        "run app make all",
        "kill",
        "rm --force --all",
        "down",
    ];
    let start = "docker-compose -f a.yml -f b.yml -p buildkitejob1";
    assert_eq!(world.told(), calls.map(|call| format!("{start} {call}")));
}

#[test]
fn a_variable_without_the_one_it_belongs_to_is_told_and_fails_the_command() {
    for (name, main) in [
        ("BUILDKITE_DOCKER_FILE", "BUILDKITE_DOCKER,"),
        (
            "BUILDKITE_DOCKER_COMPOSE_BUILD_ALL",
            "BUILDKITE_DOCKER_COMPOSE_CONTAINER,",
        ),
    ] {
        let world = job(&[(name, "true")], "");
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{}", ended.log);
        let text = format!("{name} is set without {main}");
        assert!(ended.log.contains(&text), "{}", ended.log);
        assert_eq!(world.told(), Vec::<String>::new());
    }
}
