//! Plugins that are cloned: where they lie, when they are cloned, and what their hooks see.

use std::fs;

use rustix::process::Signal;

use crate::world::World;

const WINCH: &[(&str, &str)] = &[(
    "hooks/environment",
    "echo \"winch $BUILDKITE_PLUGIN_NAME\"\n",
)];

#[test]
fn a_plugin_is_cloned_once_and_used_by_later_jobs_as_it_is() {
    let mut world = World::with_plugins("");
    let winch = world.plugin("winch", WINCH);
    world.git("winch", &["tag", "v1"]);
    world.plugin("winch", &[("hooks/environment", "echo newer\n")]);
    world.set("BUILDKITE_PLUGINS", &format!("[\"{winch}#v1\"]"));
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("winch WINCH\n"), "{}", ended.log);
    assert_eq!(
        world.calls(),
        [
            "clone -v --recursive -- ~/winch .",
            "-c advice.detachedHead=false checkout -f v1"
        ]
    );
    fs::write(world.only_kept().join("hooks/environment"), "echo edited\n").expect("hook");
    let ended = world.run();
    assert!(ended.log.contains("edited\n"), "{}", ended.log);
    assert!(ended.log.contains("already checked out ("), "{}", ended.log);
    let calls = world.calls();
    assert!(
        calls.len() == 1 && calls[0].ends_with("rev-parse --short=7 HEAD"),
        "{calls:?}"
    );
    world.set("BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH", "true");
    let ended = world.run();
    assert!(ended.log.contains("winch WINCH\n"), "{}", ended.log);
    assert_eq!(world.calls().len(), 2);
    assert!(world.strays().is_empty());
}

#[test]
fn a_plugin_without_submodules_is_cloned_without_them() {
    let mut world = World::with_plugins("");
    let winch = world.plugin("winch", WINCH);
    world
        .set("BUILDKITE_PLUGINS", &format!("[\"{winch}\"]"))
        .set("BUILDKITE_GIT_SUBMODULES", "false")
        .set("BUILDKITE_GIT_CLONE_FLAGS", "--depth 1");
    assert_eq!(world.run().code(), 0);
    assert_eq!(world.calls(), ["clone -v -- ~/winch ."]);
}

#[test]
fn an_agents_plugins_lie_in_a_folder_with_its_name_as_it_is() {
    for (agent, folder) in [
        ("Rower #2 (é)", "Rower #2 (é)"),
        ("fleet/rower", "fleet/rower"),
    ] {
        let mut world = World::with_plugins("");
        let winch = world.plugin("winch", WINCH);
        world
            .set("BUILDKITE_AGENT_NAME", agent)
            .set("BUILDKITE_PLUGINS", &format!("[\"{winch}\"]"));
        assert_eq!(world.run().code(), 0);
        let kept = crate::world::names(&world.path("plugins").join(folder));
        assert!(kept.len() == 1 && kept[0].ends_with("-winch"), "{kept:?}");
    }
}

#[test]
fn what_lies_in_the_way_but_is_no_clone_gives_way() {
    let mut world = World::with_plugins("");
    let winch = world.plugin("winch", WINCH);
    world.set("BUILDKITE_PLUGINS", &format!("[\"{winch}\"]"));
    assert_eq!(world.run().code(), 0);
    let kept = world.only_kept();
    fs::remove_dir_all(kept.join(".git")).expect("remove");
    fs::write(kept.join("hooks/environment"), "exit 7\n").expect("hook");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("winch WINCH\n"), "{}", ended.log);
}

#[test]
fn a_failed_version_ends_the_job_with_gits_status_and_leaves_nothing() {
    let mut world = World::with_plugins("");
    let winch = world.plugin("winch", WINCH);
    world.set("BUILDKITE_PLUGINS", &format!("[\"{winch}#v9\"]"));
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    assert!(
        ended.log.contains("plugin winch: git checkout"),
        "{}",
        ended.log
    );
    assert!(world.kept().is_empty() && world.strays().is_empty());
}

#[test]
fn a_clone_that_left_half_of_itself_is_tried_again_elsewhere() {
    let mut world = World::with_plugins("");
    let winch = world.plugin("winch", WINCH);
    world.git_rule(
        "case \"$*\" in *clone*) [ -f \"$HOME/once\" ] || { : >\"$HOME/once\"; echo x >half; exit 9; };; esac\n",
    );
    world.set("BUILDKITE_PLUGINS", &format!("[\"{winch}\"]"));
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("try 1 of 3"), "{}", ended.log);
    assert!(!world.only_kept().join("half").exists() && world.strays().is_empty());
}

#[test]
fn a_canceled_clone_ends_the_job_and_leaves_nothing() {
    let mut world = World::with_plugins("[\"/srv/winch\"]");
    world.git_rule("case \"$*\" in *clone*) echo x >half; echo cloning; exec sleep 300;; esac\n");
    world.set("BUILDKITE_COMMAND", "echo never");
    let mut started = world.start();
    started.wait_for("cloning").signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), Signal::TERM.as_raw());
    assert!(!ended.log.contains("never"), "{}", ended.log);
    assert!(world.kept().is_empty() && world.strays().is_empty());
}

