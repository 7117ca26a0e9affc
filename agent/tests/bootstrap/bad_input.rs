//! Hosts and jobs that cannot work: each is told what is wrong in words that help, ends with the right
//! status, and touches nothing outside of its own folders.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::world::{Ended, World};

/// One thing that is wrong.
struct Wrong {
    what: &'static str,
    /// Makes it so.
    prepare: fn(&mut World),
    status: i32,
    /// What the log says, in parts.
    says: &'static [&'static str],
}

const HOST: [Wrong; 9] = [
    Wrong {
        what: "no git",
        prepare: |world| tools(world, &["bash", "sh", "cat"]),
        status: 1,
        says: &["git is not installed or not in PATH", "install git"],
    },
    Wrong {
        what: "no shell for the command",
        prepare: |world| {
            world.set("BUILDKITE_SHELL", "/nowhere/bash -e -c");
        },
        status: 1,
        says: &["failed to run the command", "/nowhere/bash"],
    },
    Wrong {
        what: "no shell for hooks",
        prepare: |world| {
            hook(world, "environment", "true\n");
            world.set("BUILDKITE_HOOKS_SHELL", "/nowhere/bash -e");
        },
        status: 1,
        says: &["environment hook", "/nowhere/bash"],
    },
    Wrong {
        what: "neither bash nor sh for a hook",
        prepare: |world| {
            hook(world, "environment", "true\n");
            tools(world, &["git"]);
        },
        status: 1,
        says: &["neither bash nor sh is in PATH", "install one of them"],
    },
    Wrong {
        what: "a folder of hooks that cannot be looked into",
        prepare: |world| {
            let name = "long-".repeat(60);
            world.set("BUILDKITE_HOOKS_PATH", &format!("/tmp/{name}"));
        },
        status: 1,
        says: &["look for the hook", "correct the rights of the folder"],
    },
    Wrong {
        what: "a hook that kills its shell",
        prepare: |world| hook(world, "pre-command", "kill -9 $$\n"),
        status: 255,
        says: &["pre-command hook", "SIGKILL"],
    },
    Wrong {
        what: "a repository that is none",
        prepare: |world| {
            let folder = world.path("no-repository");
            fs::create_dir(&folder).expect("folder");
            world.set("BUILDKITE_REPO", folder.to_str().expect("text"));
        },
        status: 128,
        says: &[
            "no-repository' does not exist",
            "failed to check out: git clone",
        ],
    },
    Wrong {
        what: "a socket path that is too long",
        prepare: |world| {
            let folder = world.path(&format!("sockets/{}", "long-".repeat(20)));
            world.set("BUILDKITE_SOCKETS_PATH", folder.to_str().expect("text"));
        },
        status: 1,
        says: &["is longer than", "choose a shorter --sockets-path"],
    },
    Wrong {
        what: "a plugin that is nowhere",
        prepare: |world| {
            let folder = world.path("nowhere/one-buildkite-plugin");
            plugin(world, &format!("{}#v1", folder.display()));
        },
        status: 128,
        says: &["plugin one", "git clone", "does not exist"],
    },
];

/// References to plugins that want out, and how each is refused.
const PLUGINS: [(&str, &str); 9] = [
    ("--upload-pack=touch pwned/x/y", "could be taken for a flag"),
    (
        "ssh://-oProxyCommand=touch/pwned",
        "could be taken for a flag",
    ),
    (
        "github.com/a/b#--upload-pack=touch",
        "could be taken for a flag",
    ),
    ("ext::sh -c touch% pwned", "names no place"),
    ("ext://sh/-c/touch", "not fetched with ext:"),
    ("../..", "is no folder of the checked-out repository"),
    (
        "./../../../../home",
        "is no folder of the checked-out repository",
    ),
    ("github.com", "its path is incomplete"),
    ("host.test/a/b%0a--upload-pack=x", "control character"),
];

/// What git is asked for, and how it is refused.
const REFS: [(&str, &str); 7] = [
    ("BUILDKITE_COMMIT", "--upload-pack=touch pwned"),
    ("BUILDKITE_COMMIT", "a..b"),
    ("BUILDKITE_COMMIT", "HEAD^{/x}"),
    ("BUILDKITE_BRANCH", "--upload-pack=touch pwned"),
    ("BUILDKITE_REFSPEC", "--upload-pack='touch pwned' main"),
    ("BUILDKITE_REPO", "--upload-pack=touch pwned"),
    ("BUILDKITE_REPO", "ext::sh -c touch% pwned"),
];

/// Names of which the checkout's path is made.
const NAMES: [(&str, &str); 4] = [
    ("BUILDKITE_PIPELINE_SLUG", "../../../home"),
    ("BUILDKITE_PIPELINE_SLUG", "/tmp"),
    ("BUILDKITE_ORGANIZATION_SLUG", ".."),
    ("BUILDKITE_AGENT_NAME", "../../x"),
];

/// A world in which a job would do its work once, with temporary files of its own.
fn world() -> World {
    let mut world = World::new();
    for folder in ["hooks", "plugins", "sockets", "temporary"] {
        fs::create_dir(world.path(folder)).expect("folder");
    }
    for (name, folder) in [
        ("BUILDKITE_HOOKS_PATH", "hooks"),
        ("BUILDKITE_PLUGINS_PATH", "plugins"),
        ("BUILDKITE_SOCKETS_PATH", "sockets"),
        ("TMPDIR", "temporary"),
    ] {
        let path = world.path(folder);
        world.set(name, path.to_str().expect("text"));
    }
    world
        .set("BUILDKITE_COMMAND", "echo it \"ran\"")
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "1");
    world
}

fn hook(world: &mut World, name: &str, text: &str) {
    world.write_program(&format!("hooks/{name}"), text);
}

