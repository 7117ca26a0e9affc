//! Whether the commit is on its branch.

use crate::world::World;

/// A world with a second commit on `main` and one on `side`; answers (the first one, that of side).
fn branches() -> (World, String, String) {
    let mut world = World::new();
    let first = world.git("repo", &["rev-parse", "HEAD"]);
    world.git("repo", &["checkout", "-q", "-b", "side"]);
    let side = world.commit(&[("SIDE", "x\n")]);
    world.git("repo", &["checkout", "-q", "main"]);
    for number in 0..60 {
        world.commit(&[("README", &format!("{number}\n"))]);
    }
    world.set("BUILDKITE_COMMAND", "echo ran it");
    world.set("BUILDKITE_GIT_COMMIT_VERIFICATION", "strict");
    (world, first, side)
}

#[test]
fn a_commit_off_its_branch_fails_at_once_or_is_warned_about() {
    let (mut world, _, side) = branches();
    world.set("BUILDKITE_COMMIT", &side);
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    assert!(ended.log.contains("is not on branch main"), "{}", ended.log);
    assert!(
        !ended.log.contains("ran it") && !ended.log.contains("attempt 2"),
        "{}",
        ended.log
    );
    world.set("BUILDKITE_GIT_COMMIT_VERIFICATION", "warn");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("Warning: commit"), "{}", ended.log);
}

#[test]
fn a_shallow_history_is_deepened_until_it_can_answer() {
    let (mut world, first, side) = branches();
    let address = format!("file://{}", world.path("repo").display());
    world
        .set("BUILDKITE_REPO", &address)
        .set("BUILDKITE_COMMIT", &first);
    world.set("BUILDKITE_GIT_CLONE_FLAGS", "--depth=1");
    world.set("BUILDKITE_GIT_FETCH_FLAGS", "--depth=1");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let calls = world.calls();
    assert!(
        calls.iter().any(|call| call.contains("fetch --unshallow")),
        "{calls:?}"
    );
    world
        .set("BUILDKITE_COMMIT", &side)
        .set("BUILDKITE_CLEAN_CHECKOUT", "true");
    assert_eq!(world.run().code(), 1);
}

#[test]
fn a_branch_that_cannot_be_fetched_is_only_warned_about() {
    let (mut world, first, _) = branches();
    world
        .set("BUILDKITE_COMMIT", &first)
        .set("BUILDKITE_BRANCH", "gone");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.contains("it is not known"), "{}", ended.log);
}

/// The calls of git that verify.
fn verifying(world: &World) -> Vec<String> {
    let mut calls = world.calls();
    calls.retain(|call| call.contains("commit-verification") || call.starts_with("merge-base"));
    calls
}

#[test]
fn only_a_commit_that_claims_a_branch_is_verified() {
    let rows = [
        ("BUILDKITE_BRANCH", "main", true),
        ("BUILDKITE_COMMIT", "HEAD", false),
        ("BUILDKITE_TAG", "v1", false),
        ("BUILDKITE_PULL_REQUEST", "7", false),
        ("BUILDKITE_REFSPEC", "main", false),
        ("BUILDKITE_GIT_COMMIT_VERIFICATION", "off", false),
        ("BUILDKITE_GIT_COMMIT_VERIFICATION", "", false),
    ];
    let (mut world, first, _) = branches();
    world.set("BUILDKITE_COMMIT", &first);
    for (variable, value, wanted) in rows {
        let before = world.env.clone();
        world.set(variable, value);
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{variable}={value}\n{}", ended.log);
        assert_eq!(!verifying(&world).is_empty(), wanted, "{variable}={value}");
        world.env = before;
    }
}

#[test]
fn the_tip_is_that_of_the_branch_and_fetched_without_cutting_flags() {
    const TIP: &str = "refs/buildkite-agent/commit-verification-branch-tip";
    let (mut world, first, side) = branches();
    // A tag of the same name would win over the branch.
    world.git("repo", &["tag", "main", &side]);
    world
        .set("BUILDKITE_COMMIT", &first)
        .set("BUILDKITE_GIT_FETCH_FLAGS", "-v --dept 5 --dry");
    let tip = world.git("repo", &["rev-parse", "refs/heads/main"]);
    assert_eq!(world.run().code(), 0);
    assert_eq!(
        verifying(&world),
        [
            format!("fetch -v -- origin +refs/heads/main:{TIP}"),
            format!("rev-parse {TIP}"),
            format!("merge-base --is-ancestor {first} {tip}"),
            format!("update-ref -d {TIP}"),
        ]
    );
    world.set("BUILDKITE_COMMIT", &side);
    assert_eq!(world.run().code(), 1);
}
