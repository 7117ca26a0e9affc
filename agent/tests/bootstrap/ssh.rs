//! SSH addresses: known hosts and keys, with stand-ins for the programs of OpenSSH.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::world::{World, kill, names};

/// A world whose repository is at an SSH address; cloning it fails after the scan.
fn remote() -> World {
    let mut world = World::new();
    world.write_program(
        "bin/ssh",
        "#!/bin/sh\necho hostname real.test\necho port 2222\n",
    );
    world.write_program(
        "bin/ssh-keyscan",
        "#!/bin/sh\necho \"$*\" >>\"$HOME/scans\"; echo '[real.test]:2222 ssh-ed25519 AAAA'\n",
    );
    world.git_rule("case \"$*\" in clone*) exit 3;; esac\n");
    world.set("BUILDKITE_REPO", "git@alias:fleet/oars.git");
    world.set("BUILDKITE_CHECKOUT_ATTEMPTS", "1");
    world
}

#[test]
fn an_unknown_host_is_scanned_once_by_its_real_name() {
    let world = remote();
    for _ in 0..2 {
        assert_eq!(world.run().code(), 3);
    }
    let known = world.path("home/.ssh/known_hosts");
    assert_eq!(
        fs::read_to_string(&known).expect("file"),
        "[real.test]:2222 ssh-ed25519 AAAA\n"
    );
    assert_eq!(
        fs::metadata(known).expect("file").permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::read_to_string(world.path("home/scans")).expect("scans"),
        "-p 2222 real.test\n"
    );
}

#[test]
fn nothing_is_scanned_where_scanning_is_off_or_fails() {
    let mut world = remote();
    world.set("BUILDKITE_SSH_KEYSCAN", "false");
    assert_eq!(world.run().code(), 3);
    world.set("BUILDKITE_SSH_KEYSCAN", "true");
    world.write_program("bin/ssh-keyscan", "#!/bin/sh\nexit 1\n");
    let ended = world.run();
    assert!(
        ended.log.contains("found no keys of real.test:2222"),
        "{}",
        ended.log
    );
    assert!(!world.path("home/.ssh/known_hosts").exists());
}

