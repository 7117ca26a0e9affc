//! Wrapped hooks in real shells: what a hook did to its environment is what is read back.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use agent_hooks::{BASH, Change, Dump, Posix, WORKING_DIR, difference};
use proptest::prelude::*;
use tempfile::TempDir;

type Variables = BTreeMap<OsString, OsString>;

/// What became of a hook.
struct Left {
    /// Status of the wrapper; that of a signal plus 128.
    status: i32,
    /// What it wrote to its error output.
    error: String,
    dump: Dump,
    bash: bool,
    folder: Option<OsString>,
}

struct Host {
    dir: TempDir,
    shell: &'static str,
}

impl Host {
    fn new(shell: &'static str) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::create_dir(dir.path().join("deck")).expect("folder");
        Self { dir, shell }
    }

    fn run(&self, hook: &[u8], before: &Variables) -> Left {
        self.run_with(hook, before, Path::new("/usr/bin/env"), None)
    }

    fn run_with(&self, hook: &[u8], before: &Variables, env: &Path, own: Option<&Path>) -> Left {
        let path = |name: &str| self.dir.path().join(name);
        let (file, dump, json) = (path("it's a hook"), path("dump"), path("dump.json"));
        std::fs::write(&file, hook).expect("hook");
        std::fs::write(&dump, "").expect("dump");
        let text = Posix {
            shebang: None,
            hook: &file,
            before: None,
            env,
            dump: &dump,
            own: own.map(|own| (own, &*json)),
        };
        std::fs::write(path("wrapper"), text.text()).expect("wrapper");
        // Held open as the executor does: the hook may take away its rights.
        let mut held = std::fs::File::open(&dump).expect("dump");
        let output = Command::new(self.shell)
            .arg(path("wrapper"))
            .current_dir(self.dir.path())
            .env_clear()
            .envs(before)
            .stdin(Stdio::null())
            .output()
            .expect("shell");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut held, &mut bytes).expect("dump");
        let mut dump = match std::fs::read(&json) {
            Ok(json) if !json.is_empty() => Dump::parse_json(&json).expect("json"),
            _ => Dump::parse(&bytes),
        };
        let signal = output.status.signal().map(|signal| 128 + signal);
        Left {
            status: output.status.code().or(signal).expect("status"),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
            bash: dump.take(BASH).is_some_and(|version| !version.is_empty()),
            folder: dump.take(WORKING_DIR),
            dump,
        }
    }
}

impl Left {
    fn changes(&self, before: &Variables) -> BTreeMap<OsString, Change> {
        let before = before.iter().map(|(name, value)| (&**name, &**value));
        difference(before, &self.dump, self.bash)
    }
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let own = |text: &str| OsString::from(text);
    pairs.iter().map(|(n, v)| (own(n), own(v))).collect()
}

/// A hook that makes this of the environment, as text that every shell reads.
fn hook_that_makes(before: &Variables, after: &Variables) -> Vec<u8> {
    let mut text = b"set -u\n".to_vec();
    for (name, value) in after {
        text.extend(b"export ");
        text.extend(name.as_encoded_bytes());
        text.extend(b"='");
        let value = value.as_encoded_bytes();
        for (index, part) in value.split(|byte| *byte == b'\'').enumerate() {
            text.extend(if index == 0 { &b""[..] } else { b"'\\''" });
            text.extend(part);
        }
        text.extend(b"'\n");
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        text.extend([b"unset ", name.as_encoded_bytes(), b"\n"].concat());
    }
    text
}

fn wanted(before: &Variables, after: &Variables) -> BTreeMap<OsString, Change> {
    let names = before.keys().chain(after.keys()).cloned();
    let change = |name: &OsString| match (before.get(name), after.get(name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(_), Some(new)) => Some(Change::Changed(new.clone())),
        (None, Some(new)) => Some(Change::Added(new.clone())),
        (_, None) => Some(Change::Removed),
    };
    names
        .filter_map(|name| change(&name).map(|change| (name, change)))
        .collect()
}

