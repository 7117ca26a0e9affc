//! Fetching what the job is about.

use super::error::{Cause, CheckoutError, Step};
use super::{git, retry, sparse};
use crate::job::Job;
use crate::settings::Checkout;
use crate::words;

/// How often a fetch is tried where the server may not have the ref yet.
const TRIES: u32 = 10;

/// What to ask the server for.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    refs: Vec<String>,
    /// Where the server refuses to give the commit by name: fetch everything.
    fallback: bool,
    /// The ref of a pull request may appear late.
    patient: bool,
    /// Say in the log what came.
    show_head: bool,
}

/// Decides what to ask for.
fn plan(checkout: &Checkout) -> Plan {
    let commit = checkout.commit.as_str();
    let fetch = |refs: &[&str]| Plan {
        refs: refs.iter().map(|&name| name.to_owned()).collect(),
        fallback: false,
        patient: false,
        show_head: false,
    };
    if let Some(refspec) = &checkout.refspec {
        let words = words::split(refspec).unwrap_or_else(|_| vec![refspec.clone()]);
        return Plan {
            refs: words,
            ..fetch(&[])
        };
    }
    if let Some(pull) = pull_ref(checkout) {
        return match commit {
            "HEAD" => Plan {
                patient: !checkout.merge_refspec,
                show_head: true,
                ..fetch(&[&pull])
            },
            commit => Plan {
                fallback: true,
                show_head: true,
                ..fetch(&[&pull, commit])
            },
        };
    }
    match commit {
        "HEAD" => fetch(&[&checkout.branch]),
        commit => Plan {
            fallback: true,
            ..fetch(&[commit])
        },
    }
}

/// The ref that GitHub keeps for a pull request: what was pushed, or a merge of it.
fn pull_ref(checkout: &Checkout) -> Option<String> {
    let number = checkout.pull_request.as_deref()?;
    let side = if checkout.merge_refspec {
        "merge"
    } else {
        "head"
    };
    checkout
        .provider
        .contains("github")
        .then(|| format!("refs/pull/{number}/{side}"))
}

/// Fetches into the checkout. A sparse one may ask for files only as they are needed.
pub(super) async fn run(job: &mut Job, blobless: bool) -> Result<(), CheckoutError> {
    let checkout = &job.settings.checkout;
    let commit = checkout.commit.clone();
    if checkout.skip_fetch_of_existing
        && commit != "HEAD"
        && job.has_commit(".git", &commit).await?
    {
        job.log
            .comment("The commit is already here, so nothing is fetched");
        return Ok(());
    }
    let plan = plan(&job.settings.checkout);
    let mut flags = job.settings.checkout.flags.fetch.clone();
    if blobless {
        flags.insert(0, sparse::FILTER.to_owned());
    }
    let args = git::args(&["fetch"], &flags, &["--", "origin"]);
    let mut result = fetch(job, &args, &plan.refs, plan.patient).await;
    if let Err(CheckoutError::Git {
        cause: Cause::MissingRef,
        ..
    }) = result
        && plan.fallback
    {
        result = everything(job, &args).await;
    }
    result?;
    if plan.show_head {
        let (_, head) = job.git_asked(&["rev-parse", "FETCH_HEAD"]).await?;
        job.log
            .comment(&format!("FETCH_HEAD is now {}", head.trim()));
    }
    Ok(())
}

/// Fetches into a mirror. Its refs are those of the server, so a commit alone would not stay.
pub(super) async fn into_mirror(job: &mut Job, git_dir: &str) -> Result<(), CheckoutError> {
    let (refs, patient) = refs_for_mirror(&job.settings.checkout);
    let args = ["--git-dir", git_dir, "fetch", "--", "origin"];
    fetch(job, &args, &refs, patient).await
}

fn refs_for_mirror(checkout: &Checkout) -> (Vec<String>, bool) {
    if checkout.refspec.is_some() {
        return (plan(checkout).refs, false);
    }
    match pull_ref(checkout) {
        Some(pull) => (vec![pull], !checkout.merge_refspec),
        None => (vec![checkout.branch.clone()], false),
    }
}

/// All branches and tags: a commit that cannot be asked for by name is among them.
async fn everything(job: &mut Job, args: &[&str]) -> Result<(), CheckoutError> {
    job.log.comment(
        "The server does not give this commit by name, so all branches and tags are fetched",
    );
    let configured = job
        .git_text(Step::Resolve, &["config", "remote.origin.fetch"])
        .await?;
    let mut refs = words::split(&configured).unwrap_or_default();
    refs.push("+refs/tags/*:refs/tags/*".to_owned());
    fetch(job, args, &refs, true).await
}

