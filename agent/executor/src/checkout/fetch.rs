//! Fetching what the job is about.

use agent_process::Exit;

use super::error::{CheckoutError, Step};
use super::{git, retry};
use crate::job::{Job, Tail};
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
    let number = checkout.pull_request.as_deref();
    if let Some(number) = number.filter(|_| checkout.provider.contains("github")) {
        let side = if checkout.merge_refspec {
            "merge"
        } else {
            "head"
        };
        let pull = format!("refs/pull/{number}/{side}");
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

/// Fetches.
pub(super) async fn run(job: &mut Job) -> Result<(), CheckoutError> {
    if job.settings.checkout.skip_fetch_of_existing && has_commit(job).await? {
        job.log
            .comment("The commit is already here, so nothing is fetched");
        return Ok(());
    }
    let plan = plan(&job.settings.checkout);
    let refs: Vec<&str> = plan.refs.iter().map(String::as_str).collect();
    if plan.patient {
        with_patience(job, &refs).await?;
    } else {
        let (exit, tail) = once(job, &refs).await?;
        if !exit.success() {
            if !(plan.fallback && names_unknown_ref(&tail)) {
                return Err(CheckoutError::Git {
                    step: Step::Fetch,
                    exit,
                });
            }
            everything(job).await?;
        }
    }
    if plan.show_head {
        let head = job
            .git_text(Step::Resolve, &["rev-parse", "FETCH_HEAD"])
            .await?;
        job.log
            .comment(&format!("FETCH_HEAD is now {}", head.trim()));
    }
    Ok(())
}

/// Servers that know the ref by no name say so in these words.
fn names_unknown_ref(tail: &Tail) -> bool {
    tail.contains("ouldn't find remote ref")
}

/// All branches and tags: a commit that cannot be asked for by name is among them.
async fn everything(job: &mut Job) -> Result<(), CheckoutError> {
    job.log.comment(
        "The server does not give this commit by name, so all branches and tags are fetched",
    );
    let configured = job
        .git_text(Step::Fetch, &["config", "remote.origin.fetch"])
        .await?;
    with_patience(job, &[configured.trim(), "+refs/tags/*:refs/tags/*"]).await
}

async fn with_patience(job: &mut Job, refs: &[&str]) -> Result<(), CheckoutError> {
    let mut attempt = 1;
    loop {
        let (exit, _) = once(job, refs).await?;
        if exit.success() {
            return Ok(());
        }
        if attempt >= TRIES || matches!(exit, Exit::Signal(_)) {
            return Err(CheckoutError::Persistent {
                step: Step::Fetch,
                exit,
            });
        }
        job.log.comment(&format!(
            "The fetch failed (try {attempt} of {TRIES}); trying again"
        ));
        job.pause(retry::wait_inside(attempt)).await?;
        attempt += 1;
    }
}

async fn once(job: &mut Job, refs: &[&str]) -> Result<(Exit, Tail), CheckoutError> {
    let flags = job.settings.checkout.flags.fetch.clone();
    let mut args = git::args(&["fetch"], &flags, &["--", "origin"]);
    args.extend(refs);
    let ended = job.git_ended(&args).await?;
    if job.canceled_by().is_some() {
        return Err(CheckoutError::Canceled);
    }
    Ok(ended)
}

async fn has_commit(job: &mut Job) -> Result<bool, CheckoutError> {
    let commit = job.settings.checkout.commit.clone();
    let object = format!("{commit}^{{commit}}");
    let args = ["--git-dir", ".git", "rev-parse", &object];
    let (exit, found) = job.capture("git", &args, b"").await?;
    Ok(exit.success() && found.trim_ascii() == commit.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::settings::Settings;

    fn planned(more: &[(&str, &str)]) -> Plan {
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
        let settings = Settings::read(&std::collections::BTreeMap::new(), &env);
        plan(&settings.expect("read").checkout)
    }

    #[test]
    fn what_is_fetched_follows_from_the_job() {
        const HEAD: (&str, &str) = ("BUILDKITE_COMMIT", "HEAD");
        const PULL: (&str, &str) = ("BUILDKITE_PULL_REQUEST", "12");
        const MERGE: (&str, &str) = ("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC", "true");
        const GIT: (&str, &str) = ("BUILDKITE_PIPELINE_PROVIDER", "git");
        const REFSPEC: (&str, &str) = ("BUILDKITE_REFSPEC", "+a:b c");
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
            assert_eq!(planned(more), wanted, "{more:?}");
        }
    }
}
