//! Where plugins lie on this host.
//!
//! ```text
//! <plugins path>/
//!   <agent>/           locked while the plugins of a job are got
//!     <plugin>/        a clone, or an unpacked archive for the time of a job
//!   <digits>/          what is being got; named only once it is whole
//! ```

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::error::Trouble;
use crate::job::Job;

/// Between two looks whether another job is done with the folder.
const PAUSE: Duration = Duration::from_millis(100);

/// The folders of one agent's plugins, for as long as no other job may change them.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder of all agents.
    pub(super) path: PathBuf,
    /// The folder of this one.
    pub(super) own: PathBuf,
    _lock: File,
}

impl Place {
    /// Makes the folders and waits until no other job changes them. Agents have folders of their
    /// own, but nothing keeps two agents of a host from having the same name.
    pub(super) async fn take(job: &mut Job) -> Result<Self, Trouble> {
        let path = job.settings.plugins.path.as_ref().ok_or(Trouble::NoPlace)?;
        let path = std::path::absolute(path).map_err(Trouble::file("find", path))?;
        let own = folder_of_agent(&path, &job.settings.agent)?;
        fs::create_dir_all(&own).map_err(Trouble::file("create", &own))?;
        let lock = File::open(&own).map_err(Trouble::file("open", &own))?;
        let mut told = false;
        // Some network file systems know no locks; there is one job for a name then.
        while let Err(TryLockError::WouldBlock) = lock.try_lock() {
            if !std::mem::replace(&mut told, true) {
                job.log
                    .comment("Waiting for another job that gets its plugins");
            }
            job.pause(PAUSE).await?;
        }
        Ok(Self {
            path,
            own,
            _lock: lock,
        })
    }

    /// A new folder for what has no name yet; it goes with the value.
    pub(super) fn temporary(&self) -> Result<TempDir, Trouble> {
        let number = RandomState::new().hash_one(0_u8);
        tempfile::Builder::new()
            .prefix(&format!("{number:020}"))
            .rand_bytes(0)
            .tempdir_in(&self.path)
            .map_err(Trouble::file("create a folder in", &self.path))
    }
}

/// Gives what is whole its name.
pub(super) fn name(whole: TempDir, folder: &Path) -> Result<(), Trouble> {
    fs::rename(whole.path(), folder).map_err(Trouble::file("name", folder))?;
    let _ = whole.keep();
    Ok(())
}

/// The agent's name as it is, so that it may hold slashes, but never leads elsewhere.
fn folder_of_agent(path: &Path, agent: &str) -> Result<PathBuf, Trouble> {
    let mut folder = path.to_owned();
    for component in Path::new(agent).components() {
        match component {
            Component::Normal(name) => folder.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Trouble::AgentName(agent.to_owned()));
            }
        }
    }
    Ok(folder)
}

/// Whether there is a folder at this path inside of `root`, wherever links lead.
pub(super) fn has_folder(root: &Path, relative: &Path) -> bool {
    inside(root, relative).is_some_and(|path| path.is_dir())
}

/// The file at this path inside of `root`, wherever links lead; none if it is outside.
pub(super) fn file_inside(root: &Path, relative: &Path) -> Option<PathBuf> {
    inside(root, relative).filter(|path| path.is_file())
}

fn inside(root: &Path, relative: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let path = root.join(relative).canonicalize().ok()?;
    path.starts_with(root).then_some(path)
}

/// Removes a folder, large ones beside the loop that hears signals; one that is not there is fine.
pub(super) async fn remove(folder: &Path) -> Result<(), Trouble> {
    let path = folder.to_owned();
    let removal = move || match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    tokio::task::spawn_blocking(removal)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(Trouble::file("remove", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_agent_never_leads_out_of_the_plugins() {
        for (agent, folder) in [
            ("rower-1", "/p/rower-1"),
            ("Rower #2 (é)", "/p/Rower #2 (é)"),
            ("fleet/rower", "/p/fleet/rower"),
            ("/etc", "/p/etc"),
            (".", "/p"),
        ] {
            let found = folder_of_agent(Path::new("/p"), agent).expect("folder");
            assert_eq!(found, Path::new(folder));
        }
        for agent in ["..", "a/../../b", "/.."] {
            assert!(folder_of_agent(Path::new("/p"), agent).is_err(), "{agent}");
        }
    }

    #[test]
    fn only_folders_inside_are_found() {
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/hooks")).expect("folders");
        fs::create_dir_all(dir.path().join("outside/hooks")).expect("folders");
        fs::write(root.join("file"), "").expect("file");
        std::os::unix::fs::symlink("../outside", root.join("out")).expect("link");
        std::os::unix::fs::symlink("a", root.join("in")).expect("link");
        for (path, found) in [
            ("a/hooks", true),
            ("a/../a/hooks", true),
            ("in/hooks", true),
            (".", true),
            ("out/hooks", false),
            ("../outside/hooks", false),
            ("/", false),
            ("file", false),
            ("none", false),
        ] {
            assert_eq!(has_folder(&root, Path::new(path)), found, "{path}");
        }
    }
}
