//! Where things lie, and reading them.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use shared_release::Manifest;
use shared_slots::Digest;

use crate::chain::Chain;
use crate::{PublishError, disk};

/// The keys and releases in a server's data folder. Names it only; nothing has to be there.
#[derive(Debug, Clone)]
pub struct Tree(PathBuf);

impl Tree {
    /// The tree of this data folder.
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }

    /// The newest trust root: the one to lay on new hosts.
    pub fn root_file(&self) -> PathBuf {
        self.0.join("releases/root.json")
    }

    /// The folder of the private keys and of the list that says which key is where.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    pub(crate) fn roots(&self) -> PathBuf {
        self.0.join("releases/v1/roots")
    }

    pub(crate) fn root_version_file(&self, version: u64) -> PathBuf {
        self.roots().join(format!("{version}.root.json"))
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.0.join("releases/v1/blobs")
    }

    pub(crate) fn blob_of(&self, digest: Digest) -> PathBuf {
        self.blobs().join(digest.to_string())
    }

    pub(crate) fn history(&self, channel: &str) -> PathBuf {
        self.0.join("releases/history").join(channel)
    }

    pub(crate) fn history_file(&self, channel: &str, serial: u64) -> PathBuf {
        // Padded, so that a listing of the folder is in order.
        self.history(channel)
            .join(format!("{serial:010}.manifest.json"))
    }

    /// The manifest of a channel; nothing for a text that is no channel's name. Names are lower-case
    /// letters, digits, `-` and `_`, so no name leaves the tree, and none is another part of it.
    pub(crate) fn manifest_file(&self, channel: &str) -> Option<PathBuf> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        let is_name = (1..=64).contains(&channel.len()) && channel.bytes().all(plain);
        (is_name && !matches!(channel, "blobs" | "roots")).then(|| {
            self.0
                .join("releases/v1")
                .join(channel)
                .join("manifest.json")
        })
    }

    /// Channels in which something was published, in order.
    pub fn channels(&self) -> Result<Vec<String>, PublishError> {
        let names = disk::names(&self.0.join("releases/v1"))?;
        Ok(names
            .into_iter()
            .filter(|name| self.manifest_file(name).is_some_and(|path| path.is_file()))
            .collect())
    }

    /// The signed manifest of a channel as it is served; nothing where none was published.
    pub fn manifest(&self, channel: &str) -> Result<Option<Vec<u8>>, PublishError> {
        self.manifest_file(channel)
            .map_or(Ok(None), |path| disk::read_if_there(&path))
    }

    /// A trust root as it is served: `<version>.root.json`; nothing for another name, and for a
    /// version that does not exist.
    pub fn root(&self, file: &str) -> Result<Option<Vec<u8>>, PublishError> {
        let version = file.strip_suffix(".root.json");
        let version = version.and_then(|text| text.parse::<u64>().ok());
        match version {
            Some(version) if format!("{version}.root.json") == file => {
                disk::read_if_there(&self.root_version_file(version))
            }
            _ => Ok(None),
        }
    }

    /// Where the file of that digest lies; nothing for a text that is no digest. The file need not
    /// be there.
    pub fn blob(&self, digest: &str) -> Option<PathBuf> {
        Some(self.blob_of(digest.parse().ok()?))
    }

    /// The serial of a channel's manifest, whose signature is checked against the roots of the tree.
    pub fn serial(&self, channel: &str) -> Result<Option<u64>, PublishError> {
        Ok(self.current(channel)?.map(|manifest| manifest.serial))
    }

    /// The manifest of a channel, verified; nothing where none was published.
    pub fn current(&self, channel: &str) -> Result<Option<Manifest>, PublishError> {
        match Chain::read(self)? {
            Some(chain) => self.judged(channel, |bytes| chain.manifest(bytes)),
            None => Ok(None),
        }
    }

    /// The manifest of a channel, if `judge` lets it pass.
    pub(crate) fn judged(
        &self,
        channel: &str,
        judge: impl FnOnce(&[u8]) -> Result<Manifest, shared_release::Error>,
    ) -> Result<Option<Manifest>, PublishError> {
        let path = self
            .manifest_file(channel)
            .ok_or_else(|| PublishError::channel(channel))?;
        let Some(bytes) = disk::read_if_there(&path)? else {
            return Ok(None);
        };
        judge(&bytes)
            .map(Some)
            .map_err(PublishError::damaged(&path))
    }

    /// Earlier manifests of a channel that were kept, newest first. Those that no root of the tree
    /// has signed are left out.
    pub(crate) fn past(&self, channel: &str, chain: &Chain) -> Result<Vec<Manifest>, PublishError> {
        let folder = self.history(channel);
        let mut past = Vec::new();
        for name in disk::names(&folder)?.iter().rev() {
            let bytes = disk::read_if_there(&folder.join(name))?;
            past.extend(bytes.and_then(|bytes| chain.manifest(&bytes).ok()));
        }
        Ok(past)
    }

    /// Waits for other publishers, and keeps them out while the file is held. Says so before it waits:
    /// the other one may be waiting for somebody who has a key.
    pub(crate) fn lock(&self, tell: &dyn Fn(&str)) -> Result<File, PublishError> {
        let path = self.keys().join("publish.lock");
        disk::touch(&path)?;
        let open = OpenOptions::new().append(true).open(&path);
        let file = open.map_err(PublishError::file("open", &path))?;
        let fail = PublishError::file("lock", &path);
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tell("note: waiting for another publisher"),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        file.lock().map_err(fail)?;
        Ok(file)
    }
}
