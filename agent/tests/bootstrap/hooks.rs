//! Hooks: which files are hooks, what runs them, and in which order.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::{Ended, World};

/// A job with these hooks of the agent, and a checkout.
fn world(command: &str, hooks: &[(&str, &str)]) -> World {
    let mut world = World::new();
    world.set("BUILDKITE_COMMAND", command);
    add_hooks(&mut world, "hooks", hooks);
    world
}

/// Makes a folder of hooks and names it to the agent, after those that are there.
fn add_hooks(world: &mut World, folder: &str, hooks: &[(&str, &str)]) {
    let path = world.path(folder);
    fs::create_dir(&path).expect("folder");
    for (name, text) in hooks {
        fs::write(path.join(name), text).expect("hook");
    }
    let path = path.to_str().expect("text");
    let more = "BUILDKITE_ADDITIONAL_HOOKS_PATHS";
    if world.env.contains_key("BUILDKITE_HOOKS_PATH") {
        let list = match world.env.get(more) {
            Some(list) => format!("{list},{path}"),
            None => path.to_owned(),
        };
        world.set(more, &list);
    } else {
        world.set("BUILDKITE_HOOKS_PATH", path);
    }
}

/// The lines of the log that begin with `out:`, without that.
fn out(ended: &Ended) -> Vec<&str> {
    let lines = ended.log.lines();
    lines.filter_map(|line| line.strip_prefix("out:")).collect()
}

fn ends(ended: &Ended, status: i32, lines: &[&str]) {
    assert_eq!(ended.code(), status, "{}", ended.log);
    assert_eq!(out(ended), lines, "{}", ended.log);
}

