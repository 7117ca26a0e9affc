//! Plugins in the shapes people write them, unchanged from a repository of their own to the job.
//!
//! The plugins are files of `tests/fixtures/plugins`; each test makes a repository of one, as its
//! author would have published it, and runs a job that names it with a version.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::world::{Ended, World};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/plugins");

/// Notes its arguments and input in `$HOME/agent-calls`, in place of our own subcommands.
const AGENT: &str = "#!/bin/sh
exec >>\"$HOME/agent-calls\"
echo \"$*\"
if [ \"$1\" = pipeline ]; then cat; fi
";

/// A world whose job names a plugin with this configuration; `@/` in it is the world's folder.
fn world(name: &str, configuration: &str, command: &str) -> World {
    let mut world = World::new();
    publish(&world, name);
    let reference = format!("@/{name}-buildkite-plugin#v1.0.0");
    let plugins = format!("[{{\"{reference}\": {configuration}}}]");
    let root = world.path("").display().to_string();
    let folder = world.path("plugins").display().to_string();
    world
        .set("BUILDKITE_PLUGINS_PATH", &folder)
        .set("BUILDKITE_PLUGINS", &plugins.replace("@/", &root))
        .set("BUILDKITE_PLUGIN_VALIDATION", "true")
        .set("BUILDKITE_COMMAND", command);
    world
}

/// A repository with the fixture as its only commit and a version.
fn publish(world: &World, name: &str) {
    let folder = format!("{name}-buildkite-plugin");
    copy(&Path::new(FIXTURES).join(name), &world.path(&folder));
    world.git(&folder, &["init", "-q", "-b", "main"]);
    world.git(&folder, &["add", "-A"]);
    world.git(&folder, &["commit", "-q", "-m", "publish"]);
    world.git(&folder, &["tag", "v1.0.0"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("copy");
        }
    }
}

impl Ended {
    /// What follows `out:` at the start of a line.
    fn said(&self) -> Vec<&str> {
        let lines = self
            .log
            .lines()
            .filter_map(|line| line.strip_prefix("out:"));
        lines.collect()
    }

    /// Plugins and hooks in the order of their headers.
    fn plugin_hooks(&self) -> Vec<&str> {
        let lines = self
            .log
            .lines()
            .filter_map(|line| line.split_once("~~~ Running plugin "));
        lines
            .filter_map(|(_, rest)| rest.split_once(" hook"))
            .map(|(name, _)| name)
            .collect()
    }
}

#[test]
fn a_command_override_replaces_the_command_and_gives_its_status() {
    for (configuration, said, code) in [
        (r#"{"run": "echo out:single"}"#, vec!["single"], 0),
        (
            r#"{"run": ["echo out:one", "exit 4", "echo out:two"]}"#,
            vec!["one"],
            4,
        ),
        (
            r#"{"run": ["echo out:one", "exit 4", "echo out:two"], "keep-going": true}"#,
            vec!["one", "two"],
            4,
        ),
    ] {
        let ended = world("steps", configuration, "echo out:never").run();
        assert_eq!(ended.code(), code, "{}", ended.log);
        assert_eq!(ended.said(), said, "{}", ended.log);
        assert_eq!(ended.plugin_hooks(), ["steps command"]);
    }
}

#[test]
fn an_environment_hook_gives_variables_paths_and_functions_to_the_command() {
    let command = "deploy_to prod; echo \"out:$REGION\"; tool-of-the-team\n\
                   env | grep -q ^BUILDKITE_PLUGIN_TEAM || echo out:clean";
    let configuration =
        r#"{"variables": {"TEAM": "core", "REGION": "north=south"}, "paths": ["@/tools"]}"#;
    let world = world("team-environment", configuration, command);
    fs::create_dir(world.path("tools")).expect("folder");
    world.write_program("tools/tool-of-the-team", "#!/bin/sh\necho out:tool\n");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let said = ["deploying to prod as core", "north=south", "tool", "clean"];
    assert_eq!(ended.said(), said, "{}", ended.log);
}

#[test]
fn a_clean_up_at_the_end_runs_however_the_job_ended() {
    let keep = r#"{"under": "@/work", "keep-on-failure": true}"#;
    let usual = r#"{"under": "@/work"}"#;
    for (configuration, command, said, left) in [
        (usual, "touch \"$WORKSPACE_DIR/x\"", "removed after 0", 0),
        (
            usual,
            "touch \"$WORKSPACE_DIR/x\"; exit 9",
            "removed after 9",
            0,
        ),
        (keep, "exit 9", "keeping workspace", 1),
    ] {
        let world = world("workspace", configuration, command);
        let under = world.path("work");
        fs::create_dir(&under).expect("folder");
        let ended = world.run();
        assert_eq!(ended.said(), [said], "{}", ended.log);
        assert_eq!(
            ended.plugin_hooks(),
            ["workspace environment", "workspace pre-exit"]
        );
        assert_eq!(fs::read_dir(&under).expect("folder").count(), left);
    }
}

#[test]
fn an_argument_builder_reads_nested_lists_of_its_configuration() {
    let configuration = r#"{
        "image": "alpine:3", "always-pull": true, "environment": ["A", "B=two words"],
        "volumes": ["./cache:/cache"], "shell": ["/bin/bash", "-e", "-c"],
        "publish": [{"host": 80, "container": 8080}, {"container": 9}]
    }"#;
    let world = world("container", configuration, "make all\nmake check");
    let note = "#!/bin/sh\nfor a; do printf 'out:%s\\n' \"$a\"; done; exit 6\n";
    world.write_program(
        "bin/docker",
        &note.replace("; exit", "; [ \"$1\" = pull ] || exit"),
    );
    let ended = world.run();
    assert_eq!(ended.code(), 6, "{}", ended.log);
    let checkout = world.checkout().display().to_string();
    let (mount, cache) = (
        format!("{checkout}:/workdir"),
        format!("{checkout}/cache:/cache"),
    );
    let wanted = [
        "pull",
        "alpine:3",
        "run",
        "--rm",
        "-i",
        "--volume",
        &mount,
        "--workdir",
        "/workdir",
        "--volume",
        &cache,
        "--env",
        "A",
        "--env",
        "B=two words",
        "--publish",
        "80:8080",
        "--publish",
        "9",
        "--label",
        "job=job-1",
        "alpine:3",
        "/bin/bash",
        "-e",
        "-c",
        "make all",
    ];
    assert_eq!(ended.said(), wanted, "{}", ended.log);
    assert!(
        ended.log.contains("\nmake check\n"),
        "one argument: {}",
        ended.log
    );
}

#[test]
fn files_are_fetched_before_and_kept_after_the_command() {
    let configuration = r#"{"download": ["in/*.txt"], "upload": [{"from": "a.log"}, {"from": "b.log", "to": "kept/b.txt"}]}"#;
    let command = "touch a.log b.log; exit 3";
    let world = world("keep-files", configuration, command);
    world.write_program("bin/buildkite-agent", AGENT);
    let ended = world.run();
    assert_eq!(ended.code(), 3, "{}", ended.log);
    let calls = fs::read_to_string(world.path("home/agent-calls")).expect("calls");
    let wanted =
        "artifact download in/*.txt .\nartifact upload a.log\nartifact upload kept/b.txt\n";
    assert_eq!(calls, wanted);
    assert!(world.checkout().join("kept/b.txt").exists());
    assert_eq!(
        ended.plugin_hooks(),
        ["keep-files pre-command", "keep-files post-command"]
    );
}

#[test]
fn a_cache_saves_before_the_checkout_and_restores_after_it() {
    let command = "mkdir -p deps; echo \"out:$(ls deps)\"; touch deps/lib";
    let configuration = r#"{"path": "deps", "backend": "@/cache"}"#;
    let mut world = world("folder-cache", configuration, command);
    assert_eq!(world.run().said(), ["no cache of deps", ""]);
    world.set("BUILDKITE_CLEAN_CHECKOUT", "true");
    let ended = world.run();
    assert_eq!(
        ended.said(),
        ["saved deps", "restored deps", "lib"],
        "{}",
        ended.log
    );
    let hooks = ["folder-cache pre-checkout", "folder-cache post-checkout"];
    assert_eq!(ended.plugin_hooks(), hooks);
}

#[test]
fn nested_configuration_is_checked_by_its_schema_and_read_from_variables() {
    let good = r#"{"services": [
        {"name": "data-base", "ports": [5432, 5433]},
        {"name": "web", "ports": [80], "health": {"path": "/ok", "retry": {"times": 3, "wait": 0.50}}}
    ]}"#;
    let world_of = |configuration| world("services", configuration, "cat services.env");
    let ended = world_of(good).run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let wanted = "DATA_BASE_PORT_0=5432\nDATA_BASE_PORT_1=5433\nWEB_PORT_0=80\nWEB_HEALTH=/ok 3x0.50\nCONFIGURATION_BYTES=";
    assert!(ended.log.contains(wanted), "{}", ended.log);
    for bad in [
        r"{}",
        r#"{"services": []}"#,
        r#"{"services": [{"ports": [1]}]}"#,
        r#"{"services": [{"name": "a", "ports": ["x"]}]}"#,
        r#"{"services": [{"name": "a", "health": {"retry": {}}}]}"#,
        r#"{"services": [{"name": "a"}], "file": "a.txt"}"#,
    ] {
        let ended = world_of(bad).run();
        assert_eq!(ended.code(), 1, "{bad}: {}", ended.log);
        assert!(ended.plugin_hooks().is_empty(), "{bad}: {}", ended.log);
    }
}

