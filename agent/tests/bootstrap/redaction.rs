//! Secrets: in the log, in lists of processes, in files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

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

/// Each way in which a secret reaches a job, with the secret that takes it.
const WAYS: [(&str, &str); 7] = [
    ("variable", "secret-of-the-variables"),
    ("token", "secret-of-the-endpoint"),
    ("key", "secret-of-the-ssh-key"),
    ("phase", "secret-of-the-step"),
    ("hook", "secret-of-a-hook"),
    ("api", "secret-of-the-job-api"),
    ("redactor", "secret-of-the-redactor"),
];

/// Writes down every argument of the processes above and of their children, every file of the job
/// with its rights, and which of these files hold a secret.
const SPY: &str = r#"#!/bin/sh
above=$$
while [ "${above:-0}" -gt 1 ]; do
    for each in "$above" $(cat /proc/"$above"/task/*/children 2>/dev/null); do
        cat /proc/"$each"/cmdline 2>/dev/null | tr '\0' '\n' >>"$SPIED/arguments"
    done
    above=$(sed -n 's/^PPid:[^0-9]*//p' /proc/"$above"/status 2>/dev/null)
done
find $SPIED_FOLDERS -printf '%m %y %p\n' 2>/dev/null >>"$SPIED/files"
grep -rlF -f "$SPIED/secrets" $SPIED_FOLDERS 2>/dev/null >>"$SPIED/holding"
echo >>"$SPIED/visits"
exit 0
"#;

/// A host whose job gets a secret in every way and is spied on in every hook, by git and by the
/// command.
fn spied_on() -> World {
    let mut world = World::new();
    for folder in ["hooks", "spied", "temporary", "sockets"] {
        fs::create_dir(world.path(folder)).expect("folder");
    }
    world.write_program("bin/spy", SPY);
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_agent"),
        world.path("bin/buildkite-agent"),
    )
    .expect("link");
    let text = |path: &str| world.path(path).to_str().expect("text").to_owned();
    let folders = ["temporary", "sockets", "builds", "home"]
        .map(text)
        .join(" ");
    let (hooks, spied, temporary, sockets) = (
        text("hooks"),
        text("spied"),
        text("temporary"),
        text("sockets"),
    );
    let endpoint = format!("http://127.0.0.1:{}", serve_secret(WAYS[3].1));
    let secrets: Vec<&str> = WAYS.iter().map(|(_, secret)| *secret).collect();
    fs::write(world.path("spied/secrets"), secrets.join("\n")).expect("file");
    for (way, secret) in WAYS {
        fs::write(world.path("spied").join(way), secret).expect("file");
    }
    write_hooks(&world);
    world.git_rule("spy");
    for (name, value) in [
        ("MY_TOKEN", WAYS[0].1),
        ("BUILDKITE_AGENT_ACCESS_TOKEN", WAYS[1].1),
        ("BUILDKITE_GIT_SSH_KEY", WAYS[2].1),
        (
            "BUILDKITE_SECRETS_CONFIG",
            r#"[{"key":"k","environment_variable":"STEP_VALUE"}]"#,
        ),
        ("BUILDKITE_AGENT_ENDPOINT", &endpoint),
        ("BUILDKITE_AGENT_DEBUG", "true"),
        ("BUILDKITE_HOOKS_PATH", &hooks),
        ("BUILDKITE_SOCKETS_PATH", &sockets),
        ("TMPDIR", &temporary),
        ("SPIED", &spied),
        ("SPIED_FOLDERS", &folders),
        (
            "BUILDKITE_COMMAND",
            r#"spy; echo "$MY_TOKEN $BUILDKITE_GIT_SSH_KEY $STEP_VALUE $HOOK_PASSWORD"; cat "$SPIED/secrets"; env"#,
        ),
    ] {
        world.set(name, value);
    }
    world
}

