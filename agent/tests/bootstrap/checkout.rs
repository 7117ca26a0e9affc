//! Checkouts with the real git.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use crate::world::World;

const CLONE: &str = "clone -v -- ~/repo .";
const CLEAN: &str = "clean -ffxdq";
const URL: &str = "config --get-all remote.origin.url";

fn fetch(what: &str) -> String {
    format!("fetch -v --prune -- origin {what}")
}

fn tree(what: &str) -> String {
    format!("-c advice.detachedHead=false checkout -f {what}")
}

#[test]
fn a_fresh_checkout_is_cloned_cleaned_fetched_and_checked_out() {
    let mut world = World::new();
    let first = world.git("repo", &["rev-parse", "HEAD"]);
    world.commit(&[("README", "two\n")]);
    world
        .set("BUILDKITE_COMMIT", &first)
        .set("BUILDKITE_COMMAND", "cat README; pwd");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("one\n"), "{}", ended.log);
    assert!(
        ended.log.contains(world.checkout().to_str().expect("text")),
        "{}",
        ended.log
    );
    assert_eq!(
        world.calls(),
        [CLONE, CLEAN, &fetch(&first), &tree(&first), CLEAN]
    );
}

#[test]
fn an_existing_checkout_is_pointed_to_the_repository_and_left_clean() {
    let mut world = World::new();
    world.set(
        "BUILDKITE_COMMAND",
        "echo x >left-over; echo changed >README",
    );
    assert_eq!(world.run().code(), 0);
    world.git(".", &["clone", "-q", "--bare", "repo", "moved"]);
    let moved = world.path("moved").to_str().expect("text").to_owned();
    world
        .set("BUILDKITE_REPO", &moved)
        .set("BUILDKITE_COMMAND", "ls; cat README");
    world.calls();
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        !ended.log.contains("left-over") && ended.log.contains("one\n"),
        "{}",
        ended.log
    );
    let repointed = "remote set-url origin ~/moved";
    assert_eq!(
        world.calls(),
        [
            URL,
            repointed,
            CLEAN,
            &fetch("main"),
            &tree("FETCH_HEAD"),
            CLEAN
        ]
    );
}

#[test]
fn a_broken_checkout_is_removed_and_cloned_again() {
    let mut world = World::new();
    world.set("BUILDKITE_COMMAND", "true");
    assert_eq!(world.run().code(), 0);
    world.calls();
    fs::remove_file(world.checkout().join(".git/HEAD")).expect("break it");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("attempt 1 of 6"), "{}", ended.log);
    assert_eq!(world.calls()[..2], [URL, CLONE]);
}

#[test]
fn a_read_only_folder_does_not_stop_a_clean_checkout() {
    let mut world = World::new();
    world.set(
        "BUILDKITE_COMMAND",
        "mkdir -p cache/a; echo x >cache/a/b; chmod -R a-w cache",
    );
    assert_eq!(world.run().code(), 0);
    world
        .set("BUILDKITE_CLEAN_CHECKOUT", "true")
        .set("BUILDKITE_COMMAND", "ls");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        !ended.log.lines().any(|line| line.trim_end() == "cache"),
        "{}",
        ended.log
    );
}

#[test]
fn a_commit_that_cannot_be_asked_for_is_found_among_all_refs() {
    let mut world = World::new();
    let commit = world.commit(&[("README", "two\n")]);
    world.commit(&[("README", "three\n")]);
    let short = commit[..9].to_owned();
    world
        .set("BUILDKITE_COMMIT", &short)
        .set("BUILDKITE_COMMAND", "cat README");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.contains("two\n"),
        "{}",
        ended.log
    );
    let calls = world.calls();
    let everything = fetch("+refs/heads/*:refs/remotes/origin/* +refs/tags/*:refs/tags/*");
    assert_eq!(
        calls[2..5],
        [
            fetch(&short),
            "config remote.origin.fetch".into(),
            everything
        ]
    );
}

