//! What this host trusts: the root it was installed with, and the last manifest it verified.
//!
//! The root is imported once and never replaced. The manifest is kept as transported, so that it is
//! verified again at each start; it is the high-water mark below which nothing is accepted, and it
//! may be missing: then the next one sets the mark.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared_handover::layout::StateDir;
use shared_release::{Error, Manifest, Root, Seen, adoption_time};
use tracing::{info, warn};

use crate::checkpoint;
use crate::durable;
use crate::step_verify::verify;

/// Why there is no root to trust.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error(
        "there is no trust root; give --trust-root FILE once, with the root.json of the server"
    )]
    NoRoot,
    #[error("cannot read the trust root {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("the trust root {} was refused: {cause}", path.display())]
    Refused { path: PathBuf, cause: Error },
    #[error("cannot keep the trust root as {}: {cause}", path.display())]
    NotKept { path: PathBuf, cause: io::Error },
}

/// Why a manifest was refused, and what a person may do about it. A manifest that none of our keys
/// has signed comes from an attacker, or the host was given another server's root.
pub(crate) fn advice(error: &Error) -> String {
    match error {
        Error::Signatures {
            valid: 0,
            mismatched,
            ..
        } if mismatched.is_empty() => format!(
            "{error}; if the server is the right one, the trust root is not: stop the host, remove \
             `trust` from its state folder, and start it with that server's --trust-root"
        ),
        _ => error.to_string(),
    }
}

/// The trusted root and manifest of one channel.
#[derive(Debug)]
pub(crate) struct Trust {
    root: Root,
    channel: String,
    record: PathBuf,
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    manifest: Manifest,
    etag: Option<String>,
}

/// The file that keeps the last manifest.
#[derive(Serialize, Deserialize)]
struct Record {
    etag: Option<String>,
    /// The envelope as transported, which is text.
    envelope: String,
}

impl Trust {
    /// Loads the root of this host, or imports it from `given` if it has none yet, and the last
    /// manifest.
    pub(crate) fn load(
        state: &StateDir,
        given: Option<&Path>,
        channel: &str,
    ) -> Result<Self, TrustError> {
        let installed = state.trust().join("1.root.json");
        let root = match read_root(&installed) {
            Err(TrustError::Unreadable { cause, .. })
                if cause.kind() == io::ErrorKind::NotFound =>
            {
                import(given.ok_or(TrustError::NoRoot)?, &installed)?
            }
            root => root?,
        };
        let mut trust = Self {
            root,
            channel: channel.to_owned(),
            record: state.manifest(),
            known: None,
        };
        if let Err(reason) = trust.recall() {
            let aside = durable::put_aside(&trust.record, &state.quarantine());
            warn!(%reason, ?aside, "the last manifest cannot be used; starting without it");
        }
        Ok(trust)
    }

    /// ETag of the known manifest, if it has one.
    pub(crate) fn etag(&self) -> Option<&str> {
        self.known.as_ref()?.etag.as_deref()
    }

