//! Hooks on Windows: which file is one, what runs it, and the text that is wrapped around batch and
//! PowerShell hooks to learn what they changed.
//!
//! Used by whoever runs hooks there; PowerShell hooks exist on other systems too. The texts hold no
//! path: a batch file is read in the code page of its console, so paths come through variables, which
//! are Unicode. Nothing here asks which system it runs on, so all of it is tested everywhere.

/// Extensions of a hook's file, in the order in which they are looked for. The last is none.
pub const EXTENSIONS: [&str; 5] = ["bat", "cmd", "ps1", "exe", ""];

/// Holds the path of the hook while a wrapper of this module runs.
pub const HOOK: &str = "TRIREME_HOOK_FILE";

/// Holds the path of the file that the wrapper writes once the hook has ended; if the hook ended the
/// wrapper with it, nothing is written.
pub const AFTER: &str = "TRIREME_HOOK_AFTER";

/// Holds the path of the agent's own program; batch wrappers need it to write down variables.
pub const AGENT: &str = "TRIREME_HOOK_AGENT";

/// Variables that `cmd` and PowerShell set for themselves where there were none. A hook added none
/// of these.
pub const OF_THE_INTERPRETER: [&str; 4] = ["COMSPEC", "PATHEXT", "PROMPT", "PSMODULEPATH"];

/// How a hook is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A batch file: in [`BATCH`].
    Batch,
    /// A PowerShell script: in [`POWERSHELL`].
    PowerShell,
    /// A script for a POSIX shell: see [`crate::Posix`].
    Shell,
}

impl Form {
    /// The text to wrap around the hook, and the extension of the file to write it to. `None` for
    /// what is not wrapped here.
    pub fn wrapper(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Batch => Some((BATCH, "bat")),
            Self::PowerShell => Some((POWERSHELL, "ps1")),
            Self::Shell => None,
        }
    }
}

/// The names of files that may be this hook, the most wanted first.
pub fn file_names(name: &str) -> impl Iterator<Item = String> {
    EXTENSIONS.into_iter().map(move |extension| {
        let dot = if extension.is_empty() { "" } else { "." };
        format!("{name}{dot}{extension}")
    })
}

/// Whether a batch wrapper can call a file of this path: `call` expands `%` and doubles `^` once
/// more, and there is no way to tell it not to.
pub fn batch_can_call(path: &str) -> bool {
    !path.contains(['%', '^', '"', '\r', '\n'])
}

/// Runs a batch file in the same interpreter, then lets the agent write down all variables as JSON.
/// There is no delayed expansion: hooks may hold exclamation marks.
pub const BATCH: &str = "@echo off\r
call \"%TRIREME_HOOK_FILE%\"\r
set \"BUILDKITE_HOOK_EXIT_STATUS=%ERRORLEVEL%\"\r
set \"BUILDKITE_HOOK_WORKING_DIR=%CD%\"\r
\"%TRIREME_HOOK_AGENT%\" env dump > \"%TRIREME_HOOK_AFTER%\"\r
exit %BUILDKITE_HOOK_EXIT_STATUS%\r
";

/// Runs a PowerShell script in the same process, then writes down all variables as `NAME=value`,
/// each ended by a zero byte, in UTF-8. A script that only calls cmdlets leaves no exit status.
pub const POWERSHELL: &str = "$ErrorActionPreference = 'Stop'\r
& $Env:TRIREME_HOOK_FILE\r
$status = if ($null -eq $LASTEXITCODE) { 0 } else { $LASTEXITCODE }\r
$Env:BUILDKITE_HOOK_EXIT_STATUS = $status\r
$Env:BUILDKITE_HOOK_WORKING_DIR = (Get-Location -PSProvider FileSystem).ProviderPath\r
$entries = [Environment]::GetEnvironmentVariables().GetEnumerator()\r
$lines = $entries | ForEach-Object { \"$($_.Key)=$($_.Value)`0\" }\r
[IO.File]::WriteAllText($Env:TRIREME_HOOK_AFTER, ($lines -join ''))\r
exit $status\r
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_for_in_their_order() {
        let names: Vec<String> = file_names("pre-command").collect();
        assert_eq!(
            names,
            [
                "pre-command.bat",
                "pre-command.cmd",
                "pre-command.ps1",
                "pre-command.exe",
                "pre-command"
            ]
        );
    }

    #[test]
    fn a_wrapper_calls_the_hook_reports_and_ends_in_this_order() {
        for (text, steps) in [
            (
                BATCH,
                [
                    "call \"%TRIREME_HOOK_FILE%\"",
                    "BUILDKITE_HOOK_EXIT_STATUS=%ERRORLEVEL%",
                    "BUILDKITE_HOOK_WORKING_DIR=%CD%",
                    "> \"%TRIREME_HOOK_AFTER%\"",
                    "exit %BUILDKITE_HOOK_EXIT_STATUS%",
                ],
            ),
            (
                POWERSHELL,
                [
                    "& $Env:TRIREME_HOOK_FILE",
                    "$Env:BUILDKITE_HOOK_EXIT_STATUS = $status",
                    "$Env:BUILDKITE_HOOK_WORKING_DIR = ",
                    "WriteAllText($Env:TRIREME_HOOK_AFTER",
                    "exit $status",
                ],
            ),
        ] {
            let places: Vec<_> = steps.iter().map(|step| text.find(step)).collect();
            assert!(places.iter().all(Option::is_some), "{places:?} in {text}");
            assert!(places.is_sorted(), "{places:?} in {text}");
        }
    }

    /// Read in any code page, with line ends that `cmd` takes, and naming only our variables.
    #[test]
    fn wrappers_are_plain_lines_without_a_path() {
        for text in [BATCH, POWERSHELL] {
            assert!(text.is_ascii());
            assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
            assert!(text.ends_with("\r\n"));
            assert!(!text.contains(":\\"));
            for variable in [HOOK, AFTER] {
                assert!(text.contains(variable), "{variable} in {text}");
            }
        }
        assert!(BATCH.contains(AGENT) && !BATCH.contains('!'));
    }

    #[test]
    fn a_path_that_call_would_change_is_told_apart() {
        for path in [
            r"C:\Users\Müller\hook !1 (x86)&.bat",
            r"\\host\share\hook.cmd",
        ] {
            assert!(batch_can_call(path), "{path}");
        }
        for path in [r"C:\%PATH%\hook.bat", r"C:\a^b\hook.bat", "C:\\a\nb.bat"] {
            assert!(!batch_can_call(path), "{path}");
        }
    }
}
