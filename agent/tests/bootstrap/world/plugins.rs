//! Plugins for a job of this host.

use std::fs;
use std::path::{Path, PathBuf};

use super::World;

impl World {
    /// A world whose job has no checkout, and prints nothing of its own.
    pub(crate) fn with_plugins(list: &str) -> Self {
        let mut world = Self::without_checkout("echo command");
        let path = world.path("plugins").to_str().expect("text").to_owned();
        world
            .set("BUILDKITE_PLUGINS_PATH", &path)
            .set("BUILDKITE_PLUGINS", list);
        world
    }

    /// A repository with these files; answers its path.
    pub(crate) fn plugin(&self, name: &str, files: &[(&str, &str)]) -> String {
        let path = self.path(name);
        if !path.exists() {
            self.git(".", &["init", "-q", "-b", "main", name]);
        }
        for (file, text) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().expect("parent")).expect("folder");
            fs::write(file, text).expect("file");
        }
        self.git(name, &["add", "-A"]);
        self.git(name, &["commit", "-q", "-m", "change"]);
        path.to_str().expect("text").to_owned()
    }

    /// What lies in the folder of the plugins of `agent-1`.
    pub(crate) fn kept(&self) -> Vec<String> {
        names(&self.path("plugins/agent-1"))
    }

    /// What lies in the folder of all plugins beside the folder of `agent-1`.
    pub(crate) fn strays(&self) -> Vec<String> {
        let mut names = names(&self.path("plugins"));
        names.retain(|name| name != "agent-1");
        names
    }

    /// The only plugin that `agent-1` has.
    pub(crate) fn only_kept(&self) -> PathBuf {
        match &self.kept()[..] {
            [one] => self.path("plugins/agent-1").join(one),
            other => panic!("{other:?}"),
        }
    }
}

/// Sorted; none if there is no such folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let name = |entry: Result<fs::DirEntry, _>| entry.expect("entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().expect("text"))
        .collect();
    names.sort();
    names
}
