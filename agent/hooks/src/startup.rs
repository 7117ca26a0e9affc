//! Shells that change their environment before the hook has its turn: by files they read when they
//! start, and by variables they do not take over from outside.
//!
//! What such a shell had when its hook began cannot be told from what it was given, so there the
//! wrapper writes it down, which costs a process.

use std::ffi::{OsStr, OsString};

/// Variables that shells set for themselves or drop, and one that names a file they read. Whatever
/// begins with `BASH` is such a one: functions, which bash writes anew, and `BASH_ENV`.
const OWN: [&str; 16] = [
    "COMP_WORDBREAKS",
    "ENV",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "OPTERR",
    "OPTIND",
    "PPID",
    "PS1",
    "PS2",
    "PS4",
    "RANDOM",
    "SHELLOPTS",
    "SRANDOM",
];

/// Whether a shell started with these words may have another environment than it was given, before
/// it does anything. `names` are those of the variables it is given.
pub fn changes_environment<'a>(
    words: &[OsString],
    mut names: impl Iterator<Item = &'a OsStr>,
) -> bool {
    reads_files(words)
        || names.any(|name| {
            name.as_encoded_bytes().starts_with(b"BASH") || OWN.iter().any(|own| name == *own)
        })
}

/// zsh always reads some; others do as login shells and for a person.
fn reads_files(words: &[OsString]) -> bool {
    words.iter().enumerate().any(|(index, word)| {
        let word = word.to_string_lossy();
        let flag = index > 0 && word.starts_with('-');
        word.contains("zsh") || (flag && word.contains(['l', 'i']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(words: &[&str], name: &str) -> bool {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        changes_environment(&words, ["HOME", name].into_iter().map(OsStr::new))
    }

    #[test]
    fn a_plain_shell_has_what_it_was_given() {
        for words in [
            &["bash"][..],
            &["/bin/sh"],
            &["/bin/bash", "-eu"],
            &["/usr/bin/env", "bash"],
        ] {
            assert!(!changes(words, "PATH"), "{words:?}");
        }
    }

    #[test]
    fn files_at_its_start_and_variables_of_its_own_change_it() {
        for words in [
            &["/bin/bash", "-l"][..],
            &["bash", "--login"],
            &["bash", "-ie"],
            &["/bin/zsh"],
            &["/usr/bin/env", "-S zsh -e"],
        ] {
            assert!(changes(words, "PATH"), "{words:?}");
        }
        for name in ["BASH_ENV", "ENV", "BASH_FUNC_row%%", "PS4", "SHELLOPTS"] {
            assert!(changes(&["bash"], name), "{name}");
        }
    }
}
