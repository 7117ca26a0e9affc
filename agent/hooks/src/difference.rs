//! What a hook changed in the environment.
//!
//! Nobody looks at the environment when a hook begins, for that costs a process: what the shell
//! got is known. So whatever a shell does to its environment by itself must not count as a change.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::{Dump, wrapper};

/// What became of one variable.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new, with this value.
    Added(OsString),
    /// It has another value now.
    Changed(OsString),
    /// It is gone.
    Removed,
}

/// Not the hook's doing: what shells keep up themselves (the last word of a command, how deep shells
/// are nested, the working directory, which is carried over on its own), and what the wrapper adds.
const NOT_OF_THE_HOOK: [&str; 6] = [
    "_",
    "SHLVL",
    "PWD",
    wrapper::EXIT_STATUS,
    wrapper::WORKING_DIR,
    wrapper::BASH,
];

/// A shell drops this one when it starts, if it is no folder.
const OLD_FOLDER: &str = "OLDPWD";

/// Compares what a shell got (`before`) with what it had at the end. `bash` says whether it was a
/// bash: other shells do not pass on functions, so that a function missing there is not removed.
pub fn difference<'a>(
    before: impl Iterator<Item = (&'a OsStr, &'a OsStr)>,
    after: &Dump,
    bash: bool,
) -> BTreeMap<OsString, Change> {
    let mut changes: BTreeMap<OsString, Change> = after
        .iter()
        .map(|(name, value)| (name.to_owned(), Change::Added(value.to_owned())))
        .collect();
    for (name, value) in before {
        match after.get(name) {
            Some(now) if now == value => {
                changes.remove(name);
            }
            Some(now) => {
                changes.insert(name.to_owned(), Change::Changed(now.to_owned()));
            }
            None if can_be_removed(name, bash) => {
                changes.insert(name.to_owned(), Change::Removed);
            }
            None => {}
        }
    }
    for name in NOT_OF_THE_HOOK {
        changes.remove(OsStr::new(name));
    }
    changes
}

/// Whether the hook itself can have removed it. Shells drop names that are none to them.
fn can_be_removed(name: &OsStr, bash: bool) -> bool {
    if name == OLD_FOLDER {
        return false;
    }
    let bytes = name.as_encoded_bytes();
    if bytes.starts_with(b"BASH_FUNC_") {
        return bash;
    }
    let begins = bytes.first().is_some_and(|byte| !byte.is_ascii_digit());
    begins
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// What happened, without the value, which may be a secret.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Added(_) => "added",
            Self::Changed(_) => "changed",
            Self::Removed => "removed",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Variables = BTreeMap<String, String>;

    fn pairs(variables: &Variables) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        variables
            .iter()
            .map(|(name, value)| (OsStr::new(name), OsStr::new(value)))
    }

    proptest! {
        #[test]
        fn changes_make_the_one_environment_of_the_other(
            before in prop::collection::btree_map("[A-D][0-9]?", "[xy]?", 0..9),
            after in prop::collection::btree_map("[A-D][0-9]?", "[xy]?", 0..9),
        ) {
            let dump: Dump = after.clone().into_iter().collect();
            let mut made = before.clone();
            for (name, change) in difference(pairs(&before), &dump, false) {
                let name = name.into_string().expect("text");
                let new = match change {
                    Change::Added(value) => {
                        prop_assert!(!before.contains_key(&name));
                        Some(value)
                    }
                    Change::Changed(value) => {
                        prop_assert_ne!(before.get(&name).map(OsString::from), Some(value.clone()));
                        Some(value)
                    }
                    Change::Removed => None,
                };
                match new {
                    Some(value) => made.insert(name, value.into_string().expect("text")),
                    None => made.remove(&name),
                };
            }
            prop_assert_eq!(made, after);
        }
    }

    #[test]
    fn what_shells_and_the_wrapper_do_is_no_change() {
        let before = Variables::from([
            ("SHLVL".to_owned(), "1".to_owned()),
            ("OLDPWD".to_owned(), "/gone".to_owned()),
            ("A.B".to_owned(), "x".to_owned()),
            ("BASH_FUNC_f%%".to_owned(), "() { :; }".to_owned()),
        ]);
        let after = [
            ("SHLVL", "2"),
            ("_", "env"),
            ("PWD", "/x"),
            ("BUILDKITE_HOOK_EXIT_STATUS", "0"),
            ("BUILDKITE_HOOK_WORKING_DIR", "/x"),
            ("BUILDKITE_HOOK_BASH", ""),
        ];
        let dump: Dump = after.into_iter().collect();
        assert_eq!(difference(pairs(&before), &dump, false), BTreeMap::new());
        let in_bash = difference(pairs(&before), &dump, true);
        assert_eq!(
            in_bash.into_iter().collect::<Vec<_>>(),
            [("BASH_FUNC_f%%".into(), Change::Removed)]
        );
    }
}
