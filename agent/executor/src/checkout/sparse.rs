//! Sparse checkouts: only some directories of the repository are in the folder.
//!
//! A folder is used by many jobs, so one that is not sparse undoes what an earlier one set up.

use std::fs;
use std::path::PathBuf;

use agent_process::Exit;

use super::error::{CheckoutError, Step};
use crate::job::Job;
use crate::settings::SparseMode;

/// Files outside the wanted paths are not even downloaded, until something asks for them.
pub(super) const FILTER: &str = "--filter=blob:none";

/// Major and minor version of git.
type Version = (u32, u32);
/// The first git with a stable `sparse-checkout set`.
const SETS: Version = (2, 27);
/// The first git whose `sparse-checkout set` takes `--cone` and `--no-cone`. Older ones would take
/// them for paths.
const NAMES_THE_MODE: Version = (2, 35);

/// What is wanted, and that this host's git can do it.
#[derive(Debug)]
pub(super) struct Sparse {
    paths: Vec<String>,
    mode: SparseMode,
    /// Whether git is to be told the mode with the paths.
    names_the_mode: bool,
}

impl Sparse {
    /// What the job wants; none for a full checkout, also where git is too old for anything else.
    pub(super) async fn wanted_by(job: &mut Job) -> Result<Option<Self>, CheckoutError> {
        let paths = job.settings.checkout.sparse_paths.clone();
        if paths.is_empty() {
            return Ok(None);
        }
        let mode = job.settings.checkout.sparse_mode;
        let (_, text) = job.git_asked(&["--version"]).await?;
        let needed = match mode {
            SparseMode::Cone => SETS,
            SparseMode::NoCone => NAMES_THE_MODE,
        };
        let found = version(&text);
        let Some(found) = found.filter(|found| *found >= needed) else {
            let (major, minor) = needed;
            let text = text.trim();
            job.log.warning(&format!(
                "this sparse checkout needs git {major}.{minor} or newer, and here is {text:?}; everything is checked out"
            ));
            return Ok(None);
        };
        Ok(Some(Self {
            paths,
            mode,
            names_the_mode: found >= NAMES_THE_MODE,
        }))
    }

    /// One by patterns, for tests of those who use it.
    #[cfg(test)]
    pub(super) fn by_patterns() -> Self {
        Self {
            paths: vec!["/hull/".into(), "!/hull/old/".into()],
            mode: SparseMode::NoCone,
            names_the_mode: true,
        }
    }

    /// The directories, for those who can work by directory only; none for patterns.
    pub(super) fn directories(&self) -> Option<&[String]> {
        (self.mode == SparseMode::Cone).then_some(&self.paths)
    }
}

/// Adds to the flags of a clone what makes it sparse and light; a filter of the host's own stays.
pub(super) fn extend_clone_flags(flags: &mut Vec<String>) {
    let filtered = has_filter(flags);
    if !flags.iter().any(|flag| flag == "--sparse") {
        flags.push("--sparse".to_owned());
    }
    if !filtered {
        flags.push(FILTER.to_owned());
    }
}

/// Whether the host's own flags say which objects come along.
pub(super) fn has_filter(flags: &[String]) -> bool {
    flags
        .iter()
        .any(|flag| flag == "--filter" || flag.starts_with("--filter="))
}

/// Makes the checkout sparse, or full again.
pub(super) async fn apply(job: &mut Job, sparse: Option<&Sparse>) -> Result<(), CheckoutError> {
    match sparse {
        Some(sparse) => set_up(job, sparse).await,
        None => undo(job).await,
    }
}

async fn set_up(job: &mut Job, sparse: &Sparse) -> Result<(), CheckoutError> {
    let mode = match sparse.mode {
        SparseMode::Cone => "--cone",
        SparseMode::NoCone => "--no-cone",
    };
    let mut args = vec!["sparse-checkout", "set"];
    if sparse.names_the_mode {
        args.push(mode);
    } else {
        let init = ["sparse-checkout", "init", mode];
        job.git(Step::Sparse, &init).await?;
    }
    args.push("--");
    args.extend(sparse.paths.iter().map(String::as_str));
    job.git(Step::Sparse, &args).await
}

/// Undoes what an earlier job set up. Files tell first if there can be anything, so that most jobs
/// start no process for it.
async fn undo(job: &mut Job) -> Result<(), CheckoutError> {
    let git = git_folder(job);
    let marks = ["info/sparse-checkout", "config.worktree"];
    if !marks.iter().any(|mark| git.join(mark).exists()) {
        return Ok(());
    }
    let asked = ["config", "--get", "core.sparseCheckout"];
    let (_, answer) = job.git_asked(&asked).await?;
    if answer.trim() != "true" {
        return Ok(());
    }
    job.log
        .comment("An earlier job left a sparse checkout, which is undone");
    job.git_or_warn(&["sparse-checkout", "disable"]).await?;
    // What remains keeps older programs from reading the repository; others may need it, though.
    let asked = ["config", "--worktree", "--list"];
    let (exit, answer) = job.git_asked(&asked).await?;
    if exit == Exit::Code(0) && answer.trim().is_empty() {
        let unset = ["config", "--unset", "extensions.worktreeConfig"];
        job.git_ended(&unset).await?;
    }
    Ok(())
}

/// The repository's own folder; a `.git` file names where it is.
fn git_folder(job: &Job) -> PathBuf {
    let git = job.here(".git");
    match fs::read_to_string(&git) {
        Ok(text) => match text.strip_prefix("gitdir:") {
            Some(elsewhere) => job.here(elsewhere.trim()),
            None => git,
        },
        Err(_) => git,
    }
}

/// The version that `git --version` prints, such as `git version 2.39.5 (Apple Git-154)`.
fn version(text: &str) -> Option<Version> {
    let mut numbers = text.strip_prefix("git version ")?.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor: String = numbers
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_whatever_follows_it() {
        for (text, wanted) in [
            ("git version 2.39.5\n", Some((2, 39))),
            ("git version 2.26.0.windows.1", Some((2, 26))),
            ("git version 3.0-rc1", Some((3, 0))),
            ("git version 2", None),
            ("hub version 2.14.2", None),
            ("", None),
        ] {
            assert_eq!(version(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_clone_becomes_sparse_and_keeps_the_hosts_own_filter() {
        for (before, after) in [
            ("-v", "-v --sparse --filter=blob:none"),
            ("--filter=tree:0", "--filter=tree:0 --sparse"),
            ("--sparse", "--sparse --filter=blob:none"),
            ("--filter tree:0 --sparse", "--filter tree:0 --sparse"),
        ] {
            let mut flags: Vec<String> = before.split(' ').map(str::to_owned).collect();
            extend_clone_flags(&mut flags);
            assert_eq!(flags.join(" "), after);
        }
    }
}
