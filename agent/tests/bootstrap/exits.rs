//! The exit status of each way a job can end, and what its last hook is told of the command.

use std::fs;

use crate::world::World;

/// A way to end.
struct Way {
    name: &'static str,
    command: &'static str,
    hooks: &'static [(&'static str, &'static str)],
    env: &'static [(&'static str, &'static str)],
    status: i32,
    /// The command's status as `pre-exit` sees it; empty if there is none.
    command_status: &'static str,
    /// The last error in the log, or a part of it.
    error: &'static str,
}

const PLAIN: Way = Way {
    name: "",
    command: "true",
    hooks: &[],
    env: &[],
    status: 0,
    command_status: "0",
    error: "",
};

#[rustfmt::skip]
const WAYS: &[Way] = &[
    Way { name: "all is well", ..PLAIN },
    Way {
        name: "the command's own status", command: "exit 37",
        status: 37, command_status: "37", error: "The command exited with status 37", ..PLAIN
    },
    Way {
        name: "the largest status", command: "exit 255",
        status: 255, command_status: "255", error: "The command exited with status 255", ..PLAIN
    },
    Way {
        name: "a status that means something of ours", command: "exit 125",
        status: 125, command_status: "125", error: "The command exited with status 125", ..PLAIN
    },
    Way {
        name: "the shell was killed", command: "kill -KILL $$",
        status: 255, command_status: "-1", error: "The command was ended by signal SIGKILL", ..PLAIN
    },
    Way {
        name: "the shell crashed", command: "kill -SEGV $$",
        status: 255, command_status: "-1", error: "The command was ended by signal SIGSEGV", ..PLAIN
    },
    Way {
        name: "a part of the command was killed", command: "sh -c 'kill -KILL $$'; true",
        status: 137, command_status: "137", error: "The command exited with status 137", ..PLAIN
    },
    Way {
        name: "a program is missing", command: "no-such-program",
        status: 127, command_status: "127", error: "The command exited with status 127", ..PLAIN
    },
    Way {
        name: "the shell is missing", env: &[("BUILDKITE_SHELL", "no-such-shell -c")],
        status: 1, command_status: "1", error: "no-such-shell", ..PLAIN
    },
    Way {
        name: "the shell is no program", env: &[("BUILDKITE_SHELL", "/ -c")],
        status: 1, command_status: "1", error: "failed to run the command", ..PLAIN
    },
    Way {
        name: "nothing to run", command: "",
        status: 1, command_status: "1", error: "the step has no command", ..PLAIN
    },
    Way {
        name: "only scripts may run", env: &[("BUILDKITE_COMMAND_EVAL", "false")],
        status: 1, command_status: "1", error: "no such file", ..PLAIN
    },
    Way {
        name: "a command hook fails", hooks: &[("command", "exit 25")],
        status: 25, command_status: "25", error: "exited with status 25", ..PLAIN
    },
    Way {
        name: "a command hook is killed", hooks: &[("command", "kill -KILL $$")],
        status: 255, command_status: "-1", error: "was ended by signal SIGKILL", ..PLAIN
    },
    Way {
        name: "a command hook stands in for a failing command",
        command: "exit 3", hooks: &[("command", "true")], ..PLAIN
    },
    Way {
        name: "an environment hook fails", hooks: &[("environment", "exit 5")],
        status: 5, command_status: "", error: "exited with status 5", ..PLAIN
    },
    Way {
        name: "a hook is killed", hooks: &[("pre-command", "kill -KILL $$")],
        status: 255, command_status: "", error: "was ended by signal SIGKILL", ..PLAIN
    },
    Way {
        name: "post-command fails", hooks: &[("post-command", "exit 26")],
        status: 26, command_status: "0", error: "exited with status 26", ..PLAIN
    },
    Way {
        name: "post-command fails after the command did",
        command: "exit 3", hooks: &[("post-command", "exit 26")],
        status: 26, command_status: "3", error: "exited with status 26", ..PLAIN
    },
    Way {
        name: "pre-exit fails after the command did",
        command: "exit 3", hooks: &[("pre-exit", "exit 29")],
        status: 29, command_status: "3", error: "exited with status 29", ..PLAIN
    },
    Way {
        name: "pre-exit fails after another hook did",
        hooks: &[("pre-command", "exit 24"), ("pre-exit", "exit 29")],
        status: 29, command_status: "", error: "exited with status 29", ..PLAIN
    },
    Way {
        name: "there is no place to work in", env: &[("BUILDKITE_BUILD_PATH", "")],
        status: 125, command_status: "", error: "failed to set up the job", ..PLAIN
    },
    Way {
        name: "the last attempt of the checkout takes too long",
        env: &[
            ("BUILDKITE_SKIP_CHECKOUT", "false"),
            ("BUILDKITE_GIT_CHECKOUT_TIMEOUT", "1"),
            ("BUILDKITE_CHECKOUT_ATTEMPTS", "1"),
        ],
        status: 255, command_status: "", error: "longer than the time limit", ..PLAIN
    },
];

fn check(way: &Way) {
    let mut world = World::without_checkout(way.command);
    world.git_rule("case \"$*\" in clone*) exec sleep 300;; esac\n");
    let folder = world.path("hooks");
    fs::create_dir(&folder).expect("folder");
    let tell = "echo \"command:$BUILDKITE_COMMAND_EXIT_STATUS:\"\n";
    fs::write(folder.join("pre-exit"), tell).expect("hook");
    for (name, text) in way.hooks {
        let text = if *name == "pre-exit" {
            format!("{tell}{text}")
        } else {
            (*text).to_owned()
        };
        fs::write(folder.join(name), text).expect("hook");
    }
    world.set("BUILDKITE_HOOKS_PATH", folder.to_str().expect("text"));
    for (name, value) in way.env {
        world.set(name, value);
    }
    let ended = world.run();
    let log = &ended.log;
    assert_eq!(ended.code(), way.status, "{}: {log}", way.name);
    let told = format!("\ncommand:{}:\n", way.command_status);
    assert!(log.contains(&told), "{}: {log}", way.name);
    let mut errors = log.lines().filter(|line| line.contains("🚨 Error: "));
    match errors.next_back() {
        Some(error) => assert!(
            !way.error.is_empty() && error.contains(way.error),
            "{}: {log}",
            way.name
        ),
        None => assert_eq!(way.error, "", "{}: {log}", way.name),
    }
}

#[test]
fn each_way_to_end_has_its_status() {
    for way in WAYS {
        check(way);
    }
}
