//! Where things lie, and reading them.

use std::path::{Path, PathBuf};

use shared_release::{Manifest, Root};
use shared_slots::Digest;

use crate::PublishError;
use crate::keys::read_if_there;

/// The keys and releases in a server's data folder. Names it only; nothing has to be there.
#[derive(Debug, Clone)]
pub struct Tree(PathBuf);

impl Tree {
    /// The tree of this data folder.
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }

    /// The trust root that is laid on hosts.
    pub fn root_file(&self) -> PathBuf {
        self.0.join("releases/root.json")
    }

    pub(crate) fn key(&self, role: &str) -> PathBuf {
        self.0.join("keys").join(format!("{role}.key"))
    }

    pub(crate) fn publish_lock(&self) -> PathBuf {
        self.0.join("keys/publish.lock")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.0.join("releases/v1/blobs")
    }

    /// The manifest of a channel; nothing for a text that is no channel's name. Names are lower-case
    /// letters, digits, `-` and `_`, so no name leaves the tree, and none is `blobs`.
    pub(crate) fn manifest_file(&self, channel: &str) -> Option<PathBuf> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        let is_name = (1..=64).contains(&channel.len()) && channel.bytes().all(plain);
        (is_name && channel != "blobs").then(|| {
            self.0
                .join("releases/v1")
                .join(channel)
                .join("manifest.json")
        })
    }

    /// The signed manifest of a channel as it is served; nothing where none was published.
    pub fn manifest(&self, channel: &str) -> Result<Option<Vec<u8>>, PublishError> {
        self.manifest_file(channel)
            .map_or(Ok(None), |path| read_if_there(&path))
    }

    /// Where the file of that digest lies; nothing for a text that is no digest. The file need not
    /// be there.
    pub fn blob(&self, digest: &str) -> Option<PathBuf> {
        let digest: Digest = digest.parse().ok()?;
        Some(self.blobs().join(digest.to_string()))
    }

    /// The serial of a channel's manifest, whose signature is checked against the root of the tree.
    pub fn serial(&self, channel: &str) -> Result<Option<u64>, PublishError> {
        let root_file = self.root_file();
        let Some(root) = read_if_there(&root_file)? else {
            return Ok(None);
        };
        let root = Root::from_trusted(&root).map_err(PublishError::damaged(&root_file))?;
        Ok(self
            .current(channel, &root)?
            .map(|manifest| manifest.serial))
    }

    /// The manifest of a channel, verified.
    pub(crate) fn current(
        &self,
        channel: &str,
        root: &Root,
    ) -> Result<Option<Manifest>, PublishError> {
        let Some(path) = self.manifest_file(channel) else {
            return Ok(None);
        };
        let Some(bytes) = read_if_there(&path)? else {
            return Ok(None);
        };
        root.verify_manifest(&bytes)
            .map(Some)
            .map_err(PublishError::damaged(&path))
    }
}
