//! Sparse checkouts and large files.

use std::fs;

use crate::world::{Ended, World};

/// A world whose repository has three folders.
fn folders() -> World {
    let mut world = World::new();
    world.commit(&[("hull/a", "a\n"), ("hull/in/b", "b\n"), ("sail/c", "c\n")]);
    world.set(
        "BUILDKITE_COMMAND",
        "echo files: $(git ls-files -t | grep ^H)",
    );
    world
}

fn git_version(version: &str) -> String {
    format!("case \"$*\" in --version) echo 'git version {version}'; exit 0;; esac\n")
}

fn succeeded(ended: &Ended) {
    assert_eq!(ended.code(), 0, "{}", ended.log);
}

const ALL: &str = "H README H hull/a H hull/in/b H sail/c";
/// Version of git, mode, paths, how git is called, what is there.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);
const ROWS: [Row; 7] = [
    (
        "2.39.5",
        "",
        "hull",
        &["set --cone -- hull"],
        "H README H hull/a H hull/in/b",
    ),
    (
        "2.35.0",
        "cone",
        " sail ,",
        &["set --cone -- sail"],
        "H README H sail/c",
    ),
    (
        "2.39.5",
        "no-cone",
        "/hull/,!/hull/in/",
        &["set --no-cone -- /hull/ !/hull/in/"],
        "H hull/a",
    ),
    (
        "2.30.2",
        "cone",
        "sail",
        &["init --cone", "set -- sail"],
        "H README H sail/c",
    ),
    ("2.30.2", "no-cone", "/sail/", &[], ALL),
    ("2.26.0", "cone", "sail", &[], ALL),
    ("x", "cone", "sail", &[], ALL),
];

#[test]
fn git_is_asked_for_what_its_version_can_do() {
    for (version, mode, paths, wanted, there) in ROWS {
        let mut world = folders();
        world.git_rule(&git_version(version));
        world
            .set("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", paths)
            .set("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE", mode);
        let ended = world.run();
        succeeded(&ended);
        let calls = world.calls();
        let sparse = calls
            .iter()
            .filter_map(|call| call.strip_prefix("sparse-checkout "));
        assert_eq!(sparse.collect::<Vec<_>>(), wanted, "{version} {mode}");
        assert!(
            ended.log.contains(&format!("files: {there}\n")),
            "{}",
            ended.log
        );
        let light = calls
            .iter()
            .filter(|call| call.contains("--filter=blob:none"));
        let count = if wanted.is_empty() { 0 } else { 2 };
        assert_eq!(light.count(), count, "{version} {mode}: {calls:?}");
        let warned = ended
            .log
            .contains("Warning: this sparse checkout needs git 2.");
        assert_eq!(warned, wanted.is_empty(), "{}", ended.log);
    }
}

