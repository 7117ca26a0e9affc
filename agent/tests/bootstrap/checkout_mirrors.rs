//! Mirrors that the jobs of a host share.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::world::{World, kill, names};

const URL: &str = "config --get-all remote.origin.url";

/// A world whose host has mirrors.
fn mirrored() -> World {
    let mut world = World::new();
    let mirrors = text(&world.path("mirrors"));
    world
        .set("BUILDKITE_GIT_MIRRORS_PATH", &mirrors)
        .set("BUILDKITE_COMMAND", "echo ran it");
    world
}

fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// The mirror of a repository at this path of the world, as its calls show it.
fn shown(world: &World, repository: &str) -> String {
    let path = text(&world.path(repository));
    format!(
        "~/mirrors/{}",
        path.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    )
}

fn mirror(world: &World, repository: &str) -> PathBuf {
    world.path(shown(world, repository).trim_start_matches("~/"))
}

/// The calls that work on mirrors.
fn on_mirrors(world: &World) -> Vec<String> {
    let mut calls = world.calls();
    calls.retain(|call| call.contains("--mirror") || call.contains("--git-dir"));
    calls
}

/// Variables, and what is fetched into the mirror.
type Row<'a> = (&'a [(&'a str, &'a str)], Option<String>);

#[test]
fn a_mirror_is_asked_for_what_the_job_needs_and_it_lacks() {
    let mut world = mirrored();
    let first = world.git("repo", &["rev-parse", "HEAD"]);
    assert_eq!(world.run().code(), 0);
    let name = shown(&world, "repo");
    let clone = format!("clone --mirror -v -- ~/repo {name}");
    assert_eq!(on_mirrors(&world), [clone]);
    for side in ["head", "merge"] {
        world.git(
            "repo",
            &["update-ref", &format!("refs/pull/7/{side}"), "HEAD"],
        );
    }
    world.commit(&[("README", "two\n")]);
    let fetch = |what: &str| Some(format!("--git-dir {name} fetch -- origin {what}"));
    let pull: [(&str, &str); 2] = [
        ("BUILDKITE_PULL_REQUEST", "7"),
        ("BUILDKITE_PIPELINE_PROVIDER", "github"),
    ];
    let merge = ("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC", "true");
    let refspec = ("BUILDKITE_REFSPEC", "main refs/pull/7/head");
    let rows: [Row<'_>; 6] = [
        (&[("BUILDKITE_COMMIT", &first)], None),
        (&[], fetch("main")),
        (&[("BUILDKITE_COMMIT", &first[..12])], fetch("main")),
        (&pull, fetch("refs/pull/7/head")),
        (&[pull[0], pull[1], merge], fetch("refs/pull/7/merge")),
        (&[pull[0], refspec], fetch("main refs/pull/7/head")),
    ];
    for (variables, wanted) in rows {
        let before = world.env.clone();
        for (variable, value) in variables {
            world.set(variable, value);
        }
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{variables:?}\n{}", ended.log);
        let commit = &world.env["BUILDKITE_COMMIT"];
        let mut calls = vec![
            format!("--git-dir {name} rev-parse {commit}^{{commit}}"),
            format!("--git-dir {name} {URL}"),
        ];
        calls.extend(wanted);
        assert_eq!(on_mirrors(&world), calls, "{variables:?}");
        world.env = before;
    }
}

#[test]
fn a_mirror_that_another_repository_shares_is_pointed_anew_and_tidied() {
    let mut world = mirrored();
    world.git(".", &["clone", "-q", "--bare", "repo", "a.b"]);
    world.git(".", &["clone", "-q", "--bare", "repo", "a-b"]);
    for name in ["a.b", "a-b"] {
        let address = text(&world.path(name));
        world.set("BUILDKITE_REPO", &address);
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
    }
    let name = shown(&world, "a-b");
    let on = |call: &str| format!("--git-dir {name} {call}");
    assert_eq!(
        on_mirrors(&world)[1..],
        [
            on("rev-parse HEAD^{commit}"),
            on(URL),
            on("remote set-url origin ~/a-b"),
            on("fetch -- origin main"),
            on("fsck"),
            on("gc"),
        ]
    );
}

#[test]
fn an_existing_checkout_borrows_or_not_as_the_host_wants_now() {
    let mut world = World::new();
    let mirrors = text(&world.path("mirrors"));
    world.set("BUILDKITE_COMMAND", "git fsck --full");
    let alternates = world.checkout().join(".git/objects/info/alternates");
    let objects = format!("{}/objects\n", text(&mirror(&world, "repo")));
    // Mirrors or not, how to borrow, and what the checkout borrows from afterwards.
    for (path, mode, wanted) in [
        ("", "reference", None),
        (&*mirrors, "reference", Some(&objects)),
        (&mirrors, "reference", Some(&objects)),
        (&mirrors, "dissociate", None),
        (&mirrors, "dissociate", None),
    ] {
        world
            .set("BUILDKITE_GIT_MIRRORS_PATH", path)
            .set("BUILDKITE_GIT_MIRROR_CHECKOUT_MODE", mode);
        let borrowed = alternates.exists();
        world.calls();
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{}", ended.log);
        let found = fs::read_to_string(&alternates).ok();
        assert_eq!(found.as_ref(), wanted, "{path} {mode}");
        let repacked = world.calls().contains(&"repack -a -d".to_owned());
        assert_eq!(repacked, borrowed && wanted.is_none(), "{path} {mode}");
    }
}

