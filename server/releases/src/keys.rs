//! The publisher's keys. They stay in the data folder; only their public halves leave it.

use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use shared_release::{Keypair, Root, RootDraft};

use crate::{PublishError, Tree, disk};

/// When a root should have been replaced by a newer one: ten years. Hosts never lose trust by it.
const ROOT_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// What publishing needs: the key that signs manifests and the root that says so.
pub(crate) struct Signer {
    pub(crate) release: Keypair,
    pub(crate) root: Root,
}

impl Signer {
    /// Reads the keys and the root, or makes what is missing of them.
    pub(crate) fn open(tree: &Tree, now: Timestamp) -> Result<Self, PublishError> {
        let root_key = load_or_make(&tree.key("root"))?;
        let release = load_or_make(&tree.key("release"))?;
        let path = tree.root_file();
        let bytes = match read_if_there(&path)? {
            Some(bytes) => bytes,
            None => {
                let draft = RootDraft {
                    root_keys: &[&root_key],
                    root_threshold: 1,
                    release_keys: &[&release],
                    release_threshold: 1,
                    expires: now
                        .saturating_add(ROOT_LIFE)
                        .map_err(|error| out_of_range(&path, error))?,
                };
                let bytes = draft.build().map_err(PublishError::damaged(&path))?;
                disk::replace(&path, &bytes)?;
                bytes
            }
        };
        let root = Root::from_trusted(&bytes).map_err(PublishError::damaged(&path))?;
        Ok(Self { release, root })
    }
}

fn load_or_make(path: &Path) -> Result<Keypair, PublishError> {
    if let Some(bytes) = read_if_there(path)? {
        let text = String::from_utf8_lossy(&bytes);
        return Keypair::from_text(&text).map_err(PublishError::damaged(path));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(PublishError::Random)?;
    let key = Keypair::from_seed(seed);
    disk::replace(path, key.to_text().as_bytes())?;
    Ok(key)
}

pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PublishError::file("read", path)(error)),
    }
}

fn out_of_range(path: &Path, error: jiff::Error) -> PublishError {
    PublishError::file("date", path)(io::Error::other(error))
}