/// Few names, so that they meet; any bytes that a value can hold.
fn environment() -> impl Strategy<Value = Variables> {
    let value = prop::collection::vec(1..=u8::MAX, 0..24);
    prop::collection::btree_map("V[A-E_0-9]{1,2}", value, 0..6).prop_map(|pairs| {
        let pairs = pairs.into_iter();
        pairs
            .map(|(name, value)| (name.into(), OsString::from_vec(value)))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_change_of_any_bytes_is_carried_over_exactly(before in environment(), after in environment()) {
        for shell in ["bash", "dash"] {
            let host = Host::new(shell);
            let left = host.run(&hook_that_makes(&before, &after), &before);
            prop_assert_eq!(left.status, 0, "{}", left.error);
            prop_assert_eq!(left.changes(&before), wanted(&before, &after), "{}", shell);
        }
    }
}

#[test]
fn a_shell_that_does_nothing_changes_nothing() {
    let odd = [
        ("PWD", "/elsewhere"),
        ("OLDPWD", "/no/such/folder"),
        ("SHLVL", "7"),
        ("_", "/bin/x"),
        ("A.B", "dots"),
        ("1ST", "digit"),
        ("BASH_FUNC_row%%", "() {  echo row\n}"),
        ("EMPTY", ""),
        ("LINES", "x\ny"),
    ];
    for shell in ["bash", "dash"] {
        for before in [variables(&odd), Variables::new()] {
            let left = Host::new(shell).run(b"true\n", &before);
            assert_eq!(left.changes(&before), BTreeMap::new(), "{shell}");
        }
    }
}

/// A hook, the status of its wrapper, and `KEPT` and the folder that are carried over, if any.
const ENDINGS: &[(&str, i32, Option<&str>)] = &[
    ("export KEPT=1", 0, Some("1")),
    ("export KEPT=1; return 0; export KEPT=2", 0, Some("1")),
    ("export KEPT=1; return 7", 7, Some("1")),
    ("export KEPT=1; false", 1, Some("1")),
    ("export KEPT=1; exit 0", 0, None),
    ("export KEPT=1; exit 9", 9, None),
    ("set -e; export KEPT=1; false; true", 1, None),
    ("export KEPT=1; exec true", 0, None),
    ("export KEPT=1; kill -KILL $$", 128 + 9, None),
    ("export KEPT=1; kill -TERM $$", 128 + 15, None),
    (
        "export KEPT=1; trap 'export KEPT=2; exit 4' EXIT",
        4,
        Some("1"),
    ),
    ("readonly KEPT=1; export KEPT", 0, Some("1")),
    ("set -C; set -u; unset PWD; export KEPT=1", 0, Some("1")),
    ("umask 777; export KEPT=1", 0, Some("1")),
    ("IFS=01234; export KEPT=1; return 10", 10, Some("1")),
    ("PATH=/nowhere; export PATH KEPT=1", 0, Some("1")),
    ("exec >/dev/null 2>&1; export KEPT=1", 0, Some("1")),
    ("(export KEPT=2; exit 3); export KEPT=1", 0, Some("1")),
    (
        "alias exit=true set=false; export KEPT=1; return 6",
        6,
        Some("1"),
    ),
    (
        "exec 3<&- 9<&- 0<&-; [ -z \"$BASH_VERSION\" ] || eval 'exec 255<&-'; export KEPT=1",
        0,
        Some("1"),
    ),
];

#[test]
fn each_way_to_end_keeps_or_loses_what_it_did() {
    for shell in ["bash", "dash"] {
        for (hook, status, kept) in ENDINGS {
            let left = Host::new(shell).run(hook.as_bytes(), &Variables::new());
            let found = left.dump.get("KEPT").and_then(OsStr::to_str);
            let claim = format!("{shell}: {hook}: {}", left.error);
            assert_eq!((left.status, found), (*status, *kept), "{claim}");
            assert_eq!(left.dump.is_empty(), kept.is_none(), "{claim}");
        }
    }
}

#[test]
fn the_folder_is_where_the_hook_ended() {
    for shell in ["bash", "dash"] {
        let host = Host::new(shell);
        let root = host.dir.path().canonicalize().expect("path");
        let left = host.run(
            b"cd deck\n",
            &variables(&[("PWD", root.to_str().expect("text"))]),
        );
        assert_eq!(left.folder, Some(root.join("deck").into()), "{shell}");
    }
}

#[test]
fn functions_are_added_and_removed_by_bash_alone() {
    let none = Variables::new();
    let hook = b"row() { echo \"rowing $1\"; }\nexport -f row\n";
    let left = Host::new("bash").run(hook, &none);
    let changes = left.changes(&none);
    let Some(Change::Added(body)) = changes.get(OsStr::new("BASH_FUNC_row%%")) else {
        panic!("{changes:?}");
    };
    let before = Variables::from([("BASH_FUNC_row%%".into(), body.clone())]);
    for (shell, hook, removed) in [
        ("bash", "unset -f row", true),
        ("bash", "row hard", false),
        ("dash", "true", false),
    ] {
        let left = Host::new(shell).run(hook.as_bytes(), &before);
        let changes = left.changes(&before);
        let wanted = removed.then_some(&Change::Removed);
        assert_eq!(changes.values().next(), wanted, "{shell}: {hook}");
    }
}

#[test]
fn a_traced_hook_leaves_the_wrapper_out_of_the_log() {
    for shell in ["bash", "dash"] {
        for option in ["x", "v", "xv"] {
            let hook = format!("set -{option}\nexport A=1\n");
            let left = Host::new(shell).run(hook.as_bytes(), &Variables::new());
            assert!(left.error.contains("A=1"), "{}", left.error);
            assert!(!left.error.contains("HOOK"), "{}", left.error);
        }
    }
}

#[test]
fn the_agent_writes_the_environment_where_env_cannot() {
    let host = Host::new("bash");
    let program = |name: &str, text: &str| {
        let path = host.dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("program");
        let mut rights = path.metadata().expect("file").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
        std::fs::set_permissions(&path, rights).expect("rights");
        path
    };
    let old = program("old-env", "echo 'unknown option' >&2; exit 1");
    let own = program("own", r#"printf '{"ARGS":"%s","KEPT":"%s"}' "$*" "$KEPT""#);
    let none = Variables::new();
    let left = host.run_with(b"export KEPT=1\n", &none, &old, Some(&own));
    assert_eq!((left.status, &*left.error), (0, ""));
    let wanted = variables(&[("ARGS", "env dump"), ("KEPT", "1")]);
    assert_eq!(left.dump, wanted.into_iter().collect());

    std::fs::remove_file(host.dir.path().join("dump.json")).expect("file");
    for own in [None, Some(&*old)] {
        let left = host.run_with(b"export KEPT=1\n", &none, &old, own);
        assert_eq!(left.status, 125);
        for text in ["unknown option", "changed cannot be written down"] {
            assert!(left.error.contains(text), "{}", left.error);
        }
        let _ = std::fs::remove_file(host.dir.path().join("dump.json"));
    }
}