#[test]
fn a_vendored_plugin_begins_after_the_checkout() {
    let mut world = World::new();
    let folder = world.path("plugins").display().to_string();
    world.set("BUILDKITE_PLUGINS_PATH", &folder);
    world.set("BUILDKITE_COMMAND", "echo \"out:command: $GREETING\"");
    copy(
        &Path::new(FIXTURES).join("greeting"),
        &world.path("repo/.buildkite/plugins/greeting"),
    );
    world.commit(&[("NAME", "the repository\n")]);
    let plugins = r#"[{"./.buildkite/plugins/greeting": {"words": ["good", "morning"]}}]"#;
    world.set("BUILDKITE_PLUGINS", plugins);
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let said = ["good morning, from the repository", "command: good morning"];
    assert_eq!(ended.said(), said, "{}", ended.log);
    let hooks = ["greeting environment", "greeting pre-command"];
    assert_eq!(ended.plugin_hooks(), hooks);
}

#[test]
fn a_plugin_with_a_library_compares_commits_and_uploads_a_pipeline() {
    let configuration = r#"{"watch": [
        {"path": "web/*", "config": {"label": "Web", "command": "make -C web"}},
        {"path": "api/*", "config": {"label": "API", "command": "make -C api"}},
        {"path": "*.md", "config": {"label": "Docs", "command": "make docs"}}
    ]}"#;
    let world = world("changed-folders", configuration, "echo out:never");
    world.write_program("bin/buildkite-agent", AGENT);
    world.commit(&[("api/main.c", "\n"), ("web/page", "\n")]);
    world.commit(&[("api/main.c", "int main;\n"), ("NOTES.md", "notes\n")]);
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let calls = fs::read_to_string(world.path("home/agent-calls")).expect("calls");
    let steps = "pipeline upload\nsteps:\n  - label: \"API\"\n    command: \"make -C api\"\n  \
                 - label: \"Docs\"\n    command: \"make docs\"\n";
    assert_eq!(calls, steps, "{}", ended.log);
    assert_eq!(ended.plugin_hooks(), ["changed-folders command"]);
}