/// Fetches these refs; with patience, again and again while the server may not have them yet.
async fn fetch(
    job: &mut Job,
    args: &[&str],
    refs: &[String],
    patient: bool,
) -> Result<(), CheckoutError> {
    let step = Step::Fetch;
    let args = git::args(args, refs, &[]);
    for attempt in 1.. {
        let (exit, tail) = job.git_ended(&args).await?;
        if exit.success() {
            return Ok(());
        }
        let cause = Cause::of(&tail);
        if !patient || !retry::fetch_may_recover(exit, cause) {
            return Err(CheckoutError::Git { step, exit, cause });
        }
        if attempt >= TRIES {
            return Err(CheckoutError::Persistent { step, exit });
        }
        job.log.comment(&format!(
            "The fetch failed (try {attempt} of {TRIES}); trying again"
        ));
        job.pause(retry::wait_inside(attempt)).await?;
    }
    unreachable!("the loop ends by returning")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::settings::Settings;

    fn settings(more: &[(&str, &str)]) -> Settings {
        let mut env: Environment = [
            ("BUILDKITE_JOB_ID", "j"),
            ("BUILDKITE_REPO", "r"),
            ("BUILDKITE_COMMIT", "c0ffee"),
            ("BUILDKITE_BRANCH", "side"),
            ("BUILDKITE_AGENT_NAME", "a"),
            ("BUILDKITE_ORGANIZATION_SLUG", "o"),
            ("BUILDKITE_PIPELINE_SLUG", "p"),
            ("BUILDKITE_PIPELINE_PROVIDER", "github_enterprise"),
        ]
        .into_iter()
        .collect();
        for (name, value) in more {
            env.set(name, *value);
        }
        Settings::read(&std::collections::BTreeMap::new(), &env).expect("read")
    }

    const HEAD: (&str, &str) = ("BUILDKITE_COMMIT", "HEAD");
    const PULL: (&str, &str) = ("BUILDKITE_PULL_REQUEST", "12");
    const MERGE: (&str, &str) = ("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC", "true");
    const GIT: (&str, &str) = ("BUILDKITE_PIPELINE_PROVIDER", "git");
    const REFSPEC: (&str, &str) = ("BUILDKITE_REFSPEC", "+a:b c");

    #[test]
    fn what_is_fetched_follows_from_the_job() {
        // settings, refs, (fallback, patient, show_head)
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], (bool, bool, bool));
        let cases: [Case<'_>; 7] = [
            (&[], &["c0ffee"], (true, false, false)),
            (&[HEAD], &["side"], (false, false, false)),
            (&[PULL, HEAD], &["refs/pull/12/head"], (false, true, true)),
            (
                &[PULL, HEAD, MERGE],
                &["refs/pull/12/merge"],
                (false, false, true),
            ),
            (
                &[PULL],
                &["refs/pull/12/head", "c0ffee"],
                (true, false, true),
            ),
            (&[PULL, GIT], &["c0ffee"], (true, false, false)),
            (&[PULL, REFSPEC], &["+a:b", "c"], (false, false, false)),
        ];
        for (more, refs, (fallback, patient, show_head)) in cases {
            let refs = refs.iter().map(|&name| name.to_owned()).collect();
            let wanted = Plan {
                refs,
                fallback,
                patient,
                show_head,
            };
            assert_eq!(plan(&settings(more).checkout), wanted, "{more:?}");
        }
    }

    #[test]
    fn a_mirror_is_asked_for_refs_and_never_for_a_commit() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], bool);
        let cases: [Case<'_>; 6] = [
            (&[], &["side"], false),
            (&[HEAD], &["side"], false),
            (&[PULL], &["refs/pull/12/head"], true),
            (&[PULL, MERGE], &["refs/pull/12/merge"], false),
            (&[PULL, GIT], &["side"], false),
            (&[PULL, REFSPEC], &["+a:b", "c"], false),
        ];
        for (more, refs, patient) in cases {
            let refs = refs.iter().map(|&name| name.to_owned()).collect();
            let asked = refs_for_mirror(&settings(more).checkout);
            assert_eq!(asked, (refs, patient), "{more:?}");
        }
    }
}
