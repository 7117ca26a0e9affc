//! Finding the file of a hook in a folder.

use std::io;
use std::path::{Path, PathBuf};

use crate::Name;
#[cfg(windows)]
use crate::windows::file_names;

/// What a folder has under a hook's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The hook.
    Hook(PathBuf),
    /// A link to a place outside the root that hooks must stay in. It is not run.
    Outside(PathBuf),
}

/// Why nobody can tell whether there is a hook. A host's hook that is silently left out would be a
/// hole in what the host insists on, so this ends the job.
#[derive(Debug, thiserror::Error)]
#[error("look for the hook {path}: {error}; correct the rights of the folder", path = path.display())]
pub struct FindError {
    /// The file that was looked for.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub error: io::Error,
}

/// The names that the hook's file may have, the most wanted first.
#[cfg(not(windows))]
fn file_names(name: &str) -> impl Iterator<Item = String> {
    ["", ".ps1"]
        .into_iter()
        .map(move |ending| format!("{name}{ending}"))
}

/// Looks for the hook `name` in `folder`. Links may not lead out of `root`, if there is one.
pub fn find(folder: &Path, root: Option<&Path>, name: Name) -> Result<Found, FindError> {
    find_file(folder, root, name.as_str())
}

/// Looks in a folder of the host for a hook that belongs to the agent and not to a job, such as
/// `pre-bootstrap`. Links may lead anywhere.
pub fn find_of_agent(folder: &Path, name: &str) -> Result<Option<PathBuf>, FindError> {
    Ok(match find_file(folder, None, name)? {
        Found::Nothing => None,
        Found::Hook(path) | Found::Outside(path) => Some(path),
    })
}

fn find_file(folder: &Path, root: Option<&Path>, name: &str) -> Result<Found, FindError> {
    for file in file_names(name) {
        let path = folder.join(file);
        let error = match path.metadata() {
            Ok(metadata) if metadata.is_dir() => continue,
            Ok(_) => match root.map_or(Ok(true), |root| is_below(&path, root)) {
                Ok(true) => return Ok(Found::Hook(path)),
                Ok(false) => return Ok(Found::Outside(path)),
                Err(error) => error,
            },
            Err(error) => error,
        };
        if !means_absent(&error) {
            return Err(FindError { path, error });
        }
    }
    Ok(Found::Nothing)
}

fn is_below(path: &Path, root: &Path) -> io::Result<bool> {
    Ok(path.canonicalize()?.starts_with(root.canonicalize()?))
}

/// A link that leads round in a circle leads nowhere.
fn means_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory) || is_circle(error)
}

#[cfg(unix)]
fn is_circle(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_circle(_: &io::Error) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_hook_is_a_file_of_its_name_and_a_link_may_not_leave_the_root() {
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().join("root");
        let hooks = root.join("hooks");
        fs::create_dir_all(hooks.join("command")).expect("folders");
        for file in ["outside", "root/inside", "root/hooks/pre-exit.ps1"] {
            fs::write(dir.path().join(file), "").expect("file");
        }
        for file in ["pre-command", "pre-command.ps1"] {
            fs::write(hooks.join(file), "").expect("file");
        }
        symlink("../inside", hooks.join("post-command")).expect("link");
        symlink("../../outside", hooks.join("post-checkout")).expect("link");
        symlink(dir.path().join("outside"), hooks.join("checkout")).expect("link");
        symlink("nowhere", hooks.join("environment")).expect("link");
        symlink("pre-artifact", hooks.join("pre-artifact")).expect("link");
        let hook = |file: &str| Found::Hook(hooks.join(file));
        let outside = |file: &str| Found::Outside(hooks.join(file));
        let cases = [
            (Name::PreCommand, hook("pre-command")),
            (Name::PreExit, hook("pre-exit.ps1")),
            (Name::PostCommand, hook("post-command")),
            (Name::PostCheckout, outside("post-checkout")),
            (Name::Checkout, outside("checkout")),
            (Name::Command, Found::Nothing),
            (Name::Environment, Found::Nothing),
            (Name::PreArtifact, Found::Nothing),
            (Name::PostArtifact, Found::Nothing),
        ];
        for (name, wanted) in cases {
            let found = find(&hooks, Some(&root), name).expect("found");
            assert_eq!(found, wanted, "{name:?}");
            let anywhere = find(&hooks, None, name).expect("found");
            let Found::Outside(path) = wanted else {
                continue;
            };
            assert_eq!(anywhere, Found::Hook(path), "{name:?}");
        }
        let file = hooks.join("pre-command");
        let found = find(&file, None, Name::PreCommand).expect("found");
        assert_eq!(found, Found::Nothing, "a folder that is a file");
    }
}