    /// The last manifest that was verified.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        Some(&self.known.as_ref()?.manifest)
    }

    /// Whether the known manifest may still be adopted at this wall-clock time.
    pub(crate) fn is_fresh(&self, wall: Timestamp) -> bool {
        self.manifest().is_some_and(|manifest| {
            manifest.is_fresh(adoption_time(wall, Some(&Seen::of(manifest))))
        })
    }

    /// Verifies what the server sent, and keeps it as the new mark before anybody acts on it. Returns
    /// whether it is another one than the known.
    pub(crate) fn accept(&mut self, bytes: Vec<u8>, etag: Option<String>) -> Result<bool, Error> {
        let seen = self.manifest().map(Seen::of);
        let manifest = verify(&bytes, &self.root, &self.channel, seen.as_ref())?;
        let is_new = seen != Some(Seen::of(&manifest));
        let record = Record {
            etag: etag.clone(),
            envelope: String::from_utf8(bytes).unwrap_or_default(),
        };
        let text = serde_json::to_vec(&record).expect("text always serialises");
        if let Err(cause) = durable::replace(&self.record, &text) {
            warn!(%cause, file = %self.record.display(), "cannot keep the manifest");
        }
        checkpoint::reached("manifest-kept");
        if is_new {
            info!(serial = manifest.serial, channel = %manifest.channel, "new manifest verified");
        }
        self.known = Some(Known { manifest, etag });
        Ok(is_new)
    }

    /// Reads the last manifest back. A missing one is fine; of another channel, it is forgotten.
    fn recall(&mut self) -> Result<(), String> {
        let bytes = match fs::read(&self.record) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read.map_err(|error| error.to_string())?,
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        match verify(record.envelope.as_bytes(), &self.root, &self.channel, None) {
            Ok(manifest) => {
                self.known = Some(Known {
                    manifest,
                    etag: record.etag,
                });
                Ok(())
            }
            Err(Error::WrongChannel { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn read_root(path: &Path) -> Result<Root, TrustError> {
    let bytes = fs::read(path).map_err(|cause| TrustError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    Root::from_trusted(&bytes).map_err(|cause| TrustError::Refused {
        path: path.to_owned(),
        cause,
    })
}

/// Takes over the root that the installer laid down; only one that makes sense.
fn import(from: &Path, to: &Path) -> Result<Root, TrustError> {
    let root = read_root(from)?;
    fs::read(from)
        .and_then(|bytes| durable::replace(to, &bytes))
        .map_err(|cause| TrustError::NotKept {
            path: to.to_owned(),
            cause,
        })?;
    info!(version = root.version(), from = %from.display(), "trust root imported");
    Ok(root)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use shared_release::{Keypair, RootDraft, sign};
    use tempfile::TempDir;

    use super::*;

    struct Bed {
        folder: TempDir,
        state: StateDir,
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_760_000_000).unwrap()
    }

    fn release_key() -> Keypair {
        Keypair::from_seed([2; 32])
    }

    fn envelope(channel: &str, serial: u64) -> Vec<u8> {
        let end = now() + SignedDuration::from_hours(1);
        let manifest = Manifest::new(channel, serial, now(), end);
        sign(&manifest.to_payload().unwrap(), &[&release_key()])
    }

    impl Bed {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let root_key = Keypair::from_seed([1; 32]);
            let draft = RootDraft {
                root_keys: &[&root_key],
                root_threshold: 1,
                release_keys: &[&release_key()],
                release_threshold: 1,
                expires: now(),
            };
            fs::write(folder.path().join("root.json"), draft.build().unwrap()).unwrap();
            let state = StateDir::new(folder.path().join("state"));
            Self { folder, state }
        }

        fn load(&self) -> Result<Trust, TrustError> {
            let given = self.folder.path().join("root.json");
            Trust::load(&self.state, Some(&given), "stable")
        }

        fn serial(&self) -> Option<u64> {
            Some(self.load().unwrap().manifest()?.serial)
        }
    }

    #[test]
    fn a_root_is_imported_once_and_then_needed_no_more() {
        let bed = Bed::new();
        let missing = Trust::load(&bed.state, None, "stable").unwrap_err();
        assert!(missing.to_string().contains("--trust-root"), "{missing}");
        bed.load().unwrap();
        fs::write(bed.folder.path().join("root.json"), "another").unwrap();
        bed.load().unwrap();
        Trust::load(&bed.state, None, "stable").unwrap();
    }

    #[test]
    fn a_file_that_is_no_root_is_not_imported() {
        let bed = Bed::new();
        fs::write(bed.folder.path().join("root.json"), "{}").unwrap();
        assert!(matches!(bed.load(), Err(TrustError::Refused { .. })));
        assert!(!bed.state.trust().exists());
    }

    #[test]
    fn the_last_manifest_is_the_mark_after_a_restart() {
        let bed = Bed::new();
        let mut trust = bed.load().unwrap();
        assert_eq!(
            trust.accept(envelope("stable", 5), Some("e".into())),
            Ok(true)
        );
        assert_eq!(
            trust.accept(envelope("stable", 5), Some("f".into())),
            Ok(false)
        );
        let mut again = bed.load().unwrap();
        assert_eq!(again.etag(), Some("f"));
        assert!(again.is_fresh(now()));
        assert!(!again.is_fresh(now() + SignedDuration::from_hours(2)));
        let older = again.accept(envelope("stable", 4), None);
        assert_eq!(older, Err(Error::SerialRolledBack { found: 4, seen: 5 }));
        assert_eq!(bed.serial(), Some(5));
    }

    #[test]
    fn an_unusable_record_is_put_aside_and_never_fatal() {
        let bed = Bed::new();
        let stranger = Keypair::from_seed([9; 32]);
        let manifest = Manifest::new("stable", 9, now(), now() + SignedDuration::from_hours(1));
        let forged = sign(&manifest.to_payload().unwrap(), &[&stranger]);
        let record = Record {
            etag: None,
            envelope: String::from_utf8(forged).unwrap(),
        };
        let forged = serde_json::to_vec(&record).unwrap();
        for bytes in [b"".as_slice(), b"\0\0\0", b"{}", &forged] {
            fs::create_dir_all(bed.state.root()).unwrap();
            fs::write(bed.state.manifest(), bytes).unwrap();
            assert_eq!(bed.serial(), None);
            assert!(!bed.state.manifest().exists());
            assert_eq!(
                fs::read(bed.state.quarantine().join("manifest.json")).unwrap(),
                bytes
            );
        }
    }

    #[test]
    fn another_channel_starts_without_a_mark() {
        let bed = Bed::new();
        bed.load()
            .unwrap()
            .accept(envelope("stable", 5), None)
            .unwrap();
        let mut edge = Trust::load(&bed.state, None, "edge").unwrap();
        assert!(edge.manifest().is_none());
        assert_eq!(edge.accept(envelope("edge", 1), None), Ok(true));
        assert!(edge.accept(envelope("stable", 6), None).is_err());
    }
}