#[test]
fn a_filter_of_the_hosts_own_is_the_only_one() {
    for (clone, fetch, wanted) in [
        (
            "-v",
            "-v",
            [
                "clone -v --sparse --filter=blob:none --",
                "fetch --filter=blob:none -v --",
            ],
        ),
        (
            "-v --filter=tree:0",
            "-v",
            ["clone -v --filter=tree:0 --sparse --", "fetch -v --"],
        ),
        (
            "--sparse",
            "--filter tree:0",
            [
                "clone --sparse --filter=blob:none --",
                "fetch --filter tree:0 --",
            ],
        ),
    ] {
        let mut world = folders();
        world
            .set("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "hull")
            .set("BUILDKITE_GIT_CLONE_FLAGS", clone)
            .set("BUILDKITE_GIT_FETCH_FLAGS", fetch);
        succeeded(&world.run());
        let calls = world.calls();
        for start in wanted {
            assert!(
                calls.iter().any(|call| call.starts_with(start)),
                "{start}: {calls:?}"
            );
        }
    }
}

#[test]
fn the_next_job_has_everything_and_keeps_what_others_configured() {
    // What is configured for this checkout alone, and whether the extension for that goes.
    for (configured, unset) in [("", true), ("a.b=c", false)] {
        let mut world = folders();
        world.set("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "hull");
        succeeded(&world.run());
        world.calls();
        world.git_rule(&format!(
            "case \"$*\" in 'config --worktree --list') echo '{configured}'; exit 0;; esac\n"
        ));
        world.set("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "");
        let ended = world.run();
        succeeded(&ended);
        assert!(
            ended.log.contains("H hull/in/b H sail/c\n"),
            "{}",
            ended.log
        );
        let calls = world.calls();
        let called = |call: &str| calls.iter().any(|known| known == call);
        assert!(called("sparse-checkout disable"), "{calls:?}");
        let unsets = called("config --unset extensions.worktreeConfig");
        assert_eq!(unsets, unset, "{calls:?}");
        succeeded(&world.run());
        let calls = world.calls();
        assert!(
            !calls.iter().any(|call| call.contains("disable")),
            "{calls:?}"
        );
    }
}

#[test]
fn a_mode_that_is_none_is_refused_before_anything_runs() {
    let mut world = folders();
    world.set("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE", "pyramid");
    let ended = world.run();
    assert_eq!(ended.code(), 1);
    assert!(ended.log.contains("cone or no-cone"), "{}", ended.log);
    assert!(world.calls().is_empty());
}

#[test]
fn submodules_are_left_out_of_a_sparse_checkout() {
    let mut world = folders();
    world.commit(&[(
        ".gitmodules",
        "[submodule \"x\"]\n\tpath = x\n\turl = ../x\n",
    )]);
    world.set("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "hull");
    let ended = world.run();
    succeeded(&ended);
    assert!(
        ended.log.contains("Warning: submodules are left out"),
        "{}",
        ended.log
    );
    world.set(
        "BUILDKITE_AGENT_DISABLE_WARNINGS_FOR",
        "submodules-init-skipped",
    );
    let ended = world.run();
    assert!(!ended.log.contains("left out of"), "{}", ended.log);
}

/// A stand-in for git LFS: it does nothing, but lists these files.
const LFS: &str = "case \"$*\" in 'lfs ls-files'*) printf 'hull/a\\nhull/in/b\\nsail/c\\n'; exit 0;; \
                   lfs*) exit 0;; esac\n";

fn with_lfs() -> World {
    let mut world = folders();
    world.git_rule(LFS);
    world.set("BUILDKITE_GIT_LFS_ENABLED", "true");
    world
}

#[test]
fn large_files_are_got_for_what_is_checked_out() {
    const LIST: [&str; 2] = ["ls-files -t -z", "lfs ls-files -n"];
    // Mode, paths, calls after the checkout.
    for (mode, paths, list, wanted) in [
        ("", "", &[][..], ["lfs fetch", "lfs checkout"]),
        (
            "cone",
            "hull,sail",
            &[],
            ["lfs fetch --include=hull,sail", "lfs checkout hull sail"],
        ),
        (
            "no-cone",
            "/hull/,!/hull/in/",
            &LIST,
            ["lfs fetch", "lfs checkout hull/a"],
        ),
    ] {
        let mut world = with_lfs();
        world
            .set("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE", mode)
            .set("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", paths);
        succeeded(&world.run());
        let calls = world.calls();
        let checkout = calls.iter().position(|call| call.contains("checkout -f"));
        let after = &calls[checkout.expect("a checkout") + 1..];
        let wanted = [list, &wanted, &["clean -ffxdq"]].concat();
        assert_eq!(after[..wanted.len()], wanted, "{mode}");
    }
}

#[test]
fn large_files_that_do_not_come_are_asked_for_again_and_not_the_repository() {
    let world = with_lfs();
    world.git_rule(&format!(
        "case \"$*\" in 'lfs checkout') [ -f \"$HOME/once\" ] || {{ : >\"$HOME/once\"; exit 2; }};; esac\n{LFS}"
    ));
    let ended = world.run();
    succeeded(&ended);
    let calls = world.calls();
    let count = |what: &str| calls.iter().filter(|call| call.starts_with(what)).count();
    let counts = (count("lfs fetch"), count("lfs checkout"), count("fetch"));
    assert_eq!(counts, (2, 2, 1), "{}", ended.log);
}

#[test]
fn git_without_lfs_is_found_out_before_anything_is_cloned() {
    let world = with_lfs();
    world.git_rule("case \"$*\" in lfs*) echo \"no lfs\" >&2; exit 3;; esac\n");
    let ended = world.run();
    assert_eq!(ended.code(), 3);
    assert!(ended.log.contains("install git-lfs"), "{}", ended.log);
    assert_eq!(world.calls(), ["lfs version"]);
}

#[test]
fn a_hook_may_ask_for_large_files() {
    let mut world = with_lfs();
    let hooks = world.path("hooks");
    fs::create_dir(&hooks).expect("folder");
    world.write_program(
        "hooks/environment",
        "export BUILDKITE_GIT_LFS_ENABLED=true\n",
    );
    world
        .set("BUILDKITE_GIT_LFS_ENABLED", "false")
        .set("BUILDKITE_HOOKS_PATH", hooks.to_str().expect("text"))
        .set("BUILDKITE_COMMAND", "echo \"skip: $GIT_LFS_SKIP_SMUDGE\"");
    let ended = world.run();
    assert!(ended.log.ends_with("skip: 1\n"), "{}", ended.log);
    assert!(world.calls().contains(&"lfs fetch".to_owned()));
}
