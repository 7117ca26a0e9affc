//! Commands for `CMD.EXE`, which takes one line only: they are written to a batch file, and the
//! shell is given that.
//!
//! It goes by the name of the shell, not by the operating system, so that all of it is one rule.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::TempPath;

/// Ends the file with the status of the line before, if that failed.
const STOP: &str = "if %errorlevel% neq 0 exit /b %errorlevel%";

/// Whether this program is `CMD.EXE`.
pub(super) fn is_needed(shell: &str) -> bool {
    let name = shell.rsplit(['/', '\\']).next().unwrap_or(shell);
    name.eq_ignore_ascii_case("cmd.exe")
}

/// Writes the file that does what these lines say; it goes when the path is dropped.
pub(super) fn write(lines: &str, folder: &Path) -> io::Result<TempPath> {
    let mut file = tempfile::Builder::new()
        .prefix("buildkite-script-")
        .suffix(".bat")
        .tempfile_in(folder)?;
    file.write_all(script(lines).as_bytes())?;
    Ok(file.into_temp_path())
}

/// The text of that file: it shows no line, and the first that fails is the last.
fn script(lines: &str) -> String {
    let mut text = String::from("@echo off");
    for line in lines.lines().filter(|line| !line.is_empty()) {
        // A batch file that is not called never comes back.
        let call = if starts_batch_file(line) { "call " } else { "" };
        for part in ["\n", call, line, "\n", STOP] {
            text.push_str(part);
        }
    }
    text
}

fn starts_batch_file(line: &str) -> bool {
    let line = line.trim_start();
    let first = match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => line.split_whitespace().next(),
    };
    let ending = first.and_then(|first| first.rsplit_once('.'));
    ending.is_some_and(|(_, ending)| {
        ending.eq_ignore_ascii_case("bat") || ending.eq_ignore_ascii_case("cmd")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_known_by_its_name() {
        for shell in [
            "cmd.exe",
            "CMD.EXE",
            r"C:\Windows\System32\CMD.exe",
            "/opt/cmd.exe",
        ] {
            assert!(is_needed(shell), "{shell}");
        }
        for shell in ["/bin/bash", "cmd", "mycmd.exe", "cmd.exe/sh", ""] {
            assert!(!is_needed(shell), "{shell}");
        }
    }

    #[test]
    fn each_line_is_run_until_one_fails_and_batch_files_come_back() {
        let body = |lines: &[&str]| {
            let mut text = String::from("@echo off");
            for line in lines {
                text = format!("{text}\n{line}\nif %errorlevel% neq 0 exit /b %errorlevel%");
            }
            text
        };
        for (lines, wanted) in [
            ("", vec![]),
            ("dir", vec!["dir"]),
            ("a\n\nb x\r\nc\n", vec!["a", "b x", "c"]),
            ("gradlew.bat test", vec!["call gradlew.bat test"]),
            ("  Make.CMD\tall", vec!["call   Make.CMD\tall"]),
            (r#""my tools\x.bat" y"#, vec![r#"call "my tools\x.bat" y"#]),
            ("call x.bat", vec!["call x.bat"]),
            ("echo x.bat", vec!["echo x.bat"]),
        ] {
            assert_eq!(script(lines), body(&wanted), "{lines:?}");
        }
    }
}