#[test]
fn two_jobs_of_one_name_get_a_plugin_one_after_the_other() {
    let mut world = World::with_plugins("");
    let winch = world.plugin("winch", WINCH);
    let gate = world.path("home/gate");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &gate,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("pipe");
    world.git_rule("case \"$*\" in *clone*) echo cloning; read go <\"$HOME/gate\";; esac\n");
    world.set("BUILDKITE_PLUGINS", &format!("[\"{winch}\"]"));
    let mut first = world.start();
    first.wait_for("cloning");
    let mut second = world.start();
    second.wait_for("Waiting for another job");
    fs::write(gate, "go\n").expect("gate");
    for ended in [first.end(), second.end()] {
        assert_eq!(ended.code(), 0, "{}", ended.log);
        assert!(ended.log.contains("winch WINCH\n"), "{}", ended.log);
    }
    let clones = world.calls();
    let clones = clones.iter().filter(|call| call.starts_with("clone"));
    assert_eq!(clones.count(), 1);
}

#[test]
fn the_same_plugin_twice_is_cloned_once_and_has_two_configurations() {
    let mut world = World::with_plugins("");
    let hook = "echo \"turns $BUILDKITE_PLUGIN_WINCH_TURNS\"\n";
    let winch = world.plugin("winch", &[("hooks/pre-command", hook)]);
    let list = format!(r#"[{{"{winch}": {{"turns": 1}}}}, {{"{winch}/": {{"turns": 2.50}}}}]"#);
    world.set("BUILDKITE_PLUGINS", &list);
    let ended = world.run();
    assert_eq!(world.calls().len(), 1);
    assert!(
        ended.log.contains("turns 1\n") && ended.log.contains("turns 2.50\n"),
        "{}",
        ended.log
    );
}

#[test]
fn a_plugin_never_runs_in_the_place_of_another_one_of_the_step() {
    let mut world = World::with_plugins("");
    let [one, other] = ["dock-winch", "dock.winch"].map(|name| {
        let hook = format!("echo out:{name}\n");
        world.plugin(name, &[("hooks/pre-command", &hook)])
    });
    world.set("BUILDKITE_PLUGINS", &format!(r#"["{one}", "{other}"]"#));
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    let reason = "plugin dock-winch: another plugin of the step lies in";
    assert!(ended.log.contains(reason), "{}", ended.log);
    assert!(!ended.log.contains("out:"), "{}", ended.log);
}

#[test]
fn a_null_leaves_out_its_own_variable_only_and_says_so() {
    let mut world = World::with_plugins("");
    let hook = "echo \"${BUILDKITE_PLUGIN_WINCH_A-none} $BUILDKITE_PLUGIN_WINCH_B $BUILDKITE_PLUGIN_CONFIGURATION\"\n";
    let winch = world.plugin("winch", &[("hooks/environment", hook)]);
    world.set(
        "BUILDKITE_PLUGINS",
        &format!(r#"[{{"{winch}": {{"b": "x", "a": null}}}}]"#),
    );
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        ended.log.contains("none x {\"a\":null,\"b\":\"x\"}\n"),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("do not see these: BUILDKITE_PLUGIN_WINCH_A"),
        "{}",
        ended.log
    );
}

#[test]
fn a_name_with_an_older_form_is_told_before_each_hook_and_has_both() {
    let mut world = World::with_plugins("");
    let hook = "echo \"$BUILDKITE_PLUGIN_WINCH_A__B $BUILDKITE_PLUGIN_WINCH_A_B\"\n";
    let files = [("hooks/environment", hook), ("hooks/pre-command", hook)];
    let winch = world.plugin("winch", &files);
    world.set(
        "BUILDKITE_PLUGINS",
        &format!(r#"[{{"{winch}": {{"a--b": "x"}}}}]"#),
    );
    let ended = world.run();
    assert_eq!(ended.log.matches("x x\n").count(), 2, "{}", ended.log);
    let told = "~~~ Deprecated environment variables for plugin winch\n";
    assert_eq!(ended.log.matches(told).count(), 2, "{}", ended.log);
    assert!(
        ended.log.contains("\"BUILDKITE_PLUGIN_WINCH_A__B\""),
        "{}",
        ended.log
    );
}

#[test]
fn a_password_in_an_address_is_not_in_the_log_and_a_new_host_is_scanned() {
    let world = World::with_plugins(
        r#"["https://me:hard-to-guess@boat.test/winch", "ssh://git@boat.test/crane", "https://ghp-0123456789abcdef@boat.test/oar"]"#,
    );
    world.write_program("bin/ssh", "#!/bin/sh\necho hostname boat.test\n");
    world.write_program(
        "bin/ssh-keyscan",
        "#!/bin/sh\necho \"$* ssh-ed25519 AAAA\"\n",
    );
    world.git_rule("case \"$*\" in clone*) mkdir hooks; exit 0;; esac\n");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    for secret in ["hard-to-guess", "ghp-0123"] {
        assert!(!ended.log.contains(secret), "{}", ended.log);
    }
    let calls = world.calls();
    assert_eq!(
        calls[0],
        "clone -v --recursive -- https://me:hard-to-guess@boat.test/winch ."
    );
    assert_eq!(
        calls[1],
        "clone -v --recursive -- ssh://git@boat.test/crane ."
    );
    let known = fs::read_to_string(world.path("home/.ssh/known_hosts")).expect("known hosts");
    assert_eq!(known, "boat.test ssh-ed25519 AAAA\n");
}