#[test]
fn relative_folders_are_those_of_where_the_executor_was_started() {
    let mut world = mirrored();
    world
        .set("BUILDKITE_GIT_MIRRORS_PATH", "mine/mirrors")
        .set("BUILDKITE_BUILD_CHECKOUT_PATH", "mine/checkout")
        .set("BUILDKITE_COMMAND", "pwd; cat README");
    for _ in 0..2 {
        let ended = world.run();
        let wanted = format!("{}\none\n", text(&world.path("builds/mine/checkout")));
        assert!(ended.log.ends_with(&wanted), "{}", ended.log);
    }
}

#[test]
fn a_mirror_is_taken_as_it_is_or_done_without() {
    let mut world = mirrored();
    world.set("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE", "true").set(
        "BUILDKITE_COMMAND",
        "echo \"mirror: ${BUILDKITE_REPO_MIRROR-unset}.\"",
    );
    let ended = world.run();
    assert!(ended.log.ends_with("mirror: .\n"), "{}", ended.log);
    assert!(!world.path("mirrors").exists());
    world.set("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE", "false");
    assert_eq!(world.run().code(), 0);
    world.calls();
    world.set("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE", "true");
    let ended = world.run();
    let wanted = format!("mirror: {}.\n", text(&mirror(&world, "repo")));
    assert!(ended.log.ends_with(&wanted), "{}", ended.log);
    assert_eq!(on_mirrors(&world), Vec::<String>::new());
}

#[test]
fn whoever_waits_for_a_lock_too_long_ends_with_94_and_later_ones_go_on() {
    for lock in ["clonelockf", "updatelockf"] {
        let mut world = mirrored();
        if lock == "updatelockf" {
            assert_eq!(world.run().code(), 0);
        }
        fs::create_dir_all(world.path("mirrors")).expect("folder");
        let file = mirror(&world, "repo").with_extension(lock);
        let held = File::options().append(true).create(true).open(file);
        let held = held.expect("lock file");
        held.lock().expect("lock");
        world.set("BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT", "0");
        let ended = world.run();
        assert_eq!(ended.code(), 94, "{lock}\n{}", ended.log);
        assert!(!ended.log.contains("attempt 2"), "{}", ended.log);
        world.set("BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT", "60");
        let mut waits = world.start();
        waits.wait_for("waiting for it");
        drop(held);
        assert_eq!(waits.end().code(), 0, "{lock}");
    }
}

#[test]
fn a_canceled_job_does_not_wait_for_a_lock() {
    let world = mirrored();
    fs::create_dir_all(world.path("mirrors")).expect("folder");
    let file = mirror(&world, "repo").with_extension("clonelockf");
    let held = File::create(file).expect("lock file");
    held.lock().expect("lock");
    let mut waits = world.start();
    waits.wait_for("waiting for it");
    waits.signal(Signal::TERM);
    assert_eq!(waits.end().signal(), 15);
}

#[test]
fn a_mirror_that_was_never_cloned_to_its_end_is_cloned_again() {
    let mut world = mirrored();
    world.git_rule(
        "case \"$*\" in 'clone --mirror'*) for last; do :; done; mkdir -p \"$last/objects\"; \
         kill -9 $PPID; exit 1;; esac\n",
    );
    assert_eq!(world.run().signal(), 9);
    assert!(mirror(&world, "repo").join("objects").exists());
    world.git_rule("");
    world.set("BUILDKITE_COMMAND", "cat README");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.ends_with("one\n"),
        "{}",
        ended.log
    );
    assert_eq!(world.run().code(), 0);
    let clones = |world: &World| {
        let calls = on_mirrors(world);
        calls
            .iter()
            .filter(|call| call.starts_with("clone"))
            .count()
    };
    assert_eq!(clones(&world), 2);
    // One that is no repository is none to fetch into either.
    fs::remove_file(mirror(&world, "repo").join("HEAD")).expect("there");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert_eq!(clones(&world), 1);
}

#[test]
fn a_mirror_that_cannot_be_cloned_leaves_nothing_behind() {
    let mut world = mirrored();
    world.set("BUILDKITE_CHECKOUT_ATTEMPTS", "1");
    world.git_rule(
        "case \"$*\" in 'clone --mirror'*) for last; do :; done; mkdir -p \"$last\"; exit 7;; esac\n",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 7, "{}", ended.log);
    let mirror = mirror(&world, "repo");
    assert!(!mirror.exists());
    // What somebody else makes there meanwhile is whole.
    world.git_rule("");
    world.git(".", &["clone", "-q", "--mirror", "repo", &text(&mirror)]);
    fs::write(mirror.join("of another"), "").expect("file");
    assert_eq!(world.run().code(), 0);
    assert!(mirror.join("of another").exists());
}

