//! Checkouts that fail, are tried again, or are asked to do harm.

use std::fs;
use std::thread;

use crate::world::World;

/// What one failing call of git leads to, when there are two attempts.
#[derive(Clone, Copy)]
struct Trouble {
    /// The call, as a shell pattern of its arguments.
    call: &'static str,
    prints: &'static str,
    status: i32,
    /// How often the job clones in all.
    clones: usize,
}

const fn trouble(call: &'static str, prints: &'static str, status: i32) -> Trouble {
    Trouble {
        call,
        prints,
        status,
        clones: 1,
    }
}

const fn afresh(trouble: Trouble) -> Trouble {
    Trouble {
        clones: 2,
        ..trouble
    }
}

const TROUBLES: [Trouble; 10] = [
    afresh(trouble("clone*", "no space", 128)),
    afresh(trouble("clean*", "", 1)),
    afresh(trouble("fetch*", "fatal: odd", 128)),
    afresh(trouble("fetch*", "fatal: bad object 0123", 1)),
    afresh(trouble("fetch*", "error: upload-pack: not our ref 0123", 1)),
    trouble("fetch*", "fatal: couldn't find remote ref main", 128),
    trouble("fetch*", "", 1),
    afresh(trouble(
        "*checkout*",
        "fatal: Unable to create 'index.lock'",
        128,
    )),
    trouble("*checkout*", "fatal: reference is not a tree: 0123", 128),
    trouble("*checkout*", "error: odd", 1),
];

impl Trouble {
    /// Runs a job in which the call fails once.
    fn happens_once(&self) {
        let Self {
            call,
            prints,
            status,
            clones,
        } = self;
        let mut world = World::new();
        world.git_rule(&format!(
            "case \"$*\" in {call}) [ -f \"$HOME/once\" ] || \
             {{ : >\"$HOME/once\"; echo \"{prints}\" >&2; exit {status}; }};; esac\n"
        ));
        world
            .set("BUILDKITE_CHECKOUT_ATTEMPTS", "2")
            .set("BUILDKITE_COMMAND", "cat README");
        let ended = world.run();
        assert_eq!(ended.code(), 0, "{call} {prints}\n{}", ended.log);
        let calls = world.calls();
        let cloned = calls.iter().filter(|call| call.starts_with("clone"));
        assert_eq!(cloned.count(), *clones, "{call} {prints}: {calls:?}");
        assert!(ended.log.contains("attempt 1 of 2"), "{}", ended.log);
    }
}

#[test]
fn what_fails_once_is_tried_again_from_where_it_can_help() {
    thread::scope(|scope| {
        for trouble in &TROUBLES {
            scope.spawn(|| trouble.happens_once());
        }
    });
}

#[test]
fn the_last_failed_attempt_leaves_nothing_broken_behind() {
    for (call, left) in [("fetch*", false), ("*reset*", true)] {
        let mut world = World::new();
        world.git_rule(&format!("case \"$*\" in {call}) exit 128;; esac\n"));
        world
            .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1")
            .set("BUILDKITE_COMMAND", "true");
        let ended = world.run();
        assert_eq!(ended.code() == 128, !left, "{}", ended.log);
        assert!(world.checkout().exists());
        assert_eq!(world.checkout().join(".git").exists(), left, "{call}");
    }
}

#[test]
fn a_lock_that_a_killed_job_left_is_got_rid_of() {
    let mut world = World::new();
    world.set("BUILDKITE_COMMAND", "cat README");
    assert_eq!(world.run().code(), 0);
    fs::write(world.checkout().join(".git/index.lock"), "").expect("lock");
    let ended = world.run();
    assert!(
        ended.code() == 0 && ended.log.ends_with("one\n"),
        "{}",
        ended.log
    );
}

#[test]
fn a_signal_that_ends_git_ends_the_checkout() {
    let mut world = World::new();
    world.git_rule("case \"$*\" in fetch*) kill -9 $$;; esac\n");
    world.set("BUILDKITE_COMMAND", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 255, "{}", ended.log);
    assert!(ended.log.contains("SIGKILL"), "{}", ended.log);
    assert!(!ended.log.contains("attempt 2"), "{}", ended.log);
}