/// Every hook spies; some get a secret before.
fn write_hooks(world: &World) {
    let environment = r#"HOOK_PASSWORD=$(cat "$SPIED/hook"); export HOOK_PASSWORD; spy"#;
    let pre_command = r#"printf '{"API_TOKEN":"%s"}' "$(cat "$SPIED/api")" \
        | buildkite-agent env set --input-format=json - >/dev/null
        buildkite-agent redactor add <"$SPIED/redactor" >/dev/null; spy"#;
    for (hook, script) in [
        ("environment", environment),
        ("pre-checkout", "spy"),
        ("pre-command", pre_command),
        ("post-command", "spy"),
        ("pre-exit", "spy"),
    ] {
        world.write_program(&format!("hooks/{hook}"), &format!("#!/bin/sh\n{script}\n"));
    }
}

/// Answers every request with this secret; answers the port.
fn serve_secret(value: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("address").port();
    let json = format!(r#"{{"key":"k","value":"{value}","uuid":"u"}}"#);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let length = json.len();
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{json}"
            );
        }
    });
    port
}

/// Whether nobody but the job's user can open this path, given the rights of every path below the
/// world's folder.
fn is_private(path: &Path, modes: &BTreeMap<PathBuf, u32>) -> bool {
    path.ancestors()
        .any(|above| modes.get(above).is_some_and(|mode| mode % 0o100 == 0))
}

#[test]
fn a_secret_is_in_no_argument_no_open_file_and_no_line_of_the_log() {
    let world = spied_on();
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let spied = |name: &str| fs::read_to_string(world.path("spied").join(name)).expect("report");
    assert!(spied("visits").len() > 8, "it was looked at too seldom");
    let arguments = spied("arguments");
    let modes: BTreeMap<PathBuf, u32> = spied("files")
        .lines()
        .filter_map(|line| {
            let (mode, rest) = line.split_once(' ')?;
            let (kind, path) = rest.split_once(' ')?;
            let mode = u32::from_str_radix(mode, 8).ok()?;
            (kind != "l").then(|| (PathBuf::from(path), mode))
        })
        .collect();
    assert!(
        arguments.contains("bootstrap"),
        "the job itself was not seen"
    );
    for (way, secret) in WAYS {
        assert!(
            !ended.log.contains(secret),
            "{way} in the log: {}",
            ended.log
        );
        assert!(!arguments.contains(secret), "{way} is an argument");
    }
    let holding = spied("holding");
    assert!(
        holding.contains("ssh-key"),
        "the key was not seen: {holding}"
    );
    for path in holding.lines().map(Path::new) {
        assert!(
            is_private(path, &modes),
            "others can read {}",
            path.display()
        );
        assert!(!path.exists(), "{} stays behind", path.display());
    }
    // What a hook leaves is written after it was looked at, and a socket gives out everything.
    for folder in ["temporary", "sockets"] {
        let folder = world.path(folder);
        let mut inside = modes.keys().filter(|path| path.parent() == Some(&folder));
        assert!(
            inside.clone().count() > 0,
            "nothing in {}",
            folder.display()
        );
        let open = inside.find(|path| !is_private(path, &modes));
        assert_eq!(open, None);
    }
}

#[test]
fn what_cannot_be_hidden_is_said_once_and_again_only_for_another_name() {
    let mut world = World::without_checkout("true");
    world.set("OAR_TOKEN", "ash");
    let hooks = world.path("hooks");
    fs::create_dir(&hooks).expect("folder");
    for (name, text) in [
        ("environment", "true"),
        ("pre-command", "export OAK_TOKEN=oak"),
        ("post-command", "true"),
    ] {
        world.write_program(&format!("hooks/{name}"), &format!("{text}\n"));
    }
    world.set("BUILDKITE_HOOKS_PATH", hooks.to_str().expect("text"));
    let log = world.run().log;
    for name in ["OAR_TOKEN", "OAK_TOKEN"] {
        let warning = format!("stay visible in the log: {name}\u{1b}");
        assert_eq!(log.matches(&warning).count(), 1, "{name}: {log}");
    }
}