#[test]
fn jobs_that_need_the_same_mirror_at_once_clone_it_once() {
    let mut world = mirrored();
    world.git_rule("case \"$*\" in 'clone --mirror'*) echo cloning it;; esac\n");
    let mut first = world.start();
    first.wait_for("cloning it");
    world.set("BUILDKITE_AGENT_NAME", "agent-2");
    let second = world.start();
    assert_eq!((first.end().code(), second.end().code()), (0, 0));
    let clones = on_mirrors(&world);
    let clones = clones.iter().filter(|call| call.starts_with("clone"));
    assert_eq!(clones.count(), 1);
}

#[test]
fn a_clean_checkout_borrows_from_a_snapshot_that_goes_with_the_job() {
    let mut world = mirrored();
    let snapshots = world.path("mirrors/snapshots");
    world.set("BUILDKITE_CLEAN_CHECKOUT", "true").set(
        "BUILDKITE_COMMAND",
        "ls -d \"$BUILDKITE_REPO_MIRROR/objects\" && grep -q snapshots .git/objects/info/alternates",
    );
    let left = || fs::read_dir(&snapshots).map_or(0, Iterator::count);
    assert_eq!(world.run().code(), 0);
    assert_eq!(left(), 0);
    world.set("BUILDKITE_COMMAND", "exit 5");
    assert_eq!((world.run().code(), left()), (5, 0));
    // Whoever runs the command later still needs it.
    world.set("BUILDKITE_BOOTSTRAP_PHASES", "checkout");
    fs::remove_dir(&snapshots).expect("empty");
    assert_eq!(world.run().code(), 0);
    assert!(!snapshots.exists());
}

#[test]
fn a_snapshot_that_a_killed_job_left_goes_and_one_in_use_stays() {
    let mut world = mirrored();
    let snapshots = world.path("mirrors/snapshots");
    world.set("BUILDKITE_CLEAN_CHECKOUT", "true").set(
        "BUILDKITE_COMMAND",
        "echo $$ >\"$HOME/pid\"; echo ready; exec sleep 300",
    );
    let mut killed = world.start();
    killed.wait_for("\nready").signal(Signal::KILL);
    kill(&world.path("home/pid"));
    assert_eq!(killed.end().signal(), 9);
    world.set("BUILDKITE_AGENT_NAME", "agent-2");
    let mut waits = world.start();
    waits.wait_for("\nready");
    let used = names(&snapshots);
    assert_eq!(used.len(), 2, "one, and its lock: {used:?}");
    world
        .set("BUILDKITE_AGENT_NAME", "agent-3")
        .set("BUILDKITE_COMMAND", "true");
    assert_eq!(world.run().code(), 0);
    assert_eq!(names(&snapshots), used);
    waits.signal(Signal::TERM);
    assert_eq!(waits.end().signal(), 15);
    assert!(names(&snapshots).is_empty());
}

/// A world whose repository has a submodule, at this address.
fn with_submodule(address: &str) -> World {
    let mut world = mirrored();
    world.git(".", &["clone", "-q", "--bare", "repo", "dep"]);
    let dep = text(&world.path("dep"));
    world.git("repo", &["submodule", "--quiet", "add", &dep, "vendor/dep"]);
    let address = address.replace('~', &text(&world.path("")));
    let file = [("path", "vendor/dep"), ("url", &address)];
    let lines = file.map(|(name, value)| format!("\t{name} = {value}\n"));
    let text = format!("[submodule \"vendor/dep\"]\n{}", lines.concat());
    world.commit(&[(".gitmodules", &text)]);
    world.set("BUILDKITE_COMMAND", "cat vendor/dep/README");
    world
}

#[test]
fn submodules_have_mirrors_that_are_fetched_whole() {
    let mut world = with_submodule("~dep");
    world.set("BUILDKITE_GIT_MIRROR_CHECKOUT_MODE", "dissociate");
    let name = shown(&world, "dep");
    let update = "submodule update --init --recursive --force --reference";
    for wanted in [
        vec![format!("clone --mirror -v -- ~/dep {name}")],
        vec![
            format!("--git-dir {name} {URL}"),
            format!("--git-dir {name} fetch origin"),
        ],
    ] {
        let ended = world.run();
        assert!(
            ended.code() == 0 && ended.log.ends_with("one\n"),
            "{}",
            ended.log
        );
        let calls = world.calls();
        let update = format!("{update} {name} --dissociate");
        assert!(calls.contains(&update), "{calls:?}");
        let on_it = |call: &&String| call.contains(&name) && !call.starts_with("submodule");
        let calls: Vec<String> = calls.iter().filter(on_it).cloned().collect();
        assert_eq!(calls, wanted);
    }
}

#[test]
fn a_submodule_beside_its_repository_needs_no_mirror() {
    let world = with_submodule("../dep");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.ends_with("one\n"),
        "{}",
        ended.log
    );
    let plain = "submodule update --init --recursive --force".to_owned();
    assert!(world.calls().contains(&plain), "{}", ended.log);
}
