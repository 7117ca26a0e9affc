//! Calling git.

use agent_process::Exit;

use super::error::{CheckoutError, Step};
use crate::failure::RunError;
use crate::job::{Job, Tail};

impl Job {
    /// Runs git; its output goes to the log. Returns the last part of it.
    pub(super) async fn git(&mut self, step: Step, args: &[&str]) -> Result<Tail, CheckoutError> {
        let (exit, tail) = self.git_ended(args).await?;
        succeeded(step, exit, self).map(|()| tail)
    }

    /// Runs git; its output goes to the log. Its failing is no error.
    pub(super) async fn git_ended(&mut self, args: &[&str]) -> Result<(Exit, Tail), CheckoutError> {
        self.log.prompt_words("git", args);
        Ok(self.run_with_tail("git", args).await?)
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

    /// Runs git quietly and returns its output as text.
    pub(super) async fn git_text(
        &mut self,
        step: Step,
        args: &[&str],
    ) -> Result<String, CheckoutError> {
        let (exit, output) = self.capture("git", args, b"").await?;
        succeeded(step, exit, self)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

fn succeeded(step: Step, exit: Exit, job: &Job) -> Result<(), CheckoutError> {
    if job.canceled_by().is_some() {
        return Err(CheckoutError::Canceled);
    }
    if exit.success() {
        return Ok(());
    }
    Err(CheckoutError::Git { step, exit })
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
/// are those of <https://git-scm.com/docs/git-check-ref-format>.
pub(super) fn is_safe_ref(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:@\\".contains(c);
    !name.is_empty()
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
        for name in ["main", "v1.2", "feature/x", "0123abc", "FETCH_HEAD"] {
            assert!(is_safe_ref(name), "{name}");
        }
        for name in [
            "", "-f", "a..b", "a b", "a~1", "a^", "a:b", "a.", "a@{1}", "a\\b", "a\n",
        ] {
            assert!(!is_safe_ref(name), "{name:?}");
        }
    }
}
