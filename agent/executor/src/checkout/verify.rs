//! Checking that the commit is on the branch the job claims it is on.
//!
//! Only a definite no, on the whole history, counts; whatever merely keeps the question from being
//! answered is a warning.

use agent_process::Exit;

use super::error::CheckoutError;
use super::{git, retry};
use crate::job::Job;
use crate::settings::Verification;

/// Where the tip of the branch is kept while it is needed.
const TIP: &str = "refs/buildkite-agent/commit-verification-branch-tip";
/// How often fetching the tip is tried.
const TRIES: u32 = 3;
/// Flags of a fetch that cut history; each has a value.
const CUTTING: [&str; 4] = ["depth", "deepen", "shallow-since", "shallow-exclude"];
/// Flags of a fetch that keep the tip from coming, or fail where nothing is missing.
const HINDERING: [&str; 4] = ["dry-run", "prefetch", "negotiate-only", "unshallow"];

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
    if !verdict.as_ref().is_err_and(CheckoutError::ends_the_job) {
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
    if let Some(exit) = fetch_tip(job, branch).await? {
        return Ok(Verdict::Unknown(format!("fetching the branch {exit}")));
    }
    let (exit, tip) = job.git_asked(&["rev-parse", TIP]).await?;
    if !exit.success() {
        return Ok(Verdict::Unknown(format!("git rev-parse {exit}")));
    }
    let tip = tip.trim();
    for depth in [None, Some("--deepen=50"), Some("--unshallow")] {
        if depth.is_some()
            && let exit = fetch_once(job, branch, depth).await?
            && !exit.success()
        {
            return Ok(Verdict::Unknown(format!("fetching more history {exit}")));
        }
        let args = ["merge-base", "--is-ancestor", commit, tip];
        let (related, _) = job.git_ended(&args).await?;
        if related.success() {
            return Ok(Verdict::OnBranch);
        }
        let shallow = ["rev-parse", "--is-shallow-repository"];
        let (exit, shallow) = job.git_asked(&shallow).await?;
        if exit.success() && shallow.trim() == "true" {
            continue; // the connection may lie beyond what is here
        }
        return Ok(match related {
            Exit::Code(1) if exit.success() => Verdict::OffBranch,
            exit => Verdict::Unknown(format!("git merge-base {exit}")),
        });
    }
    Ok(Verdict::Unknown("the history is still shallow".into()))
}

/// Fetches the tip of the branch, several times if need be; how the last try ended if none worked.
async fn fetch_tip(job: &mut Job, branch: &str) -> Result<Option<Exit>, CheckoutError> {
    for attempt in 1.. {
        let exit = fetch_once(job, branch, None).await?;
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

/// Fetches the branch by its full name, for a tag of the same name would win, and to a ref of its
/// own, for `FETCH_HEAD` is that of the commit itself under some flags.
async fn fetch_once(
    job: &mut Job,
    branch: &str,
    depth: Option<&str>,
) -> Result<Exit, CheckoutError> {
    let flags = whole_history(&job.settings.checkout.flags.fetch);
    let refspec = format!("+refs/heads/{branch}:{TIP}");
    let mut args = git::args(&["fetch"], &flags, &[]);
    args.extend(depth);
    args.extend(["--", "origin", &refspec]);
    Ok(job.git_ended(&args).await?.0)
}

/// The configured flags without those that cut history or fetch nothing. git takes any beginning
/// of a long flag's name.
fn whole_history(flags: &[String]) -> Vec<String> {
    let begins = |known: &[&str], name: &str| known.iter().any(|known| known.starts_with(name));
    let mut kept = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let (name, value) = match flag.strip_prefix("--").unwrap_or_default().split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag.strip_prefix("--").unwrap_or_default(), None),
        };
        if name.is_empty() || !begins(&[&CUTTING[..], &HINDERING[..]].concat(), name) {
            kept.push(flag.clone());
        } else if value.is_none() && begins(&CUTTING, name) && !begins(&HINDERING, name) {
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
        for (flags, kept) in [
            ("-v --depth 1 --prune -j 4", "-v --prune -j 4"),
            ("--depth=5 --dry-run -v", "-v"),
            ("--dept 1 --unsh --prefe -v", "-v"),
            ("--shallow-exclude=x --shallow-since y -v", "-v"),
            ("--negotiation-tip=x --prune", "--negotiation-tip=x --prune"),
            ("--upload-pack depth", "--upload-pack depth"),
        ] {
            let flags: Vec<String> = flags.split(' ').map(str::to_owned).collect();
            assert_eq!(whole_history(&flags).join(" "), kept);
        }
    }
}
