//! The chain of roots on disk: the one this host was installed with, and those that followed it.
//!
//! They lie in `trust/` as they came, and are followed again from the first at each start, so a
//! file that somebody else wrote there counts for nothing. All but the first can be lost: they are
//! fetched again.

use std::io;
use std::path::{Path, PathBuf};

use shared_handover::layout::StateDir;
use shared_release::{Error, MAX_SIGNED, Root};
use shared_slots::{Fs as _, OsFs, Records};
use tracing::{info, warn};

use super::{TrustError, put_aside};

/// The roots of this host.
#[derive(Debug)]
pub(super) struct Chain {
    folder: PathBuf,
    newest: Root,
}

impl Chain {
    /// Follows the roots that lie in the folder. Where there is none, or the first makes no sense,
    /// it is taken from `given`.
    pub(super) fn load(
        state: &StateDir,
        given: Option<&Path>,
        records: &Records,
    ) -> Result<Self, TrustError> {
        let folder = state.trust();
        let installed = folder.join("1.root.json");
        let newest = match read_root(&installed) {
            Ok(root) => root,
            Err(TrustError::Unreadable { cause, .. })
                if cause.kind() == io::ErrorKind::NotFound =>
            {
                import(given.ok_or(TrustError::NoRoot)?, &installed, records)?
            }
            Err(TrustError::Refused { path, cause }) => {
                let Some(given) = given else {
                    return Err(TrustError::Refused { path, cause });
                };
                put_aside(records, &installed);
                warn!(%cause, "the trust root cannot be used; taking the given one again");
                import(given, &installed, records)?
            }
            Err(error) => return Err(error),
        };
        let mut chain = Self { folder, newest };
        while chain.step(records) {}
        Ok(chain)
    }

    pub(super) const fn newest(&self) -> &Root {
        &self.newest
    }

    /// Trusts the next root. One that cannot be kept is trusted all the same: it is fetched again
    /// after the next start.
    pub(super) fn follow(&mut self, bytes: &[u8], records: &Records) -> Result<(), Error> {
        self.newest = self.newest.follow(bytes)?;
        let path = self.file(self.newest.version());
        let kept = records
            .folder(&self.folder)
            .and_then(|()| records.replace(&path, bytes));
        if let Err(error) = kept {
            warn!(%error, file = %path.display(), "cannot keep the trust root");
        }
        Ok(())
    }

    /// Follows to the next root on disk; whether there was one.
    fn step(&mut self, records: &Records) -> bool {
        let Some(next) = self.newest.version().checked_add(1) else {
            return false;
        };
        let path = self.file(next);
        let followed = match OsFs.read("roots.read", &path, MAX_SIGNED as u64 + 1) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            Err(error) => Err(error.to_string()),
            Ok(bytes) => self
                .newest
                .follow(&bytes)
                .map_err(|error| error.to_string()),
        };
        match followed {
            Ok(root) => {
                self.newest = root;
                true
            }
            Err(reason) => {
                put_aside(records, &path);
                warn!(%reason, "a kept trust root cannot be used; it is fetched again");
                false
            }
        }
    }

    fn file(&self, version: u64) -> PathBuf {
        self.folder.join(format!("{version}.root.json"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    OsFs.read("root.read", path, MAX_SIGNED as u64 + 1)
        .map_err(|cause| TrustError::Unreadable {
            path: path.to_owned(),
            cause,
        })
}

fn read_root(path: &Path) -> Result<Root, TrustError> {
    Root::from_trusted(&read(path)?).map_err(|cause| TrustError::Refused {
        path: path.to_owned(),
        cause,
    })
}

/// Takes over the root that the installer laid down; only one that makes sense.
fn import(from: &Path, to: &Path, records: &Records) -> Result<Root, TrustError> {
    let root = read_root(from)?;
    let bytes = read(from)?;
    let folder = to.parent().unwrap_or(to);
    records
        .folder(folder)
        .and_then(|()| records.replace(to, &bytes))
        .map_err(|cause| TrustError::NotKept {
            path: to.to_owned(),
            cause,
        })?;
    info!(version = root.version(), from = %from.display(), "trust root imported");
    Ok(root)
}