/// An interpreter of a small language of its own; all it can do to the job, it does by the socket.
const COOK: &str = r#"#!/bin/bash
set -eu
while IFS= read -r line; do
  word=${line%% *}
  eval "rest=\"${line#* }\""
  case $word in
    say) echo "out:$rest" ;;
    set) buildkite-agent env set "$rest" >/dev/null ;;
    folder) buildkite-agent workdir set "$rest" ;;
    stop) exit "$rest" ;;
  esac
done <"$1"
"#;

#[test]
fn hooks_in_a_language_of_their_own_change_the_job_through_its_socket() {
    let command = "echo \"out:$DISH in ${PWD##*/}\"";
    let world = world("recipe", r#"{"salt": "a pinch"}"#, command);
    world.write_program("bin/cook", COOK);
    symlink(
        env!("CARGO_BIN_EXE_agent"),
        world.path("bin/buildkite-agent"),
    )
    .expect("link");
    world.commit(&[("kitchen/pot", "\n")]);
    let ended = world.run();
    assert_eq!(ended.code(), 7, "{}", ended.log);
    let said = [
        "the phase is environment of plugin",
        "configured with a pinch",
        "soup of the day in kitchen",
        "cooked with 0",
    ];
    assert_eq!(ended.said(), said, "{}", ended.log);
}
