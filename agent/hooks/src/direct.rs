//! What runs a hook that needs no wrapper: one of the host, which changes nobody's environment.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::Kind;

/// The words that run the hook at `path`: the hook itself, or an interpreter and the hook. For
/// scripts of a shell that is `shell`, if it is not empty, else what the first line says, else bash.
/// `finds` tells whether a program is on the hook's `PATH`; `None` when no interpreter is.
pub fn words(
    path: &Path,
    shell: &[OsString],
    finds: impl Fn(&str) -> bool,
) -> io::Result<Option<Vec<OsString>>> {
    let first = |names: [&'static str; 2]| {
        let found = names.into_iter().find(|name| finds(name));
        found.map(OsString::from)
    };
    let mut words: Vec<OsString> = match Kind::read(path)? {
        Kind::Binary | Kind::Script | Kind::Batch => Vec::new(),
        Kind::Shell(_) if !shell.is_empty() => shell.to_owned(),
        Kind::Shell(Some(line)) => {
            let words = std::iter::once(line.interpreter).chain(line.argument);
            words.map(OsString::from).collect()
        }
        Kind::Shell(None) => match first(["bash", "sh"]) {
            Some(shell) => vec![shell],
            None => return Ok(None),
        },
        Kind::PowerShell => match first(["pwsh", "powershell"]) {
            Some(shell) => vec![shell, "-File".into()],
            None => return Ok(None),
        },
    };
    words.push(path.into());
    Ok(Some(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_before_the_first_line_and_that_before_bash() {
        let folder = tempfile::tempdir().expect("folder");
        let run = |name: &str, text: &str, shell: &[&str], there: &[&str]| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).expect("file");
            let shell: Vec<OsString> = shell.iter().map(OsString::from).collect();
            let words = words(&file, &shell, |name| there.contains(&name)).expect("read");
            let words = words?
                .into_iter()
                .map(|word| word.into_string().expect("text"));
            let words: Vec<String> = words.collect();
            Some(
                words
                    .join(" ")
                    .replace(file.to_str().expect("text"), "HOOK"),
            )
        };
        let both = ["bash", "sh"];
        for (name, text, shell, there, wanted) in [
            ("a", "true", &[][..], &both[..], Some("bash HOOK")),
            ("a", "true", &[], &["sh"], Some("sh HOOK")),
            ("a", "true", &[], &[], None),
            ("a", "true", &["zsh", "-e"], &both, Some("zsh -e HOOK")),
            (
                "a",
                "#!/bin/dash -x\n",
                &[],
                &both,
                Some("/bin/dash -x HOOK"),
            ),
            ("a", "#!/bin/dash\n", &["zsh"], &both, Some("zsh HOOK")),
            ("a", "#!/usr/bin/python3\n", &["zsh"], &both, Some("HOOK")),
            ("a", "\x7fELF", &["zsh"], &both, Some("HOOK")),
            (
                "a.ps1",
                "",
                &["zsh"],
                &["powershell"],
                Some("powershell -File HOOK"),
            ),
            ("a.ps1", "", &[], &both, None),
        ] {
            let found = run(name, text, shell, there);
            assert_eq!(found.as_deref(), wanted, "{name} {text:?}");
        }
    }
}
