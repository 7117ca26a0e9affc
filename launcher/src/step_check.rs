//! Asking for the manifest: at the drop folder, the configured server and the mirrors that the signed
//! root names, in that order, until one of them has a manifest that can be trusted.
//!
//! What comes is verified here, so that a stale or broken mirror costs no more than the next
//! question; the loop verifies it again when it adopts it. A manifest that was signed under a root
//! that this host does not have brings the roots between along, followed one by one.

use shared_fetch::{FetchError, Fetcher, ManifestReply, ServerDate};
use shared_release::{Error, MAX_SIGNED, Root, Seen, Walk};
use shared_slots::{Fs as _, OsFs};
use tracing::debug;

use crate::order::Trees;

/// What to ask, and by what to judge the answer.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) trees: Trees,
    pub(crate) channel: String,
    pub(crate) etag: Option<String>,
    pub(crate) root: Root,
    pub(crate) seen: Option<Seen>,
}

/// A manifest that can be trusted, and what it takes to trust it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The roots that follow the newest one of this host, in order.
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) reply: ManifestReply,
    /// When the answer was given, by the clock of whoever gave it.
    pub(crate) date: Option<ServerDate>,
}

/// Why there is no manifest.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nobody sent one.
    Unreachable(FetchError),
    /// One came, and is not to be trusted.
    Refused(Error),
}

/// Asks one after the other. The trouble is that of the first server.
pub(crate) async fn ask(fetcher: &Fetcher, question: &Question) -> Result<Found, Trouble> {
    if let Some(found) = dropped(question) {
        return Ok(found);
    }
    let mut first = None;
    for base in &question.trees.bases {
        match ask_one(fetcher, base, question).await {
            Ok(found) => return Ok(found),
            Err(trouble) => {
                debug!(base, ?trouble, "no manifest from there");
                first.get_or_insert(trouble);
            }
        }
    }
    Err(first.unwrap_or(Trouble::Unreachable(FetchError::Setup(
        "there is no server to ask".to_owned(),
    ))))
}

async fn ask_one(fetcher: &Fetcher, base: &str, question: &Question) -> Result<Found, Trouble> {
    let url = format!("{base}/v1/{}/manifest.json", question.channel);
    let (reply, date) = fetcher
        .dated_manifest(&url, question.etag.as_deref(), MAX_SIGNED)
        .await
        .map_err(Trouble::Unreachable)?;
    let mut found = Found {
        roots: Vec::new(),
        reply,
        date,
    };
    let ManifestReply::Fresh { bytes, .. } = &found.reply else {
        return Ok(found);
    };
    let Err(refusal) = question.judge(&question.root, bytes) else {
        return Ok(found);
    };
    if !is_matter_of_roots(&refusal) {
        return Err(Trouble::Refused(refusal));
    }
    let mut walk = Walk::from(question.root.clone());
    while let Some(version) = walk.next_version() {
        let url = format!("{base}/v1/roots/{version}.root.json");
        let root = match fetcher.manifest(&url, None, MAX_SIGNED).await {
            Ok(ManifestReply::Fresh { bytes, .. }) => bytes,
            Ok(ManifestReply::NotModified) => break,
            // No such root: the walk has come to its end.
            Err(error) => {
                debug!(%error, version, "no further root");
                break;
            }
        };
        walk.step(&root).map_err(Trouble::Refused)?;
        found.roots.push(root);
    }
    match question.judge(walk.root(), bytes) {
        Ok(()) => Ok(found),
        Err(_) if found.roots.is_empty() => Err(Trouble::Refused(refusal)),
        Err(refusal) => Err(Trouble::Refused(refusal)),
    }
}

/// The manifest in the drop folder, if it is newer than the last one. Its roots lie beside it.
fn dropped(question: &Question) -> Option<Found> {
    let tree = question.trees.drop_dir.as_ref()?.join("v1");
    let path = tree.join(&question.channel).join("manifest.json");
    let most = MAX_SIGNED as u64 + 1;
    let bytes = OsFs.read("drop.manifest", &path, most).ok()?;
    let mut walk = Walk::from(question.root.clone());
    let mut roots = Vec::new();
    while let Some(version) = walk.next_version() {
        let path = tree.join(format!("roots/{version}.root.json"));
        let Ok(root) = OsFs.read("drop.root", &path, most) else {
            break;
        };
        if walk.step(&root).is_err() {
            break;
        }
        roots.push(root);
    }
    let judged = walk
        .root()
        .accept(&bytes, &question.channel, question.seen.as_ref());
    let manifest = match judged {
        Ok(manifest) => manifest,
        Err(refusal) => {
            debug!(%refusal, path = %path.display(), "the dropped manifest is not taken");
            return None;
        }
    };
    let known = question.seen.as_ref().map_or(0, Seen::serial);
    let reply = ManifestReply::Fresh { bytes, etag: None };
    (manifest.serial > known).then_some(Found {
        roots,
        reply,
        date: None,
    })
}

/// Whether a newer root could change the judgement.
const fn is_matter_of_roots(refusal: &Error) -> bool {
    matches!(refusal, Error::RootBehind { .. } | Error::Signatures { .. })
}

impl Question {
    fn judge(&self, root: &Root, bytes: &[u8]) -> Result<(), Error> {
        root.accept(bytes, &self.channel, self.seen.as_ref())
            .map(drop)
    }
}
