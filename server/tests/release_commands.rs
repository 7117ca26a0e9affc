//! The release commands as a person and a script meet them.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with the files of a release, and a data folder.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["linux-x86_64", "windows-x86_64"] {
            let exe = if name.starts_with("windows") {
                ".exe"
            } else {
                ""
            };
            for file in ["launcher", "agent"] {
                let path = folder.path().join(format!("dist/{name}/{file}{exe}"));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, format!("{file} for {name}")).unwrap();
            }
        }
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        std::fs::write(folder.path().join("plugins/hello.so"), "hello").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `trireme-server release …`: exit code, standard output, standard error.
    fn run(&self, line: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_trireme-server"))
            .arg("release")
            .args(line)
            .env("TRIREME_DATA_DIR", self.path("data"))
            .env_remove("TRIREME_RELEASE_PLAIN")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code();
        (code, text(&output.stdout), text(&output.stderr))
    }

    fn good(&self, line: &[&str]) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!(code, Some(0), "{line:?}: {err}");
        out
    }

    fn publish(&self, version: &str, more: &[&str]) -> String {
        let line = [
            "publish",
            "--version",
            version,
            "--launcher",
            "dist/linux-x86_64/launcher",
            "--agent",
            "dist/linux-x86_64/agent",
            "--target",
            "linux-x86_64",
        ];
        self.good(&[&line, more].concat())
    }

    fn json(&self, line: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.good(line)).unwrap()
    }
}

#[test]
fn one_command_publishes_for_several_platforms() {
    let desk = Desk::new();
    let line = "publish --version 1.0.0 --launcher dist/{target}/launcher{exe} \
                --agent dist/{target}/agent{exe} --target linux-x86_64 --target windows-x86_64";
    let said = desk.good(&line.split_whitespace().collect::<Vec<_>>());
    assert!(said.contains("as serial 1"), "{said}");
    let shown = desk.json(&["show", "--json"]);
    for release in shown["manifest"]["releases"].as_array().unwrap() {
        assert_eq!(release["targets"].as_array().unwrap().len(), 2, "{release}");
    }
    assert_eq!(shown["root"]["release_threshold"], 1);
}

#[test]
fn plugins_are_a_part_of_the_release() {
    let desk = Desk::new();
    let said = desk.publish("1.0.0", &["--plugins", "plugins", "--security"]);
    assert!(said.contains("plugins   linux-x86_64"), "{said}");
    let list = desk.good(&["list"]);
    assert!(list.contains("plugins   1.0.0  seq 1  security"), "{list}");
    let newest = &desk.json(&["list", "--json"])[0]["newest"];
    assert_eq!(newest.as_array().unwrap().len(), 3);
}

#[test]
fn keys_are_made_rotated_and_shown() {
    let desk = Desk::new();
    let made = desk.good(&["init-keys", "--root-keys", "3", "--root-threshold", "2"]);
    assert!(
        made.contains("2 root and 1 release signatures needed"),
        "{made}"
    );
    desk.publish("1.0.0", &[]);
    let shown = desk.json(&["show", "--json"]);
    let keys = shown["root"]["keys"].as_array().unwrap();
    let release = keys.iter().find(|key| key["role"] == "release").unwrap();
    let id = release["id"].as_str().unwrap();
    let rotate = ["rotate", "--new-release-keys", "1", "--drop-key", id];
    let said = desk.good(&rotate);
    for part in [
        "trust root 2 published",
        "stable: signed anew as serial 2",
        "to be destroyed",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!desk.good(&["show"]).contains(id));
    let (code, _, said) = desk.run(&rotate);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("the trust root was not changed") && said.contains(id),
        "{said}"
    );
}

#[test]
fn a_version_is_taken_back_and_hosts_may_go_back() {
    let desk = Desk::new();
    desk.publish("1.0.0", &[]);
    std::fs::write(desk.path("dist/linux-x86_64/agent"), "worse").unwrap();
    desk.publish("1.1.0", &[]);
    let line = ["revoke", "1.1.0", "--allow-downgrade", "agent:1:loses logs"];
    let said = desk.good(&line);
    assert!(said.contains("agent 1.1.0 for linux-x86_64"), "{said}");
    let shown = desk.good(&["show"]);
    for part in ["REVOKED", "agent may go back to seq 1: loses logs"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(
        desk.good(&["renew", "--expires-in", "30d"])
            .contains("serial 4")
    );
}

#[test]
fn a_bundle_is_one_file_and_twice_the_same() {
    let desk = Desk::new();
    desk.publish("1.0.0", &[]);
    for name in ["a.zip", "b.zip"] {
        let said = desk.good(&["export", "--out", name, "--target", "linux-x86_64"]);
        assert!(
            said.starts_with(name) && said.contains("serial 1, 2 files"),
            "{said}"
        );
    }
    let read = |name: &str| std::fs::read(desk.path(name)).unwrap();
    assert_eq!(read("a.zip"), read("b.zip"));
}

#[test]
fn a_key_command_that_fails_is_quoted_and_nothing_is_published() {
    let desk = Desk::new();
    let public = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
    desk.good(&["init-keys", "--release-public", public]);
    let place = "dist/linux-x86_64/agent";
    let publish = [
        "publish",
        "--version",
        "1",
        "--launcher",
        place,
        "--agent",
        place,
    ];
    let command = ["--key-command", "exit 7", "--plain"];
    let (code, out, said) = desk.run(&[&publish[..], &command].concat());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(said.contains("`exit 7` failed: exit status: 7"), "{said}");
    assert_eq!(desk.good(&["list"]), "nothing was published\n");
}

#[test]
fn what_is_written_wrong_is_said_with_what_would_be_right() {
    let desk = Desk::new();
    let publish = [
        "publish",
        "--version",
        "1",
        "--launcher",
        "l",
        "--agent",
        "a",
    ];
    for (more, code, part) in [
        (&["--target", "linux"][..], 64, "linux-x86_64"),
        (&["--expires-in", "3w"], 64, "30d"),
        (&["--delta-from", "33"], 64, "33"),
        (&["--min-from-seq", "12"], 64, "agent:12"),
        (
            &["--allow-downgrade", "agent:1"],
            64,
            "COMPONENT:SEQ:REASON",
        ),
        (
            &["--allow-downgrade", "server:1:x"],
            64,
            "launcher, agent, plugins",
        ),
        (&["--channel", "blobs"], 1, "no channel"),
        (&["--target", "a-b", "--target", "a-c"], 1, "{target}"),
        (&[], 1, "cannot read l"),
    ] {
        let (found, _, said) = desk.run(&[&publish, more].concat());
        assert_eq!(found, Some(code), "{more:?}: {said}");
        assert!(said.contains(part), "{more:?}: {said}");
    }
    for line in [
        &["renew"][..],
        &["rotate"],
        &["revoke", "1"],
        &["export", "--out", "x"],
    ] {
        let desk = Desk::new();
        let (code, _, said) = desk.run(line);
        assert_eq!(code, Some(1), "{line:?}");
        assert!(said.contains("--data-dir"), "{line:?}: {said}");
        assert!(!desk.path("data").exists(), "{line:?}: a folder was made");
        std::fs::create_dir(desk.path("data")).unwrap();
        let (code, _, said) = desk.run(line);
        assert_eq!(code, Some(1), "{line:?}");
        assert!(said.contains("init-keys"), "{line:?}: {said}");
    }
}