#[test]
fn submodules_come_along_unless_they_are_off() {
    let mut world = World::new();
    world.git(".", &["clone", "-q", "--bare", "repo", "dep"]);
    let dep = world.path("dep").to_str().expect("text").to_owned();
    world.git("repo", &["submodule", "--quiet", "add", &dep, "vendor/dep"]);
    world.commit(&[]);
    world.set("BUILDKITE_COMMAND", "cat vendor/dep/README");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.ends_with("one\n"),
        "{}",
        ended.log
    );
    world
        .set("BUILDKITE_GIT_SUBMODULES", "false")
        .set("BUILDKITE_CLEAN_CHECKOUT", "true");
    world.set("BUILDKITE_COMMAND", "ls vendor/dep | wc -l");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.trim_end().ends_with('0'),
        "{}",
        ended.log
    );
    assert!(
        ended.log.contains("Warning: the repository has submodules"),
        "{}",
        ended.log
    );
}

#[test]
fn a_step_that_fails_once_is_tried_again_in_place() {
    let mut world = World::new();
    world.git_rule(
        "case \"$*\" in *checkout*) [ -f \"$HOME/once\" ] || { : >\"$HOME/once\"; exit 1; };; esac\n",
    );
    world.set("BUILDKITE_COMMAND", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let clones = world
        .calls()
        .iter()
        .filter(|call| call.starts_with("clone"))
        .count();
    assert_eq!(clones, 1);
}

#[test]
fn the_last_failed_attempt_ends_the_job_with_gits_status() {
    let mut world = World::new();
    world
        .set("BUILDKITE_REPO", "/no/such/repository")
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1");
    world.set("BUILDKITE_COMMAND", "echo never");
    let ended = world.run();
    assert_eq!(ended.code(), 128);
    assert!(
        ended.log.contains("failed to check out: git clone"),
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("never"), "{}", ended.log);
}

#[test]
fn a_host_without_git_says_what_to_install_and_tries_once() {
    let mut world = World::new();
    let bin = world.path("empty");
    fs::create_dir(&bin).expect("folder");
    world
        .set("PATH", bin.to_str().expect("text"))
        .set("BUILDKITE_COMMAND", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 1);
    assert!(ended.log.contains("install git"), "{}", ended.log);
    assert!(
        ended.log.contains("attempt 1 of") && !ended.log.contains("attempt 2"),
        "{}",
        ended.log
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a limit that fits the host is measured on it"
)]
fn an_attempt_over_its_time_limit_starts_afresh() {
    let mut world = World::new();
    world.set("BUILDKITE_COMMAND", "cat README");
    let started = Instant::now();
    assert_eq!(world.run().code(), 0);
    // Several times what this host needs just now, so that only the attempt that hangs is over it;
    // should the host get slower meanwhile, there are more attempts.
    let limit = (started.elapsed() * 5).as_secs() + 1;
    fs::remove_dir_all(world.checkout()).expect("remove");
    world.calls();
    world.git_rule(
        "case \"$*\" in fetch*) [ -f \"$HOME/once\" ] || { : >\"$HOME/once\"; exec sleep 300; };; esac\n",
    );
    world.set("BUILDKITE_GIT_CHECKOUT_TIMEOUT", &limit.to_string());
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.ends_with("one\n"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("time limit"), "{}", ended.log);
    let calls = world.calls();
    assert!(
        calls.iter().filter(|call| *call == CLONE).count() > 1,
        "{calls:?}"
    );
    // Asked only where an earlier attempt left something.
    assert!(!calls.iter().any(|call| call == URL), "{calls:?}");
}

#[test]
fn a_job_may_skip_the_checkout_or_put_it_elsewhere() {
    let mut world = World::without_checkout("pwd; ls | wc -l");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.trim_end().ends_with('0'),
        "{}",
        ended.log
    );
    assert!(world.calls().is_empty());
    let place = world
        .path("elsewhere/deep")
        .to_str()
        .expect("text")
        .to_owned();
    world
        .set("BUILDKITE_SKIP_CHECKOUT", "false")
        .set("BUILDKITE_BUILD_CHECKOUT_PATH", &place);
    world.set("BUILDKITE_COMMAND", "pwd; cat README");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.contains(&format!("{place}\none\n")),
        "{}",
        ended.log
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let mut world = World::new();
    let file = world.path("file");
    fs::write(&file, "").expect("file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("mode");
    world.set("BUILDKITE_BUILD_PATH", file.to_str().expect("text"));
    let ended = world.run();
    assert_eq!(ended.code(), 1);
    assert!(ended.log.contains("prepare the folder"), "{}", ended.log);
}
