//! Plugins that lie in the repository, and what definitions say of any plugin.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::World;

const HOOK: &str = "echo \"crane $BUILDKITE_PLUGIN_NAME\"\n";

/// A world that checks out a repository with these files, whose step has these plugins.
fn vendored(list: &str, files: &[(&str, &str)]) -> World {
    let mut world = World::with_plugins(list);
    world.commit(files);
    world.set("BUILDKITE_SKIP_CHECKOUT", "false");
    world
}

#[test]
fn a_vendored_plugin_is_found_after_the_checkout_wherever_links_inside_lead() {
    for reference in [
        "./rig/crane",
        ".//rig/./crane",
        "./rig/../rig/crane",
        "./link",
    ] {
        let world = vendored(
            &format!("[\"{reference}\"]"),
            &[
                ("rig/crane/hooks/environment", HOOK),
                ("rig/crane/hooks/pre-command", "echo before\n"),
            ],
        );
        symlink("rig/crane", world.path("repo/link")).expect("link");
        world.commit(&[]);
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{reference}: {}", ended.log);
        let at = |text: &str| {
            ended
                .log
                .find(text)
                .unwrap_or_else(|| panic!("{text}: {}", ended.log))
        };
        assert!(at("~~~ Preparing working directory") < at("\ncrane "));
        assert!(at("\ncrane ") < at("before\n") && at("before\n") < at("\ncommand\n"));
    }
}

#[test]
fn a_plugin_outside_of_the_checkout_is_refused() {
    for reference in [
        "../outside",
        "./..",
        "./out",
        "./rig/../../outside",
        ".",
        "./none",
        "./file",
    ] {
        let world = vendored(
            &format!("[\"{reference}\"]"),
            &[("file", ""), ("rig/x", "")],
        );
        let outside = world.path("builds/agent-1/org/outside/hooks");
        fs::create_dir_all(&outside).expect("folder");
        fs::write(outside.join("environment"), "echo hacked\n").expect("hook");
        symlink("../outside", world.path("repo/out")).expect("link");
        world.commit(&[]);
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{reference}: {}", ended.log);
        assert!(!ended.log.contains("hacked\n"), "{}", ended.log);
        let said = ["of the checked-out repository", "keeps its hooks there"];
        assert!(
            said.iter().any(|text| ended.log.contains(text)),
            "{}",
            ended.log
        );
    }
}

#[test]
fn without_a_checkout_there_are_no_vendored_plugins() {
    let mut world = World::with_plugins(r#"["./crane"]"#);
    world.set("BUILDKITE_BOOTSTRAP_PHASES", "plugin,command");
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    assert!(
        ended.log.contains("of the checked-out repository"),
        "{}",
        ended.log
    );
}

/// Runs a job with one plugin, cloned, with this definition.
fn validated(definition: &[(&str, &str)], configuration: &str) -> (i32, String) {
    let mut world = World::with_plugins("");
    let files: Vec<_> = definition
        .iter()
        .copied()
        .chain([("hooks/environment", HOOK)])
        .collect();
    let crane = world.plugin("crane", &files);
    world.set("BUILDKITE_PLUGIN_VALIDATION", "true").set(
        "BUILDKITE_PLUGINS",
        &format!("[{{\"{crane}\": {configuration}}}]"),
    );
    let ended = world.run();
    (ended.code(), ended.log)
}

#[test]
fn a_plugin_is_held_to_its_definition() {
    let schema = "requirements: [sh]\nconfiguration:\n  required: [load]\n  properties: {load: {type: integer}}\n";
    let json = r#"{"configuration": {"required": ["load"]}}"#;
    let failed = "~~~ Plugin validation failed for \"crane\"\n";
    for (definition, configuration, code, text) in [
        (
            &[("plugin.yml", schema)][..],
            r#"{"load": 5}"#,
            0,
            "Valid plugin configuration",
        ),
        (&[("plugin.yml", schema)], "{}", 1, failed),
        (&[("plugin.yml", schema)], "null", 1, failed),
        (
            &[("plugin.yaml", schema)],
            r#"{"load": "much"}"#,
            1,
            "/load",
        ),
        (&[("plugin.json", json)], "{}", 1, failed),
        (
            &[("plugin.json", json), ("plugin.yml", "[")],
            r#"{"load": 5}"#,
            0,
            "Valid",
        ),
        (
            &[("plugin.yml", "requirements: [no-such-tool]")],
            "{}",
            1,
            "\"no-such-tool\"",
        ),
        (
            &[("plugin.yml", "requirements: [/bin/no-such-tool]")],
            "{}",
            1,
            "no-such-tool",
        ),
        (
            &[("plugin.yml", "name: Crane")],
            r#"{"any": [1]}"#,
            0,
            "Valid",
        ),
        (&[("plugin.yml", "[")], "{}", 1, "definition cannot be read"),
        (
            &[("plugin.yml", "- a")],
            "{}",
            1,
            "definition cannot be read",
        ),
        (&[], "{}", 0, "has no definition"),
    ] {
        let (status, log) = validated(definition, configuration);
        assert_eq!(status, code, "{definition:?} {configuration}: {log}");
        assert!(log.contains(text), "{text}: {log}");
        assert_eq!(log.contains("crane CRANE\n"), code == 0, "{log}");
    }
}

#[test]
fn a_definition_that_is_no_part_of_its_plugin_is_not_read() {
    let world = vendored(r#"["./crane"]"#, &[("crane/hooks/environment", HOOK)]);
    let mut world = world;
    fs::write(world.path("outside.yml"), "requirements: [no-such-tool]").expect("file");
    symlink(
        world.path("outside.yml"),
        world.path("repo/crane/plugin.yml"),
    )
    .expect("link");
    world.commit(&[]);
    world.set("BUILDKITE_PLUGIN_VALIDATION", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("has no definition"), "{}", ended.log);
}