#[test]
fn every_folder_of_the_agent_may_replace_checkout_and_command_and_all_do() {
    let mut world = world("echo out:default", &[("command", "echo out:one")]);
    add_hooks(&mut world, "more", &[("checkout", "echo out:checkout")]);
    world.set(
        "BUILDKITE_ADDITIONAL_HOOKS_PATHS",
        &format!("{}/nowhere , {0}/more", world.path("").display()).replace("//", "/"),
    );
    add_hooks(
        &mut world,
        "last",
        &[("command", "echo out:two"), ("checkout", "echo out:again")],
    );
    ends(&world.run(), 0, &["checkout", "again", "one", "two"]);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[test]
fn hooks_of_a_repository_come_with_its_checkout_and_not_before() {
    let world = world("echo out:default", &[]);
    let names = [
        "environment",
        "pre-checkout",
        "checkout",
        "post-checkout",
        "pre-command",
        "command",
        "post-command",
        "pre-artifact",
        "pre-exit",
    ];
    let files: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            (
                format!(".buildkite/hooks/{name}"),
                format!("echo out:{name}"),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (&**n, &**t)).collect();
    world.commit(&files);
    let lines = [
        "post-checkout",
        "pre-command",
        "command",
        "post-command",
        "pre-exit",
    ];
    ends(&world.run(), 0, &lines);
}

#[test]
fn hooks_of_a_repository_can_be_turned_off_by_the_agent_and_by_its_hooks() {
    let rows = [
        ("BUILDKITE_LOCAL_HOOKS_ENABLED", "false", "", 1),
        ("BUILDKITE_NO_LOCAL_HOOKS", "1", "", 1),
        ("A", "b", "export BUILDKITE_NO_LOCAL_HOOKS=true", 1),
        ("BUILDKITE_NO_LOCAL_HOOKS", "yes", "", 0),
        ("A", "b", "export BUILDKITE_NO_LOCAL_HOOKS=false", 0),
    ];
    for (name, value, environment, status) in rows {
        let mut world = world("echo out:default", &[("environment", environment)]);
        world.commit(&[(".buildkite/hooks/command", "echo out:repository")]);
        world.set(name, value);
        let lines: &[&str] = if status == 0 { &["repository"] } else { &[] };
        let ended = world.run();
        ends(&ended, status, lines);
        let refused = ended.log.contains("local hooks are disabled");
        assert_eq!(refused, status == 1, "{}", ended.log);
    }
}

#[test]
fn a_hook_that_leads_out_of_the_checkout_is_not_run_in_whatever_way_it_leads() {
    let world = world("true", &[]);
    fs::create_dir_all(world.path("out/hooks")).expect("folder");
    fs::write(world.path("out/hooks/pre-command"), "echo out:escaped").expect("hook");
    let repo = world.path("repo");
    let outside = world.path("out");
    // The folder of hooks, and the folder above it.
    let escapes = [
        (".buildkite/hooks", outside.join("hooks"), 0),
        (".buildkite", outside.clone(), 0),
        (
            ".buildkite/hooks/pre-command",
            outside.join("hooks/pre-command"),
            0,
        ),
        (".buildkite/hooks/pre-command", "../../inside".into(), 1),
    ];
    fs::write(repo.join("inside"), "echo out:inside").expect("file");
    for (link, target, runs) in escapes {
        let _ = fs::remove_file(repo.join(".buildkite"));
        let _ = fs::remove_dir_all(repo.join(".buildkite"));
        fs::create_dir_all(repo.join(link).parent().expect("parent")).expect("folder");
        symlink(&target, repo.join(link)).expect("link");
        world.commit(&[]);
        let lines = ["inside"];
        ends(&world.run(), 0, &lines[..runs]);
    }
}

#[test]
fn hooks_of_a_repository_stay_where_they_are_when_the_job_moves() {
    let post = "export BUILDKITE_BUILD_CHECKOUT_PATH=$PWD/deck";
    let world = world("echo out:${PWD##*/}", &[("post-checkout", post)]);
    world.commit(&[
        ("deck/.buildkite/hooks/pre-command", "echo out:deck"),
        (".buildkite/hooks/pre-command", "echo out:root"),
    ]);
    ends(&world.run(), 0, &["root", "deck"]);
    fs::write(
        world.path("hooks/post-checkout"),
        post.replace("deck", "no-deck"),
    )
    .expect("hook");
    let ended = world.run();
    ends(&ended, 1, &[]);
    assert!(ended.log.contains("no-deck"), "{}", ended.log);
}

#[test]
fn the_shell_of_a_hook_is_the_one_it_names_or_the_one_there_is() {
    let tell = "echo out:$BASH_VERSION${OWN-plain}";
    let rows = [
        ("#!/bin/dash\n", &[][..], 0, "plain"),
        ("#!/usr/bin/env -S OWN=env sh\n", &[], 0, "env"),
        ("#!/bin/sh -u\necho $NOT_THERE\n", &[], 2, ""),
        ("#!/no/such/sh\n", &[], 1, "/no/such/sh"),
        ("", &[("PATH", "@/sh-only")], 0, "plain"),
        ("", &[("PATH", "@/none")], 1, "bash"),
        (
            "#!/bin/bash\n",
            &[("BUILDKITE_HOOKS_SHELL", "env 'OWN=a b' dash")],
            0,
            "a b",
        ),
        (
            "#!/usr/bin/env -S OWN=named sh\n",
            &[("BUILDKITE_HOOKS_SHELL", "nice")],
            0,
            "named",
        ),
        (
            "",
            &[("BUILDKITE_HOOKS_SHELL", "no-such-shell -x")],
            1,
            "no-such-shell",
        ),
    ];
    for (first, env, status, wanted) in rows {
        let mut world = World::without_checkout("true");
        world.set("BUILDKITE_SHELL", "/bin/sh -c");
        add_hooks(
            &mut world,
            "hooks",
            &[("pre-command", &format!("{first}{tell}\n"))],
        );
        for folder in ["sh-only", "none"] {
            fs::create_dir(world.path(folder)).expect("folder");
        }
        symlink("/bin/sh", world.path("sh-only/sh")).expect("link");
        let root = world
            .path("")
            .to_str()
            .expect("text")
            .trim_end_matches('/')
            .to_owned();
        for (name, value) in env {
            world.set(name, &value.replace('@', &root));
        }
        let ended = world.run();
        assert_eq!(ended.code(), status, "{first:?}: {}", ended.log);
        if status == 0 {
            assert_eq!(out(&ended), [wanted], "{}", ended.log);
        } else {
            assert!(ended.log.contains(wanted), "{}", ended.log);
        }
    }
}

#[test]
fn powershell_runs_hooks_of_its_own_where_there_is_no_other() {
    let world = world("echo out:$FROM_HOOK", &[("pre-command.ps1", "# a hook")]);
    world.write_program(
        "bin/pwsh",
        "#!/bin/sh\necho \"out:$1 ${2##*/} $(cat $TRIREME_HOOK_FILE)\"\n\
         FROM_HOOK=set PSModulePath=x env -0 >$TRIREME_HOOK_AFTER\n",
    );
    let ended = world.run();
    ends(&ended, 0, &["-File wrapper-1.ps1 # a hook", "set"]);
    assert!(ended.log.contains("FROM_HOOK added"), "{}", ended.log);
    assert!(!ended.log.contains("PSModulePath"), "{}", ended.log);
    fs::write(world.path("hooks/pre-command"), "echo out:shell").expect("hook");
    ends(&world.run(), 0, &["shell", ""]);
}

#[test]
fn a_hook_that_cannot_be_read_fails_the_job_and_is_named() {
    let mut world = World::without_checkout("echo out:never");
    add_hooks(&mut world, "hooks", &[("pre-exit", "echo out:exit")]);
    // Opens, but reading it fails for everyone.
    symlink("/proc/self/mem", world.path("hooks/pre-command")).expect("link");
    let ended = world.run();
    ends(&ended, 1, &["exit"]);
    assert!(
        ended.log.contains("read the agent pre-command hook"),
        "{}",
        ended.log
    );
}

#[test]
fn a_hook_that_somebody_still_writes_is_run_once_it_is_free() {
    let world = world("true", &[]);
    world.write_program(
        "hooks/pre-command",
        "#!/usr/bin/env -S python3 -I\nprint('out:ran')\n",
    );
    let busy = fs::File::options()
        .append(true)
        .open(world.path("hooks/pre-command"));
    let mut started = world.start();
    started.wait_for("hooks/pre-command\n");
    drop(busy);
    ends(&started.end(), 0, &["ran"]);
}

#[test]
fn hooks_have_the_terminal_of_the_job_and_it_is_no_change_of_theirs() {
    let mut world = World::without_checkout("true");
    world.set("BUILDKITE_PTY", "true");
    world.set("TERM", "dumb");
    let hook = "test -t 1 && echo out:$TERM; export NEW=1";
    add_hooks(&mut world, "hooks", &[("pre-command", hook)]);
    let ended = world.run();
    assert_eq!(out(&ended), ["xterm-256color"], "{}", ended.log);
    assert!(ended.log.contains("# NEW added"), "{}", ended.log);
    assert!(!ended.log.contains("# TERM"), "{}", ended.log);
}

#[test]
fn the_log_names_a_hook_from_where_it_runs() {
    let world = world("true", &[("pre-command", "true")]);
    world.commit(&[(".buildkite/hooks/pre-command", "true")]);
    let log = world
        .run()
        .log
        .replace("\u{1b}[90m", "")
        .replace("\u{1b}[0m", "");
    let agent = world.path("hooks/pre-command");
    for text in [
        format!(
            "~~~ Running agent pre-command hook\n$ {}\n",
            agent.display()
        ),
        "~~~ Running repository pre-command hook\n$ .buildkite/hooks/pre-command\n".to_owned(),
    ] {
        assert!(log.contains(&text), "{log}");
    }
}
