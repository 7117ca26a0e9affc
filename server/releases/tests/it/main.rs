//! The publisher, proved through what hosts and people see of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bundle;
mod deltas;
mod keys;
mod publish;
mod rotation;
mod withdrawal;

use std::path::PathBuf;

use jiff::Timestamp;
use server_releases::{
    Draft, Files, KeyAccess, Platform, PublishError, Published, Publisher, Tree,
};
use shared_release::{Manifest, Root, Walk};
use tempfile::TempDir;

/// A data folder, and the files of a release in it.
struct Bed {
    folder: TempDir,
    tree: Tree,
    access: KeyAccess,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(folder.path());
        let bed = Self {
            folder,
            tree,
            access: KeyAccess::default(),
        };
        bed.file("launcher", "launcher 1");
        bed.file("agent", "agent 1");
        bed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn publisher(&self) -> Publisher<'_> {
        Publisher {
            tree: &self.tree,
            access: self.access.clone(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            tell: &|_| {},
        }
    }

    fn draft_for(&self, version: &str, platform: &str) -> Result<Draft, PublishError> {
        let files = Files {
            platform: Platform::parse(platform)?,
            launcher: self.path("launcher"),
            agent: self.path("agent"),
            plugins: None,
        };
        Ok(Draft::new("stable", version, vec![files]))
    }

    fn draft(&self, version: &str) -> Draft {
        self.draft_for(version, "linux-x86_64").unwrap()
    }

    fn publish(&self, version: &str) -> Published {
        self.publisher().publish(&self.draft(version)).unwrap()
    }

    /// The first root: what the oldest hosts were installed with.
    fn first_root(&self) -> Root {
        Root::from_trusted(&self.tree.root("1.root.json").unwrap().unwrap()).unwrap()
    }

    /// Walks as a host does, from the first root.
    fn walk(&self) -> Root {
        let mut walk = Walk::from(self.first_root());
        while let Some(version) = walk.next_version() {
            let Some(bytes) = self.tree.root(&format!("{version}.root.json")).unwrap() else {
                break;
            };
            walk.step(&bytes).unwrap();
        }
        walk.into_root()
    }

    /// The manifest as a host accepts it that has walked from the first root.
    fn manifest(&self) -> Manifest {
        let bytes = self.tree.manifest("stable").unwrap().unwrap();
        self.walk().verify_manifest(&bytes).unwrap()
    }

    /// Everything below a folder: names and content.
    fn snapshot(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = std::fs::read(&path).unwrap();
                    found.push((path, content));
                }
            }
        }
        found.sort();
        found
    }

    fn blob_count(&self) -> usize {
        self.snapshot("releases/v1/blobs").len()
    }
}
