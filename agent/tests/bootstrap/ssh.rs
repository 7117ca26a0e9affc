//! SSH addresses: known hosts and keys, with stand-ins for the programs of OpenSSH.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::World;

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
