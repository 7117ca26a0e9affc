//! The command: what it sees, and what becomes of its result.

use std::fs;

use crate::world::World;

fn log_of(command: &str, more: &[(&str, &str)]) -> String {
    let mut world = World::without_checkout(command);
    for (name, value) in more {
        world.set(name, value);
    }
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    ended.log
}

#[test]
fn the_jobs_status_is_that_of_its_command() {
    for (command, code) in [
        ("exit 37", 37),
        ("false; true", 1),
        ("no-such-program", 127),
        ("kill -KILL $$", 255),
        ("", 1),
    ] {
        let ended = World::without_checkout(command).run();
        assert_eq!(ended.code(), code, "{command}: {}", ended.log);
        assert!(ended.log.contains("🚨 Error: "), "{}", ended.log);
    }
}

#[test]
fn a_script_of_the_repository_is_made_executable_and_run_from_its_root() {
    let mut world = World::new();
    world.commit(&[("a dir/go.sh", "#!/bin/sh\necho \"ran $0 in $PWD\"\n")]);
    world.set("BUILDKITE_COMMAND", "a dir/go.sh");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let wanted = format!("ran ./a dir/go.sh in {}", world.checkout().display());
    assert!(
        ended.log.contains("~~~ Running script") && ended.log.contains(&wanted),
        "{}",
        ended.log
    );
}

#[test]
fn without_evaluation_only_scripts_of_the_checkout_run() {
    let mut world = World::new();
    world.write_program("outside.sh", "#!/bin/sh\necho outside\n");
    world.set("BUILDKITE_COMMAND_EVAL", "false");
    let outside = "../../../../outside.sh";
    for command in ["echo line", outside] {
        world.set("BUILDKITE_COMMAND", command);
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{}", ended.log);
        assert!(!ended.log.contains("\noutside"), "{}", ended.log);
    }
}

#[test]
fn the_environment_of_the_command_is_the_jobs() {
    let log = log_of(
        "echo \"=$A=$GIT_TERMINAL_PROMPT=$BUILDKITE_BUILD_CHECKOUT_PATH=$PATH=\"",
        &[("A", "b c"), ("BUILDKITE_BIN_PATH", "/opt/trireme")],
    );
    assert!(
        log.contains("=b c=0=/") && log.contains(":/bin:/opt/trireme="),
        "{log}"
    );
}

#[test]
fn a_terminal_is_given_unless_it_is_turned_off() {
    let command = "test -t 0 && test -t 1 && echo terminal $TERM || echo none; tty || true";
    let log = log_of(command, &[("BUILDKITE_PTY", "true")]);
    assert!(
        log.contains("terminal xterm-256color") && log.contains("/dev/pts/"),
        "{log}"
    );
    assert!(log_of(command, &[]).contains("\nnone\nnot a tty"), "{log}");
}

#[test]
fn another_shell_gets_the_command_as_its_last_word() {
    let mut world = World::without_checkout("two words");
    world.write_program(
        "bin/own",
        "#!/bin/sh\nfor a in \"$@\"; do echo \"<$a>\"; done\nexit 8\n",
    );
    world.set("BUILDKITE_SHELL", "own -x 'a b'");
    let ended = world.run();
    assert_eq!(ended.code(), 8);
    assert!(
        ended.log.contains("<-x>\n<a b>\n<two words>\n"),
        "{}",
        ended.log
    );
    world.set("BUILDKITE_SHELL", "no-such-shell -c");
    let ended = world.run();
    assert_eq!(ended.code(), 1);
    assert!(ended.log.contains("no-such-shell"), "{}", ended.log);
}

#[test]
fn a_prompt_arrives_while_the_command_waits() {
    let world = World::without_checkout(
        "printf 'Name? '; while [ ! -e ../answer ]; do sleep 0.05; done; echo bye",
    );
    let mut started = world.start();
    started.wait_for("Name? ");
    fs::write(world.checkout().join("../answer"), "").expect("answer");
    let ended = started.end();
    assert!(
        ended.code() == 0 && ended.log.ends_with("Name? bye\n"),
        "{}",
        ended.log
    );
}

#[test]
fn output_is_passed_on_byte_for_byte() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let world = World::without_checkout("cat ../bytes");
    fs::create_dir_all(world.checkout()).expect("folder");
    fs::write(world.checkout().join("../bytes"), &bytes).expect("bytes");
    let output = world.command().output().expect("run");
    assert!(output.stdout.ends_with(&bytes));
}

#[test]
fn only_the_phases_that_are_asked_for_run() {
    let mut world = World::new();
    world
        .set("BUILDKITE_BOOTSTRAP_PHASES", "checkout")
        .set("BUILDKITE_COMMAND", "echo never");
    let ended = world.run();
    assert!(
        ended.code() == 0 && !ended.log.contains("never"),
        "{}",
        ended.log
    );
    world
        .set("BUILDKITE_BOOTSTRAP_PHASES", "command")
        .set("BUILDKITE_COMMAND", "cat README");
    world.calls();
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.ends_with("one\n"),
        "{}",
        ended.log
    );
    assert!(world.calls().is_empty());
    fs::remove_dir_all(world.checkout()).expect("remove");
    world.set("BUILDKITE_COMMAND", "pwd");
    let builds = world.path("builds");
    assert!(
        world
            .run()
            .log
            .ends_with(&format!("{}\n", builds.display()))
    );
}
