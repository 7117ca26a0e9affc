//! Large files that git keeps elsewhere (git LFS): commits hold pointers, and the files come after
//! the checkout, all together and not one by one.

use std::collections::HashSet;

use agent_process::Exit;

use super::error::{Cause, CheckoutError, Step};
use super::retry;
use super::sparse::Sparse;
use crate::job::{Job, Span};
use crate::trace::inside;

/// The variable that asks for it.
pub(crate) const ENABLED: &str = "BUILDKITE_GIT_LFS_ENABLED";
/// How often getting the files is tried.
const TRIES: u32 = 5;
/// How many paths one call takes, well below what a command line may hold.
const BATCH: usize = 1000;

/// Keeps git from getting each large file by itself while it checks out, if the job gets them all
/// together later.
pub(crate) fn spare_smudging(job: &mut Job) {
    if job.settings.checkout.lfs {
        job.env.set("GIT_LFS_SKIP_SMUDGE", "1");
    }
}

/// Makes sure that git has LFS, before any other work that would be in vain. Asked of git itself,
/// which finds programs of its own beside the `PATH`.
pub(super) async fn probe(job: &mut Job) -> Result<(), CheckoutError> {
    if !job.settings.checkout.lfs {
        return Ok(());
    }
    let (exit, _) = job.git_ended(&["lfs", "version"]).await?;
    if exit.success() {
        return Ok(());
    }
    Err(CheckoutError::NoLfs(exit))
}

/// Registers LFS with the repository.
pub(super) async fn install(job: &mut Job) -> Result<(), CheckoutError> {
    if !job.settings.checkout.lfs {
        return Ok(());
    }
    let args = ["lfs", "install", "--local"];
    inside(job, Span::new("git.lfs.install"), async |job| {
        job.git(Step::LfsInstall, &args).await
    })
    .await
}

/// Gets the large files and puts them in their places.
pub(super) async fn get(job: &mut Job, sparse: Option<&Sparse>) -> Result<(), CheckoutError> {
    if !job.settings.checkout.lfs {
        return Ok(());
    }
    let by_patterns = sparse.is_some_and(|sparse| sparse.directories().is_none());
    let present = if by_patterns {
        present(job).await?
    } else {
        Vec::new()
    };
    let calls = calls(sparse, &present);
    for attempt in 1.. {
        let span = Span::new("git.lfs.fetch");
        let work = async |job: &mut Job| all(job, &calls).await;
        let Err((exit, cause)) = inside(job, span, work).await? else {
            return Ok(());
        };
        let step = Step::Lfs;
        if matches!(exit, Exit::Signal(_)) {
            return Err(CheckoutError::Git { step, exit, cause });
        }
        if attempt >= TRIES {
            return Err(CheckoutError::Persistent { step, exit });
        }
        job.log.comment(&format!(
            "Getting large files failed (try {attempt} of {TRIES}); trying again"
        ));
        job.pause(retry::wait_inside(attempt)).await?;
    }
    unreachable!("the loop ends by returning")
}

/// Calls one after the other; how the first that fails ended.
async fn all(
    job: &mut Job,
    calls: &[Vec<String>],
) -> Result<Result<(), (Exit, Cause)>, CheckoutError> {
    for call in calls {
        let args: Vec<&str> = call.iter().map(String::as_str).collect();
        let (exit, tail) = job.git_ended(&args).await?;
        if !exit.success() {
            return Ok(Err((exit, Cause::of(&tail))));
        }
    }
    Ok(Ok(()))
}

/// How git is called. Directories narrow both steps. Patterns are none that LFS understands, so
/// everything is fetched, and placed is only what is `present`: the rest would come into being.
fn calls(sparse: Option<&Sparse>, present: &[String]) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let (fetch, places) = match sparse.map(Sparse::directories) {
        None => {
            let everywhere = vec![words(&["lfs", "fetch"]), words(&["lfs", "checkout"])];
            return everywhere;
        }
        Some(Some(directories)) => {
            let include = format!("--include={}", directories.join(","));
            (words(&["lfs", "fetch", &include]), directories)
        }
        Some(None) => (words(&["lfs", "fetch"]), present),
    };
    let mut calls = vec![fetch];
    for batch in places.chunks(BATCH) {
        let mut call: Vec<String> = words(&["lfs", "checkout"]);
        if batch.iter().any(|path| path.starts_with('-')) {
            call.push("--".to_owned());
        }
        call.extend_from_slice(batch);
        calls.push(call);
    }
    calls
}

/// Large files that are in the folder of a checkout by patterns.
async fn present(job: &mut Job) -> Result<Vec<String>, CheckoutError> {
    let index = job.git_text(Step::Lfs, &["ls-files", "-t", "-z"]).await?;
    let large = ["lfs", "ls-files", "-n"];
    let large = job.git_text(Step::Lfs, &large).await?;
    Ok(without_skipped(&index, &large))
}

/// The lines of `large` that the index does not mark as left out.
fn without_skipped(index: &str, large: &str) -> Vec<String> {
    let skipped: HashSet<&str> = index
        .split('\0')
        .filter_map(|entry| entry.strip_prefix("S "))
        .collect();
    large
        .lines()
        .filter(|path| !path.is_empty() && !skipped.contains(path))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_placed_in_batches_and_are_never_flags() {
        let mut many: Vec<String> = (0..2001).map(|n| format!("f{n}")).collect();
        many[2000] = "-odd".into();
        let calls: Vec<usize> = calls_by_pattern(&many).iter().map(Vec::len).collect();
        assert_eq!(calls, [2, 1002, 1002, 4]);
        assert_eq!(
            calls_by_pattern(&many[2000..])[1],
            ["lfs", "checkout", "--", "-odd"]
        );
        assert_eq!(calls_by_pattern(&[]), [["lfs", "fetch"]]);
    }

    fn calls_by_pattern(present: &[String]) -> Vec<Vec<String>> {
        calls(Some(&Sparse::by_patterns()), present)
    }

    #[test]
    fn files_that_a_sparse_checkout_leaves_out_are_not_placed() {
        let index = "H README\0S docs/big.bin\0H hull/a b.bin\0";
        let large = "docs/big.bin\nhull/a b.bin\n";
        assert_eq!(without_skipped(index, large), ["hull/a b.bin"]);
    }
}
