//! A bundle: one file with all roots, the manifest and the files for some platforms, for hosts that
//! reach no server. Its bytes depend on its content only.
//!
//! It is a zip in which nothing is compressed, laid out as the tree is served, and holding nothing
//! else, because hosts refuse other names: `v1/roots/<N>.root.json`, `v1/<channel>/manifest.json`,
//! `v1/blobs/<sha256>`. Nothing in it needs to be trusted: a host checks it as it checks what a
//! server sends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::disk::{self, Readers};
use crate::{Platform, PublishError, Publisher, archive};

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Serial of the manifest.
    pub serial: u64,
    /// How many files of releases.
    pub files: usize,
    /// Length of the bundle in bytes.
    pub size: u64,
    /// Its sha256, in hex.
    pub digest: String,
}

impl Publisher<'_> {
    /// Writes a bundle with the newest manifest of a channel and the files of all versions that it
    /// lists for these platforms; of all platforms where none is given.
    pub fn export(
        &self,
        channel: &str,
        platforms: &[Platform],
        to: &Path,
    ) -> Result<Exported, PublishError> {
        let open = self.open()?;
        let manifest = self.current(&open, channel)?;
        let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
        for version in open.chain.versions() {
            let path = self.tree.root_version_file(version);
            files.insert(format!("v1/roots/{version}.root.json"), path);
        }
        let place =
            (self.tree.manifest_file(channel)).ok_or_else(|| PublishError::channel(channel))?;
        files.insert(format!("v1/{channel}/manifest.json"), place);
        let documents = files.len();
        let is_wanted = |os: &str, arch: &str| {
            let fits = |one: &Platform| (one.os.as_str(), one.arch.as_str()) == (os, arch);
            platforms.is_empty() || platforms.iter().any(fits)
        };
        for target in manifest
            .releases
            .iter()
            .flat_map(|release| &release.targets)
        {
            if is_wanted(&target.os, &target.arch) && !manifest.is_revoked(&target.sha256) {
                let path = self.tree.blob_of(target.sha256);
                files.insert(format!("v1/blobs/{}", target.sha256), path);
            }
        }
        if files.len() == documents {
            return Err(PublishError::Refused(format!(
                "channel {channel} has no files for what was asked for; `release show` lists its \
                 platforms"
            )));
        }
        let count = files.len() - documents;
        let files: Vec<(String, PathBuf)> = files.into_iter().collect();
        let (digest, size) = write(&files, to)?;
        Ok(Exported {
            serial: manifest.serial,
            files: count,
            size,
            digest,
        })
    }
}

/// Writes the bundle beside its place first, so that no half of one lies there.
fn write(files: &[(String, PathBuf)], to: &Path) -> Result<(String, u64), PublishError> {
    let folder = disk::parent(to);
    let fail = |error| PublishError::file("write", to)(error);
    let made = disk::unfinished(folder, Readers::Everybody).map_err(fail)?;
    archive::write(made.as_file(), files)?;
    made.as_file().sync_all().map_err(fail)?;
    let (digest, size) = disk::digest_of(made.path())?;
    made.persist(to).map_err(|error| fail(error.error))?;
    disk::sync_folder(folder)?;
    Ok((digest.to_string(), size))
}