/// What would have been run, had git taken a value for a flag.
const HARM: &str = "--upload-pack=touch $HOME/harm;";

#[test]
fn a_value_is_never_a_flag_of_git() {
    let hostile = [
        ("BUILDKITE_REPO", HARM),
        ("BUILDKITE_REPO", "ext::sh -c touch% $HOME/harm"),
        ("BUILDKITE_REPO", "-oProxyCommand=touch${IFS}$HOME/harm:x"),
        ("BUILDKITE_REPO", "ssh://-oProxyCommand=touch${IFS}harm/x"),
        ("BUILDKITE_BRANCH", HARM),
        ("BUILDKITE_COMMIT", HARM),
        ("BUILDKITE_COMMIT", "--output=harm"),
        ("BUILDKITE_COMMIT", "main..HEAD"),
        ("BUILDKITE_REFSPEC", "'--upload-pack=touch $HOME/harm;'"),
        ("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "--stdin"),
        ("BUILDKITE_PULL_REQUEST", "../../x --upload-pack=touch"),
    ];
    for mirrors in [false, true] {
        for (variable, value) in hostile {
            let mut world = World::new();
            let folder = world.path("mirrors").to_str().expect("text").to_owned();
            let home = world.env["HOME"].clone();
            if mirrors {
                world.set("BUILDKITE_GIT_MIRRORS_PATH", &folder);
            }
            world
                .set("BUILDKITE_PIPELINE_PROVIDER", "github")
                .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1")
                .set("BUILDKITE_COMMAND", "true")
                .set("BUILDKITE_SSH_KEYSCAN", "false")
                .set(variable, &value.replace("$HOME", &home));
            // Whatever waits for a ref of a pull request would wait long.
            world.git_rule("case \"$*\" in *../../x*) exit 128;; esac\n");
            let ended = world.run();
            let sparse = variable.contains("SPARSE");
            assert_eq!(ended.code() == 0, sparse, "{value}\n{}", ended.log);
            assert!(!world.path("home/harm").exists(), "{variable}={value}");
            assert!(!world.checkout().join("harm").exists(), "{value}");
        }
    }
}

#[test]
fn a_file_is_no_commit_but_a_tag_of_its_name_is_one() {
    let mut world = World::new();
    let first = world.git("repo", &["rev-parse", "HEAD"]);
    world.commit(&[("v1", "two\n")]);
    world
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1")
        .set("BUILDKITE_REFSPEC", "main")
        .set("BUILDKITE_COMMAND", "cat v1 || cat README");
    for commit in ["README", "v1", "READ*", "*"] {
        world.set("BUILDKITE_COMMIT", commit);
        let ended = world.run();
        assert_eq!(ended.code(), 1, "{commit}: {}", ended.log);
        let wanted = format!("\"{commit}\" is not the name of a commit");
        assert!(ended.log.contains(&wanted), "{commit}: {}", ended.log);
    }
    world.git("repo", &["tag", "v1", &first]);
    world
        .set("BUILDKITE_COMMIT", "v1")
        .set("BUILDKITE_CLEAN_CHECKOUT", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.ends_with("\none\n"), "{}", ended.log);
}

#[test]
fn an_existing_checkout_is_not_pointed_to_a_flag() {
    let mut world = World::new();
    world.set("BUILDKITE_COMMAND", "true");
    assert_eq!(world.run().code(), 0);
    world.set("BUILDKITE_REPO", "--delete");
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    assert!(
        ended.log.contains("not the address of a repository"),
        "{}",
        ended.log
    );
}

#[test]
fn a_commit_of_a_checkout_hook_is_never_a_flag_either() {
    let mut world = World::new();
    fs::create_dir(world.path("hooks")).expect("folder");
    world.write_program("hooks/checkout", "git clone -q \"$BUILDKITE_REPO\" .\n");
    let hooks = world.path("hooks").to_str().expect("text").to_owned();
    let output = world.path("home/harm");
    world
        .set("BUILDKITE_HOOKS_PATH", &hooks)
        .set("BUILDKITE_COMMIT_RESOLVED", "false")
        .set("BUILDKITE_AGENT_ACCESS_TOKEN", "the job's token")
        .set(
            "BUILDKITE_COMMIT",
            &format!("--output={}", output.display()),
        )
        .set("BUILDKITE_COMMAND", "true");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(!output.exists());
}

#[test]
fn a_hook_that_sets_what_makes_no_sense_is_told_so() {
    const SPARSE: &str = "export BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS=hull \
                          BUILDKITE_GIT_SPARSE_CHECKOUT_MODE=";
    let sparse = format!("{SPARSE}nocone");
    let mended = format!("{SPARSE}nocone; [ -z \"$ONCE\" ] || {SPARSE}no-cone; export ONCE=1");
    for (hook, error) in [
        (
            "export BUILDKITE_BUILD_CHECKOUT_PATH=",
            "BUILDKITE_BUILD_CHECKOUT_PATH is empty",
        ),
        (&sparse, "\"nocone\", which is not cone or no-cone"),
        (&mended, ""),
        ("export BUILDKITE_GIT_SPARSE_CHECKOUT_MODE=nocone", ""),
        ("export BUILDKITE_GIT_MIRROR_CHECKOUT_MODE=odd", ""),
        (
            "export BUILDKITE_GIT_COMMIT_VERIFICATION=yes",
            "\"yes\", which is not off, warn or strict",
        ),
        (
            "export BUILDKITE_GIT_FETCH_FLAGS=\"-v '\"",
            "BUILDKITE_GIT_FETCH_FLAGS) cannot be split",
        ),
        ("export BUILDKITE_GIT_SUBMODULES=perhaps", ""),
    ] {
        let mut world = World::new();
        fs::create_dir(world.path("hooks")).expect("folder");
        for name in ["environment", "pre-checkout"] {
            world.write_program(&format!("hooks/{name}"), hook);
        }
        let hooks = world.path("hooks").to_str().expect("text").to_owned();
        world
            .set("BUILDKITE_HOOKS_PATH", &hooks)
            .set("BUILDKITE_COMMAND", "true");
        let ended = world.run();
        let wanted = i32::from(!error.is_empty());
        assert_eq!(ended.code(), wanted, "{hook}: {}", ended.log);
        assert!(ended.log.contains(error), "{hook}: {}", ended.log);
        assert!(!ended.log.contains("attempt 1"), "{hook}: {}", ended.log);
    }
}

#[test]
fn a_folder_that_is_no_repository_is_said_to_be_none() {
    let mut world = World::new();
    fs::create_dir(world.path("empty")).expect("folder");
    let empty = world.path("empty").to_str().expect("text").to_owned();
    world
        .set("BUILDKITE_REPO", &empty)
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1")
        .set("BUILDKITE_COMMAND", "echo never");
    let ended = world.run();
    assert_eq!(ended.code(), 128);
    assert!(ended.log.contains("does not"), "{}", ended.log);
    assert!(!ended.log.contains("never\n"), "{}", ended.log);
}

#[test]
fn a_full_disk_fails_the_checkout_and_says_so() {
    let mut world = World::new();
    let numbers: Vec<String> = (0..100_000_u32).map(|number| number.to_string()).collect();
    world.commit(&[("LARGE", &numbers.join("\n"))]);
    world
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1")
        .set("BUILDKITE_COMMAND", "echo never");
    let builds = world.path("builds");
    let output = world.run_with_mounts(&format!(
        "mount -t tmpfs -o size=200k tmpfs '{0}' && cd '{0}'",
        builds.display()
    ));
    let log = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(128), "{said} {log}");
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("checkout failed: git clone"), "{log}");
    assert!(!log.contains("never\n"), "{log}");
}