fn plugin(world: &mut World, reference: &str) {
    let list = format!("[{{{}:null}}]", quoted(reference));
    world.set("BUILDKITE_PLUGINS", &list);
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Leaves only these programs in `PATH`.
fn tools(world: &mut World, names: &[&str]) {
    let folder = world.path("tools");
    fs::create_dir(&folder).expect("folder");
    for name in names {
        let found = ["/usr/local/bin", "/usr/bin", "/bin"]
            .iter()
            .map(|place| Path::new(place).join(name))
            .find(|path| path.exists())
            .expect("the program is installed");
        symlink(found, folder.join(name)).expect("link");
    }
    world.set("PATH", folder.to_str().expect("text"));
}

/// Everything of a world but the folders in which a job works, with rights and content.
fn tree(world: &World) -> BTreeMap<PathBuf, (u32, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![world.path("")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            if ["builds", "calls", "plugins", "sockets"]
                .iter()
                .any(|own| path == world.path(own))
            {
                continue;
            }
            let about = path.symlink_metadata().expect("about");
            let mut content = DefaultHasher::new();
            if about.is_file() {
                fs::read(&path).expect("file").hash(&mut content);
            } else if about.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (about.permissions().mode(), content.finish()));
        }
    }
    found
}

/// Runs a job that must not run its command and must leave the rest of the world alone.
fn refused(world: &World, what: &str) -> Ended {
    let before = tree(world);
    let ended = world.run();
    assert!(!ended.log.contains("it ran"), "{what}: {}", ended.log);
    assert_eq!(tree(world), before, "{what}: {}", ended.log);
    assert!(!world.path("builds/pwned").exists(), "{what}");
    assert!(!world.checkout().join("pwned").exists(), "{what}");
    ended
}

#[test]
fn what_is_wrong_with_the_host_is_said_and_has_its_status() {
    thread::scope(|scope| {
        for wrong in &HOST {
            scope.spawn(|| {
                let mut world = world();
                (wrong.prepare)(&mut world);
                let ended = refused(&world, wrong.what);
                for part in wrong.says {
                    assert!(
                        ended.log.contains(part),
                        "{}, {part:?}: {}",
                        wrong.what,
                        ended.log
                    );
                }
                assert_eq!(ended.code(), wrong.status, "{}: {}", wrong.what, ended.log);
            });
        }
    });
}

#[test]
fn a_plugin_that_wants_out_is_refused() {
    thread::scope(|scope| {
        for (reference, says) in PLUGINS {
            scope.spawn(move || {
                let mut world = world();
                plugin(&mut world, reference);
                let ended = refused(&world, reference);
                assert!(ended.log.contains(says), "{reference}: {}", ended.log);
                assert_eq!(ended.code(), 1, "{reference}: {}", ended.log);
            });
        }
    });
}

#[test]
fn nothing_a_job_names_is_taken_for_a_flag_or_a_command_of_git() {
    thread::scope(|scope| {
        for (name, value) in REFS {
            scope.spawn(move || {
                let mut world = world();
                world.set(name, value);
                let ended = refused(&world, &format!("{name}={value}"));
                assert_ne!(ended.code(), 0, "{name}={value}: {}", ended.log);
                assert!(
                    ended.log.contains("failed to check out"),
                    "{name}={value}: {}",
                    ended.log
                );
            });
        }
    });
}

#[test]
fn the_checkout_stays_in_the_build_path_whatever_the_job_is_called() {
    for (name, value) in NAMES {
        let mut world = world();
        world.set(name, value);
        let before = tree(&world);
        let ended = world.run();
        assert_eq!(tree(&world), before, "{name}={value}: {}", ended.log);
        let status = if name == "BUILDKITE_AGENT_NAME" {
            0
        } else {
            125
        };
        assert_eq!(ended.code(), status, "{name}={value}: {}", ended.log);
    }
}

/// Root reads everything, unless it gives up the right to.
#[test]
fn a_hook_that_cannot_be_read_ends_the_job() {
    let mut world = world();
    hook(&mut world, "pre-command", "echo never\n");
    let file = world.path("hooks/pre-command");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("mode");
    let mut command = world.command();
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command
            .arg("--bounding-set=-dac_override,-dac_read_search")
            .args([env!("CARGO_BIN_EXE_agent"), "bootstrap"])
            .env_clear()
            .envs(&world.env)
            .current_dir(world.path("builds"));
    }
    let output = command.output().expect("run");
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(log.contains("read the agent pre-command hook"), "{log}");
    assert!(log.contains("let the agent's user read it"), "{log}");
    assert!(!log.contains("it ran") && !log.contains("never"), "{log}");
    assert_eq!(output.status.code(), Some(1), "{log}");
}

/// The disk of the builds holds a quarter of what is checked out.
#[test]
fn a_disk_that_is_full_is_said_by_git_and_fails_the_checkout() {
    let world = world();
    let mut state = 1_u64;
    let noise: String = (0..1 << 20)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b' ' + u8::try_from(state >> 58).expect("six bits"))
        })
        .collect();
    world.commit(&[("large", &noise)]);
    let builds = world.path("builds");
    let script =
        "mount -t tmpfs -o size=256k tmpfs \"$1\" && cd \"$1\" && exec \"$0\" bootstrap 2>&1";
    let before = tree(&world);
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .args([env!("CARGO_BIN_EXE_agent").as_ref(), builds.as_os_str()])
        .env_clear()
        .envs(&world.env)
        .output()
        .expect("unshare");
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("failed to check out: git "), "{log}");
    assert_eq!(output.status.code(), Some(128), "{log}");
    assert_eq!(tree(&world), before, "{log}");
}
