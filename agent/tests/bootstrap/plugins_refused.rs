//! Plugins that are refused, and how it is said: nothing is run, and nothing outside the folder
//! of the plugins is touched.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::{World, names};

/// Runs a job with this list; it has to fail before anything is cloned or run.
fn refuse(world: &World, reason: &str) {
    let before = names(&world.path(""));
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    assert!(ended.log.contains(reason), "{reason}: {}", ended.log);
    assert!(!ended.log.contains("echo command"), "{}", ended.log);
    assert!(
        ended.log.contains("~~~ Preparing plugins\n"),
        "{}",
        ended.log
    );
    let mut after = names(&world.path(""));
    after.retain(|name| name != "plugins");
    assert_eq!(after, before);
    assert!(world.calls().is_empty() && world.strays().is_empty());
}

#[test]
fn a_list_or_a_reference_that_cannot_be_used_names_itself() {
    let long = format!("[\"/{}\"]", "a".repeat(300));
    let longer = format!("[\"/{}\"]", "a".repeat(100_000));
    let deep = format!("[{{\"/a\": {}1{}}}]", "[".repeat(5000), "]".repeat(5000));
    for (list, reason) in [
        ("winch#v1", "no JSON"),
        ("null", "no JSON array"),
        ("[7]", "item 7"),
        (r#"[{"/srv/winch": 7}]"#, "configuration of \"/srv/winch\""),
        (&deep, "nested too deeply"),
        (r#"["/srv/winch#a#b"]"#, "more than one #"),
        (r#"["winch"]"#, "incomplete"),
        (r#"[""]"#, "names no place"),
        (r#"["/..//"]"#, "names no place"),
        (r#"["git@boat.test:fleet/winch.git"]"#, "ssh://"),
        (r#"["--upload-pack=touch hacked/x"]"#, "flag"),
        (r#"["/srv/winch#--upload-pack=touch hacked"]"#, "flag"),
        (r#"["/srv/winch#-x"]"#, "flag"),
        (
            r#"["ssh://-oProxyCommand=touch hacked/x"]"#,
            "cannot be read",
        ),
        (r#"["ssh://-oProxyCommand=touch/x"]"#, "flag"),
        (r#"["ext::sh -c touch% hacked"]"#, "names no place"),
        (r#"["ext://sh/x"]"#, "ext:"),
        (r#"["/srv/winch\n--x"]"#, "control character"),
        (r#"["/srv/winch\u0000"]"#, "control character"),
        (r#"["/srv/%00"]"#, "control character"),
        (&long, "too long"),
        (&longer, "too long"),
    ] {
        refuse(&World::with_plugins(list), reason);
    }
}

#[test]
fn the_flag_that_turned_plugins_off_is_named() {
    for (variables, flag) in [
        (&["BUILDKITE_PLUGINS_ENABLED"][..], "`--no-plugins`"),
        (
            &["BUILDKITE_PLUGINS_ENABLED", "BUILDKITE_COMMAND_EVAL"],
            "`--no-command-eval`",
        ),
        (
            &[
                "BUILDKITE_PLUGINS_ENABLED",
                "BUILDKITE_COMMAND_EVAL",
                "BUILDKITE_LOCAL_HOOKS_ENABLED",
            ],
            "`--no-local-hooks`",
        ),
    ] {
        let mut world = World::with_plugins(r#"["/srv/winch"]"#);
        for variable in variables {
            world.set(variable, "false");
        }
        refuse(&world, flag);
    }
}

#[test]
fn a_host_without_a_place_for_plugins_says_which_setting_is_missing() {
    let mut world = World::with_plugins(r#"["/srv/winch"]"#);
    world.env.remove("BUILDKITE_PLUGINS_PATH");
    refuse(&world, "BUILDKITE_PLUGINS_PATH");
}

#[test]
fn an_agents_name_does_not_lead_out_of_the_plugins() {
    let mut world = World::with_plugins(r#"["/srv/winch"]"#);
    world.set("BUILDKITE_AGENT_NAME", "../builds");
    refuse(&world, "agent's name");
}

#[test]
fn a_host_without_git_is_told_to_install_it_and_tries_once() {
    let mut world = World::with_plugins(r#"["/srv/winch"]"#);
    fs::create_dir(world.path("empty")).expect("folder");
    let empty = world.path("empty").to_str().expect("text").to_owned();
    world.set("PATH", &empty);
    refuse(&world, "install it");
}

#[test]
fn hooks_that_lie_outside_of_a_plugin_are_none() {
    let mut world = World::with_plugins("");
    fs::create_dir_all(world.path("outside/hooks")).expect("folder");
    fs::write(world.path("outside/hooks/environment"), "echo hacked\n").expect("hook");
    let winch = world.plugin("winch.git", &[("README", "x"), ("in/README", "x")]);
    let outside = world.path("outside/hooks");
    symlink(&outside, world.path("winch.git/hooks")).expect("link");
    symlink("../..", world.path("winch.git/up")).expect("link");
    world.plugin("winch.git", &[]);
    for reference in [
        winch.clone(),
        format!("{winch}/in"),
        format!("{winch}/../outside"),
        format!("{winch}/up/outside"),
    ] {
        world.set("BUILDKITE_PLUGINS", &format!("[\"{reference}\"]"));
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{}", ended.log);
        assert!(
            ended.log.contains("a plugin keeps its hooks there"),
            "{}",
            ended.log
        );
        assert!(!ended.log.contains("hacked"), "{}", ended.log);
    }
}
