//! Keeps the registration token out of what others on the host can read: a command line is shown
//! to every user, and an environment to all processes of the same one.
//!
//! Where the token came as text in an argument or a variable, the program begins again: the same
//! process runs the same file once more, with the token in a pipe that is read once. To be called
//! before anything else; nothing is done, and nothing is lost, where there is no such text.

use std::ffi::OsString;
use std::io::{self, Write as _};

use crate::config::raw;
use crate::os;

/// The variable that may hold the token.
const VARIABLE: &str = "BUILDKITE_AGENT_TOKEN";

/// Longest text that a fresh pipe takes whole on every system, in bytes. No token is that long.
const LONGEST: usize = 4096;

/// A command line without the token, and the token.
#[derive(Debug, PartialEq, Eq)]
struct Hidden {
    args: Vec<OsString>,
    /// `None` when the one that counts is no secret text.
    token: Option<String>,
}

/// Begins again if the token can be seen. Comes back if it cannot, or with the reason why it still
/// can be.
pub(super) fn conceal(args: &[OsString]) -> io::Result<()> {
    let variable = std::env::var(VARIABLE).unwrap_or_default();
    let Some(mut hidden) = hide(args, &variable) else {
        return Ok(());
    };
    let mut pipe = None;
    if let Some(token) = hidden.token {
        if token.len() > LONGEST {
            return Err(io::Error::other("it is too long for a token"));
        }
        let (from, mut to) = io::pipe()?;
        to.write_all(token.as_bytes())?;
        let number = os::inheritable(&from)?;
        hidden.args.push(format!("--token=fd://{number}").into());
        pipe = Some(from);
    }
    let result = os::begin_again(&hidden.args, VARIABLE);
    // Open until here, so that it is there in the process that begins.
    drop(pipe);
    Err(result)
}

/// What to begin again with; `None` where no token can be seen. Wrong command lines are left to
/// whoever reads them next.
fn hide(args: &[OsString], variable: &str) -> Option<Hidden> {
    let flags = raw::flags_of(args).ok()?;
    let mut seen = is_text(variable);
    let mut token = variable.to_owned();
    let mut kept = vec![OsString::from("start")];
    for (name, value) in flags {
        if name == "token" {
            seen |= is_text(&value);
            token = value;
        } else {
            kept.push(format!("--{name}={value}").into());
        }
    }
    if !is_text(&token) {
        kept.push(format!("--token={token}").into());
    }
    seen.then(|| Hidden {
        args: kept,
        token: is_text(&token).then_some(token),
    })
}

/// Whether it is a token, and not the place of one.
fn is_text(token: &str) -> bool {
    let token = token.trim();
    !(token.is_empty() || token.starts_with("file://") || token.starts_with("fd://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(args: &[&str], variable: &str) -> Option<(Vec<String>, Option<String>)> {
        let args: Vec<OsString> = args.iter().map(Into::into).collect();
        let hidden = hide(&args, variable)?;
        let kept = hidden
            .args
            .into_iter()
            .map(|arg| arg.into_string().unwrap());
        Some((kept.collect(), hidden.token))
    }

    #[test]
    fn a_token_in_any_spelling_is_taken_off_the_command_line() {
        for token in [
            &["--token", "s3"][..],
            &["-token", "s3"],
            &["--token=s3"],
            &["-token=s3"],
        ] {
            let args = [&["--debug"][..], token, &["--name", "a b"]].concat();
            let kept = ["start", "--debug=true", "--name=a b"].map(str::to_owned);
            let wanted = (kept.to_vec(), Some("s3".to_owned()));
            assert_eq!(hidden(&args, ""), Some(wanted), "{token:?}");
        }
    }

    #[test]
    fn the_token_that_counts_is_handed_on_and_no_other() {
        let one = |args: &[&str], variable| hidden(args, variable).unwrap();
        assert_eq!(one(&[], "env").1.unwrap(), "env");
        assert_eq!(one(&["--token=flag"], "env").1.unwrap(), "flag");
        let last = ["--token=first", "--token=last"];
        assert_eq!(one(&last, "").1.unwrap(), "last");
        let (args, token) = one(&["--token=file:///t"], "env");
        assert_eq!(args, ["start", "--token=file:///t"]);
        assert_eq!(token, None);
    }

    #[test]
    fn where_no_token_can_be_seen_nothing_begins_again() {
        for (args, variable) in [
            (&[][..], ""),
            (&["--token=file:///t", "--name=x"], ""),
            (&["--token", "fd://3"], "file:///t"),
            (&["--name=x"], "fd://3"),
            (&["--token=s3", "--frob"], ""),
            (&["--token=s3", "stray"], ""),
        ] {
            assert_eq!(hidden(args, variable), None, "{args:?}");
        }
    }
}