#[test]
fn a_key_is_lent_to_git_alone_and_taken_back() {
    let mut world = World::new();
    world.set("BUILDKITE_GIT_SSH_KEY", "the private key");
    world.git_rule(
        "case \"$*\" in clone*) set -- $GIT_SSH_COMMAND; stat -c %a \"$3\"; cat \"$3\"; \
         set -- clone -v -- \"$BUILDKITE_REPO\" .;; esac\n",
    );
    world.set("BUILDKITE_REDACTED_VARS", "NONE");
    world.set(
        "BUILDKITE_COMMAND",
        "echo \"left: $GIT_SSH_COMMAND.\"; ls -A ..",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(
        ended.log.contains("600\nthe private key\n"),
        "{}",
        ended.log
    );
    assert!(ended.log.ends_with("left: .\npipe\n"), "{}", ended.log);
}

#[test]
fn a_key_that_a_killed_executor_left_goes_with_the_next_job() {
    let mut world = World::new();
    world.set("BUILDKITE_GIT_SSH_KEY", "the private key");
    world.git_rule(
        "case \"$*\" in fetch*) echo $$ >\"$HOME/git\"; echo fetching; exec sleep 300;; esac\n",
    );
    let mut started = world.start();
    started.wait_for("\nfetching").signal(Signal::KILL);
    kill(&world.path("home/git"));
    assert_eq!(started.end().signal(), 9);
    let beside = world.checkout().join("..");
    assert_eq!(names(&beside).len(), 2, "{:?}", names(&beside));
    world.git_rule("");
    world.env.remove("BUILDKITE_GIT_SSH_KEY");
    world.set("BUILDKITE_COMMAND", "ls -A ..");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    assert!(ended.log.ends_with("\npipe\n"), "{}", ended.log);
    assert!(ended.log.contains("left its SSH key"), "{}", ended.log);
}

/// A world whose endpoint gives out credentials, asked for by this variable.
fn with_credentials(variable: &str, repository: &str) -> World {
    let mut world = remote();
    world
        .set(variable, "true")
        .set("BUILDKITE_REPO", repository);
    world
}

#[test]
fn git_asks_the_agent_for_credentials_where_the_endpoint_gives_them_out() {
    const OLDER: &str = "BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS";
    const NEWER: &str = "BUILDKITE_USE_REPOSITORY_PROVIDER_GIT_CREDENTIALS";
    const GITHUB: &str = "git@github.com:fleet/oars.git";
    const OTHER: &str = "git@alias:fleet/oars.git";
    // Variable, repository, whether addresses of GitHub are rewritten, whether the host is scanned.
    for (variable, repository, rewritten, scanned) in [
        (OLDER, GITHUB, true, false),
        (OLDER, OTHER, true, false),
        (NEWER, GITHUB, true, false),
        (NEWER, OTHER, false, true),
        ("NOT_ASKED", GITHUB, false, true),
    ] {
        let world = with_credentials(variable, repository);
        assert_eq!(world.run().code(), 3);
        let agent = env!("CARGO_BIN_EXE_agent");
        let helper = format!("config --global credential.helper !'{agent}' git-credentials-helper");
        let mut wanted = vec![
            "config --global credential.useHttpPath true".to_owned(),
            helper,
        ];
        if rewritten {
            let rewrite = "config --global url.https://github.com/.insteadOf git@github.com:";
            wanted.push(rewrite.to_owned());
        }
        let mut calls = world.calls();
        calls.retain(|call| call.starts_with("config --global"));
        let asked = variable != "NOT_ASKED";
        let wanted = if asked { wanted } else { Vec::new() };
        assert_eq!(calls, wanted, "{variable} {repository}");
        let scans = world.path("home/scans").exists();
        assert_eq!(scans, scanned, "{variable} {repository}");
    }
}

#[test]
fn a_hook_may_move_the_job_to_github_and_its_credentials_follow() {
    let mut world = with_credentials(
        "BUILDKITE_USE_REPOSITORY_PROVIDER_GIT_CREDENTIALS",
        "git@alias:fleet/oars.git",
    );
    fs::create_dir(world.path("hooks")).expect("folder");
    let hook = "export BUILDKITE_REPO=git@github.com:fleet/oars.git\n";
    world.write_program("hooks/environment", hook);
    let hooks = world.path("hooks").to_str().expect("text").to_owned();
    world.set("BUILDKITE_HOOKS_PATH", &hooks);
    assert_eq!(world.run().code(), 3);
    let rewrite = "config --global url.https://github.com/.insteadOf git@github.com:";
    assert!(world.calls().contains(&rewrite.to_owned()));
    assert!(!world.path("home/scans").exists());
}

#[test]
fn configuration_that_another_job_writes_is_waited_for() {
    let world = with_credentials("BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS", "x:y");
    let lock = world.path("home/.gitconfig.lock");
    fs::write(&lock, "").expect("lock");
    world.git_rule(
        "case \"$*\" in clone*) exit 3;; config*) echo x >>\"$HOME/tries\"; \
         [ $(wc -l <\"$HOME/tries\") -lt 3 ] || rm -f \"$HOME/.gitconfig.lock\";; esac\n",
    );
    let ended = world.run();
    assert_eq!(ended.code(), 3, "{}", ended.log);
    assert_eq!(
        world
            .calls()
            .iter()
            .filter(|c| c.contains("useHttpPath"))
            .count(),
        3
    );
}

#[test]
fn hosts_of_submodules_are_scanned_too() {
    let mut world = remote();
    world.git_rule("case \"$*\" in 'submodule update'*) exit 3;; esac\n");
    let address = "[submodule \"x\"]\n\tpath = x\n\turl = git@alias:fleet/x.git\n";
    world.commit(&[(".gitmodules", address)]);
    let repo = world.path("repo").to_str().expect("text").to_owned();
    world.set("BUILDKITE_REPO", &repo);
    assert_eq!(world.run().code(), 3);
    let scans = fs::read_to_string(world.path("home/scans")).expect("scans");
    assert_eq!(scans, "-p 2222 real.test\n");
}
