//! Checking that the commit is on the branch the job claims it is on.
//!
//! Only a definite no, on the whole history, counts; whatever merely keeps the question from being
//! answered is a warning.

use agent_process::Exit;

use super::error::{CheckoutError, Step};
use super::{git, retry};
use crate::job::Job;
use crate::settings::Verification;

/// Where the tip of the branch is kept while it is needed.
const TIP: &str = "refs/buildkite-agent/commit-verification-branch-tip";
/// How often fetching the tip is tried.
const TRIES: u32 = 3;
/// Flags of a fetch that would keep the tip or its history from coming: with and without a value.
const HINDERING: [&str; 6] = [
    "--depth",
    "--deepen",
    "--shallow-since",
    "--dry-run",
    "--prefetch",
    "--negotiate-only",
];

/// What git says about the commit and the branch.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    OnBranch,
    OffBranch,
    Unknown(String),
}

/// Verifies, if the job asks for it and it makes sense.
pub(super) async fn run(job: &mut Job) -> Result<(), CheckoutError> {
    let checkout = &job.settings.checkout;
    let mode = checkout.verification;
    let branch = checkout.branch.clone();
    let commit = checkout.commit.clone();
    let applies = checkout.refspec.is_none()
        && checkout.pull_request.is_none()
        && !checkout.is_tag
        && commit != "HEAD";
    if mode == Verification::Off || !applies {
        return Ok(());
    }
    let verdict = ask(job, &branch, &commit).await;
    if !matches!(
        verdict,
        Err(CheckoutError::Canceled | CheckoutError::Log(_))
    ) {
        job.git_ended(&["update-ref", "-d", TIP]).await?;
    }
    match verdict? {
        Verdict::OnBranch => {}
        Verdict::OffBranch if mode == Verification::Strict => {
            return Err(CheckoutError::OffBranch { commit, branch });
        }
        Verdict::OffBranch => {
            job.log
                .warning(&format!("commit {commit} is not on branch {branch}"));
        }
        Verdict::Unknown(why) => {
            job.log.warning(&format!(
                "it is not known if {commit} is on branch {branch}: {why}"
            ));
        }
    }
    Ok(())
}

async fn ask(job: &mut Job, branch: &str, commit: &str) -> Result<Verdict, CheckoutError> {
    let mut depths = [None, Some("--deepen=50"), Some("--unshallow")].into_iter();
    let mut depth = depths.next().flatten();
    loop {
        if let Some(exit) = fetch_tip(job, branch, depth).await? {
            return Ok(Verdict::Unknown(format!("fetching the branch {exit}")));
        }
        let tip = job.git_text(Step::Resolve, &["rev-parse", TIP]).await?;
        let args = ["merge-base", "--is-ancestor", commit, tip.trim()];
        match job.git_ended(&args).await?.0 {
            Exit::Code(0) => return Ok(Verdict::OnBranch),
            Exit::Code(1) => {}
            exit => return Ok(Verdict::Unknown(format!("git merge-base {exit}"))),
        }
        let shallow = ["rev-parse", "--is-shallow-repository"];
        if job.git_text(Step::Resolve, &shallow).await?.trim() != "true" {
            return Ok(Verdict::OffBranch);
        }
        match depths.next() {
            Some(deeper) => depth = deeper,
            None => return Ok(Verdict::Unknown("the history is still shallow".into())),
        }
    }
}

/// Fetches the branch; how the last try ended if none worked.
async fn fetch_tip(
    job: &mut Job,
    branch: &str,
    depth: Option<&str>,
) -> Result<Option<Exit>, CheckoutError> {
    let flags = whole_history(&job.settings.checkout.flags.fetch);
    let refspec = format!("+refs/heads/{branch}:{TIP}");
    let mut args = git::args(&["fetch"], &flags, &[]);
    args.extend(depth);
    args.extend(["--", "origin", &refspec]);
    for attempt in 1.. {
        let (exit, _) = job.git_ended(&args).await?;
        if job.canceled_by().is_some() {
            return Err(CheckoutError::Canceled);
        }
        if exit.success() {
            return Ok(None);
        }
        if attempt >= TRIES {
            return Ok(Some(exit));
        }
        job.pause(retry::wait_inside(attempt)).await?;
    }
    unreachable!("the loop ends by returning")
}

/// The configured flags without those that cut history or fetch nothing.
fn whole_history(flags: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let name = flag.split('=').next().unwrap_or_default();
        if !HINDERING.contains(&name) {
            kept.push(flag.clone());
        } else if matches!(flag.as_str(), "--depth" | "--deepen" | "--shallow-since") {
            flags.next(); // its value
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_cut_history_are_left_out_with_their_values() {
        let flags = [
            "-v",
            "--depth",
            "1",
            "--prune",
            "--depth=5",
            "--dry-run",
            "-j",
            "4",
        ];
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        assert_eq!(whole_history(&flags), ["-v", "--prune", "-j", "4"]);
    }
}
