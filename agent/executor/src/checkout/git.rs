//! Calling git.

use agent_process::Exit;

use super::error::{Cause, CheckoutError, Step};
use crate::job::{Job, Tail};
use crate::run_error::RunError;

impl Job {
    /// Runs git; its output goes to the log.
    pub(super) async fn git(&mut self, step: Step, args: &[&str]) -> Result<(), CheckoutError> {
        let (exit, tail) = self.git_ended(args).await?;
        succeeded(step, exit, &tail)
    }

    /// Runs git; its output goes to the log. Its failing is no error. Answers the last part of the
    /// output too.
    pub(super) async fn git_ended(&mut self, args: &[&str]) -> Result<(Exit, Tail), CheckoutError> {
        self.log.prompt_words("git", args);
        let ended = self.run_with_tail("git", args).await?;
        self.go_on()?;
        Ok(ended)
    }

    /// Runs git, whose failing is only warned about; whether it was successful.
    pub(super) async fn git_or_warn(&mut self, args: &[&str]) -> Result<bool, CheckoutError> {
        let (exit, _) = self.git_ended(args).await?;
        if !exit.success() {
            let command = args.join(" ");
            self.log.warning(&format!("git {command} {exit}"));
        }
        Ok(exit.success())
    }

    /// Runs git quietly and returns its output as text.
    pub(super) async fn git_text(
        &mut self,
        step: Step,
        args: &[&str],
    ) -> Result<String, CheckoutError> {
        let (exit, text) = self.git_asked(args).await?;
        succeeded(step, exit, &Tail::default())?;
        Ok(text)
    }

    /// Runs git quietly; how it ended, and its output as text.
    pub(super) async fn git_asked(
        &mut self,
        args: &[&str],
    ) -> Result<(Exit, String), CheckoutError> {
        let (exit, output) = self.capture("git", args, b"").await?;
        self.go_on()?;
        Ok((exit, String::from_utf8_lossy(&output).into_owned()))
    }

    /// Whether the repository of the working directory, or that of `git_dir`, has this very commit:
    /// a name that merely leads to one, such as a branch, may lead elsewhere by now.
    pub(super) async fn has_commit(
        &mut self,
        git_dir: &str,
        commit: &str,
    ) -> Result<bool, CheckoutError> {
        let object = format!("{commit}^{{commit}}");
        let args = ["--git-dir", git_dir, "rev-parse", &object];
        let (exit, found) = self.git_asked(&args).await?;
        Ok(exit.success() && found.trim() == commit)
    }

    /// Runs a program that the host may not have; whether it was successful, and its output.
    pub(super) async fn capture_if_there(
        &mut self,
        program: &str,
        args: &[&str],
    ) -> Result<(bool, Vec<u8>), CheckoutError> {
        match self.capture(program, args, b"").await {
            Ok((exit, output)) => Ok((exit.success(), output)),
            Err(RunError::Start(_)) => Ok((false, Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    /// A child of a canceled job may have ended well; nothing follows it all the same.
    fn go_on(&self) -> Result<(), CheckoutError> {
        match self.canceled_by() {
            Some(_) => Err(CheckoutError::Canceled),
            None => Ok(()),
        }
    }
}

fn succeeded(step: Step, exit: Exit, tail: &Tail) -> Result<(), CheckoutError> {
    if exit.success() {
        return Ok(());
    }
    let cause = Cause::of(tail);
    Err(CheckoutError::Git { step, exit, cause })
}

/// Arguments in their order: fixed ones, configured flags, fixed ones.
pub(super) fn args<'a>(before: &[&'a str], flags: &'a [String], after: &[&'a str]) -> Vec<&'a str> {
    let flags = flags.iter().map(String::as_str);
    before
        .iter()
        .copied()
        .chain(flags)
        .chain(after.iter().copied())
        .collect()
}

/// Whether git may be given this as the name of a commit: never as a flag or a range. The rules
/// are those of <https://git-scm.com/docs/git-check-ref-format> that the peer checks; git knows
/// the rest.
pub(super) fn is_safe_ref(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:\\".contains(c);
    !name.is_empty()
        && name != "@"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_flags_and_expressions_are_no_refs() {
        for name in [
            "main",
            "v1.2",
            "feature/x",
            "0123abc",
            "FETCH_HEAD",
            "@fleet/oars@1.0.0",
        ] {
            assert!(is_safe_ref(name), "{name}");
        }
        for name in [
            "", "-f", "a..b", "a b", "a~1", "a^", "a:b", "a.", "@", "a\\b", "a\n", "\u{7f}",
        ] {
            assert!(!is_safe_ref(name), "{name:?}");
        }
    }
}
