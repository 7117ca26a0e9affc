//! What this host trusts, read the way the launcher does: roots followed from the installed one,
//! and the last manifest verified again. Nothing is changed or put aside here.

use serde::Deserialize;
use shared_handover::layout::StateDir;
use shared_release::{MAX_SIGNED, Manifest, Root, Seen};
use shared_slots::{Fs as _, OsFs};

use crate::failure::Failure;

/// Longest record of a manifest that is read, in bytes: an envelope as text, and marks beside it.
const RECORD_MOST: u64 = 4 * MAX_SIGNED as u64;

/// The trust of a host.
#[derive(Debug)]
pub(crate) struct Trust {
    /// The newest root.
    pub(crate) root: Root,
    /// All roots as they came, the installed one first.
    pub(crate) chain: Vec<(u64, Vec<u8>)>,
    /// The last manifest, if there is one and it is still trusted.
    pub(crate) manifest: Option<Manifest>,
    /// The same as transported.
    pub(crate) envelope: Option<String>,
    /// Marks below which nothing is accepted.
    pub(crate) seen: Option<Seen>,
}

/// The launcher's record of its manifest; other fields of it are not needed here.
#[derive(Deserialize)]
struct Record {
    envelope: String,
    #[serde(default)]
    seen: Option<Seen>,
}

impl Trust {
    pub(crate) fn load(state: &StateDir) -> Result<Self, Failure> {
        let read = |version: u64| {
            let path = state.trust().join(format!("{version}.root.json"));
            let bytes = OsFs.read("trust.read", &path, MAX_SIGNED as u64 + 1);
            bytes.map_err(|error| (path, error))
        };
        let first = read(1).map_err(|(path, error)| {
            let path = path.display();
            Failure::NoTrust(format!(
                "this host trusts nobody yet: {path}: {error}; start it once with --trust-root FILE"
            ))
        })?;
        let mut root = Root::from_trusted(&first).map_err(|error| {
            Failure::NoTrust(format!("the trust root of this host is refused: {error}"))
        })?;
        // Whatever its version: a host may be installed with a later root than the first.
        let mut chain = vec![(root.version(), first)];
        while let Some(version) = root.version().checked_add(1) {
            let Ok(bytes) = read(version) else { break };
            let Ok(next) = root.follow(&bytes) else { break };
            root = next;
            chain.push((version, bytes));
        }
        let mut trust = Self {
            root,
            chain,
            manifest: None,
            envelope: None,
            seen: None,
        };
        trust.recall(state);
        Ok(trust)
    }

    fn recall(&mut self, state: &StateDir) {
        let bytes = OsFs.read("trust.manifest", &state.manifest(), RECORD_MOST);
        let record = bytes
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
        let Some(record) = record else { return };
        self.seen = record.seen;
        if let Ok(manifest) = self.root.verify_manifest(record.envelope.as_bytes()) {
            self.seen.get_or_insert_with(|| Seen::of(&manifest));
            self.manifest = Some(manifest);
            self.envelope = Some(record.envelope);
        }
    }
}
