//! The environment that a hook leaves behind, with anything in it that an environment can hold: it
//! is read as it was written, and the difference that is found leads from one to the other.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use agent_hooks::{Change, Dump, difference};

/// Parts of environments.
pub(crate) const WORDS: &[&str] = &[
    "\0",
    "\0\0",
    "=",
    "A=",
    "A=1\0",
    "PATH=/bin\0",
    "_=x\0",
    "SHLVL=2\0",
    "PWD=/\0",
    "OLDPWD=/\0",
    "=C:=x\0",
    "BASH_FUNC_f%%=() {  :\n}\0",
    "BUILDKITE_HOOK_EXIT_STATUS=0\0",
    "BUILDKITE_HOOK_WORKING_DIR=/x\0",
    "\n",
    "A=\nB=2\0",
    "9=x\0",
    "a b=x\0",
    "\u{e9}=1\0",
];

/// Names that say nothing of what a hook did.
const PASSED_OVER: [&str; 6] = [
    "_",
    "SHLVL",
    "PWD",
    "BUILDKITE_HOOK_EXIT_STATUS",
    "BUILDKITE_HOOK_WORKING_DIR",
    "BUILDKITE_HOOK_BASH",
];

type Variables = BTreeMap<Vec<u8>, Vec<u8>>;

/// The input is two environments: what a shell got, an empty entry, and what it left.
pub(crate) fn check(data: &[u8]) {
    let middle = data.windows(2).position(|pair| pair == b"\0\0");
    let (before, after) = match middle {
        Some(at) => (&data[..=at], &data[at + 2..]),
        None => (&data[..0], data),
    };
    let (before, after) = (read(before), read(after));
    let changes = difference(before.iter(), &after, true);
    let mut reached = variables(&before);
    for (name, change) in changes {
        let name = name.as_encoded_bytes().to_vec();
        assert!(
            !PASSED_OVER.iter().any(|passed| passed.as_bytes() == name),
            "{name:?}"
        );
        match change {
            Change::Added(value) => {
                let old = reached.insert(name, value.as_encoded_bytes().to_vec());
                assert_eq!(old, None, "added, but it was there");
            }
            Change::Changed(value) => {
                let value = value.as_encoded_bytes().to_vec();
                let old = reached.insert(name, value.clone());
                assert!(
                    old.is_some_and(|old| old != value),
                    "changed, but it was the same"
                );
            }
            Change::Removed => assert!(reached.remove(&name).is_some(), "removed, but never there"),
        }
    }
    let mut wanted = variables(&after);
    reached.retain(|name, _| counts(name) || wanted.contains_key(name));
    wanted.retain(|name, _| counts(name) || reached.contains_key(name));
    for passed in PASSED_OVER {
        reached.remove(passed.as_bytes());
        wanted.remove(passed.as_bytes());
    }
    assert_eq!(reached, wanted);
}

/// Whether a shell keeps a variable of this name for as long as nobody removes it.
fn counts(name: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_name = !name[0].is_ascii_digit() && name.iter().all(plain);
    name != b"OLDPWD" && (is_name || name.starts_with(b"BASH_FUNC_"))
}

/// Reads, and compares with what the format says; what is written from it again is read the same.
fn read(bytes: &[u8]) -> Dump {
    let dump = Dump::parse(bytes);
    let mut wanted = Variables::new();
    for entry in bytes.split(|&byte| byte == 0) {
        // A name has at least one byte, which may be an equals sign.
        if let Some(at) = (1..entry.len()).find(|&at| entry[at] == b'=') {
            wanted.insert(entry[..at].to_vec(), entry[at + 1..].to_vec());
        }
    }
    assert_eq!(variables(&dump), wanted);
    assert_eq!(dump.is_empty(), wanted.is_empty());
    let mut written = Vec::new();
    for (name, value) in &wanted {
        written.extend([&name[..], b"=", value, b"\0"].concat());
    }
    assert_eq!(variables(&Dump::parse(&written)), wanted);
    dump
}

fn variables(dump: &Dump) -> Variables {
    let bytes = |text: &OsStr| text.as_encoded_bytes().to_vec();
    dump.iter()
        .map(|(name, value)| (bytes(name), bytes(value)))
        .collect()
}
