//! What runs a hook: told from its name and its first bytes.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

/// Bytes of a file that [`Kind::of`] wants to see, at most.
pub(crate) const HEAD: usize = 1024;

/// What runs a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A program: run as it is.
    Binary,
    /// A script of another language than a shell's: run as it is, the system finds its interpreter.
    Script,
    /// A script of a POSIX shell: run in a wrapper. The shell is the one it names, if it does.
    Shell(Option<Shebang>),
    /// A script of PowerShell: run in a wrapper.
    PowerShell,
    /// A script of Windows' command interpreter: run in a wrapper.
    Batch,
}

/// The first line of a script: what interprets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shebang {
    /// Path of the interpreter.
    pub interpreter: String,
    /// Everything after it, as one argument, as the system passes it on.
    pub argument: Option<String>,
}

/// Files that are programs begin with one of these: ELF, Windows, and Mach-O in both byte orders.
const MAGICS: [&[u8]; 7] = [
    b"\x7fELF",
    b"MZ",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
];

const SHELLS: [&str; 5] = ["bash", "dash", "ksh", "sh", "zsh"];

impl Kind {
    /// What runs the file at `path` that begins with these bytes. A file that says nothing is a
    /// shell script.
    pub fn of(path: &Path, head: &[u8]) -> Self {
        if MAGICS.iter().any(|magic| head.starts_with(magic)) {
            return Self::Binary;
        }
        let ending = path.extension().and_then(OsStr::to_str);
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("ps1") => return Self::PowerShell,
            Some("bat" | "cmd") => return Self::Batch,
            Some("exe") => return Self::Binary,
            _ => {}
        }
        match Shebang::of(head) {
            Some(shebang) if !shebang.names_a_shell() => Self::Script,
            shebang => Self::Shell(shebang),
        }
    }

    /// Reads the first bytes of a file and tells what runs it. What is no file says nothing: a pipe
    /// without a writer would be waited for.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        use std::io::Read;
        let mut head = Vec::with_capacity(HEAD);
        let limit = u64::try_from(HEAD).unwrap_or(u64::MAX);
        if path.metadata()?.is_file() {
            std::fs::File::open(path)?
                .take(limit)
                .read_to_end(&mut head)?;
        }
        Ok(Self::of(path, &head))
    }
}

impl Shebang {
    /// Reads it from the first bytes of a file. Blanks at the end of the line, and with them the
    /// line ends of other systems, do not count.
    fn of(head: &[u8]) -> Option<Self> {
        let line = head
            .strip_prefix(b"#!")?
            .split(|byte| *byte == b'\n')
            .next()?;
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let (interpreter, argument) = match line.split_once([' ', '\t']) {
            Some((interpreter, argument)) => (interpreter, Some(argument.trim().to_owned())),
            None => (line, None),
        };
        (!interpreter.is_empty()).then(|| Self {
            interpreter: interpreter.to_owned(),
            argument,
        })
    }

    /// Whether it is a POSIX shell, also by way of `env`.
    fn names_a_shell(&self) -> bool {
        let base = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let mut program = base(&self.interpreter);
        if program.as_deref() == Some("env") {
            let mut words = self
                .argument
                .iter()
                .flat_map(|text| text.split_whitespace());
            program = words
                .find(|word| !word.starts_with('-') && !word.contains('='))
                .and_then(base);
        }
        program.is_some_and(|program| SHELLS.contains(&program.as_str()))
    }
}

impl fmt::Display for Shebang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#!{}", self.interpreter)?;
        match &self.argument {
            Some(argument) => write!(f, " {argument}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shebang(interpreter: &str, argument: Option<&str>) -> Kind {
        Kind::Shell(Some(Shebang {
            interpreter: interpreter.to_owned(),
            argument: argument.map(str::to_owned),
        }))
    }

    #[test]
    fn the_first_bytes_tell_what_runs_a_hook() {
        let env = "/usr/bin/env";
        let cases: [(&[u8], Kind); 21] = [
            (b"", Kind::Shell(None)),
            (b"export A=1\n", Kind::Shell(None)),
            (b"#!\n", Kind::Shell(None)),
            (b"# !/bin/python\n", Kind::Shell(None)),
            (b"#!/bin/sh", shebang("/bin/sh", None)),
            (b"#! /bin/bash -eu\nx", shebang("/bin/bash", Some("-eu"))),
            (b"#!/bin/bash\r\nx", shebang("/bin/bash", None)),
            (b"#!/opt/zsh\n", shebang("/opt/zsh", None)),
            (b"#!/bin/dash\n", shebang("/bin/dash", None)),
            (b"#!/bin/ksh\n", shebang("/bin/ksh", None)),
            (b"#!/usr/bin/env bash\n", shebang(env, Some("bash"))),
            (
                b"#!/usr/bin/env -S A=1 bash -eu\n",
                shebang(env, Some("-S A=1 bash -eu")),
            ),
            (b"#!/usr/bin/env python3\n", Kind::Script),
            (b"#!/usr/bin/env\n", Kind::Script),
            (b"#!/usr/bin/python3 bash\n", Kind::Script),
            (b"#!/bin/bashful\n", Kind::Script),
            (b"#!/bin/fish\n", Kind::Script),
            (b"\x7fELF\x02\x01", Kind::Binary),
            (b"MZ\x90", Kind::Binary),
            (b"\xca\xfe\xba\xbe", Kind::Binary),
            (b"\xcf\xfa\xed\xfe", Kind::Binary),
        ];
        for (head, wanted) in cases {
            let text = String::from_utf8_lossy(head);
            assert_eq!(
                Kind::of(Path::new("hooks/command"), head),
                wanted,
                "{text:?}"
            );
        }
    }

    #[test]
    fn some_endings_tell_it_too() {
        for (file, wanted) in [
            ("command.ps1", Kind::PowerShell),
            ("command.PS1", Kind::PowerShell),
            ("command.bat", Kind::Batch),
            ("command.cmd", Kind::Batch),
            ("command.exe", Kind::Binary),
            ("command.sh", Kind::Shell(None)),
        ] {
            assert_eq!(Kind::of(Path::new(file), b"x"), wanted, "{file}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(head in prop::collection::vec(any::<u8>(), 0..80)) {
            Kind::of(Path::new("command"), &head);
            Kind::of(Path::new("command"), &[b"#!", &head[..]].concat());
        }
    }
}
