//! Which key is where: `keys/keys.json`, and the key files beside it.
//!
//! ```json
//! {"keys":[{"role":"root","public":"<64 hex digits>","file":"root-0123456789abcdef.key"},
//!          {"role":"release","public":"<64 hex digits>","command":"pkcs11-sign --slot 9c"}]}
//! ```
//!
//! A key with neither file nor command is held by somebody else; the command that is given with a
//! publication is asked for its signature. A file may be taken away and be brought back when it is
//! needed: only signing reads it. Without a list, `root.key` and `release.key` are the keys.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_release::{Keypair, PublicKey, Role};

use crate::disk::{self, Readers};
use crate::{PublishError, Tree};

/// The roles in the order in which people think of them.
pub(crate) const ROLES: [Role; 2] = [Role::Root, Role::Release];

/// The keys of this publisher.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyList(pub(crate) Vec<Entry>);

/// A key, and who can sign with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) role: Role,
    pub(crate) public: PublicKey,
    pub(crate) holder: Holder,
}

/// Who can sign with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A file with the private key.
    File(PathBuf),
    /// A command that gets the payload and prints the signature.
    Command(String),
    /// Somebody else.
    Elsewhere,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireList {
    keys: Vec<WireEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    role: String,
    public: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl KeyList {
    /// Reads the list, or finds the two files that stand for it.
    pub(crate) fn read(tree: &Tree) -> Result<Self, PublishError> {
        let path = list_file(tree);
        if let Some(bytes) = disk::read_if_there(&path)? {
            let wrong = |detail: String| PublishError::KeyList {
                path: path.clone(),
                detail,
            };
            let wire: WireList =
                serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
            let entries: Result<_, String> = (wire.keys.into_iter())
                .map(|entry| entry.read(&tree.keys()))
                .collect();
            return entries.map(Self).map_err(wrong);
        }
        let mut list = Self::default();
        for role in ROLES {
            let path = tree.keys().join(format!("{role}.key"));
            if path.is_file() {
                let public = load(&path)?.public();
                let holder = Holder::File(path);
                list.0.push(Entry {
                    role,
                    public,
                    holder,
                });
            }
        }
        Ok(list)
    }

    /// Replaces the list.
    pub(crate) fn write(&self, tree: &Tree) -> Result<(), PublishError> {
        let keys = self
            .0
            .iter()
            .map(|entry| WireEntry::of(entry, &tree.keys()));
        let wire = WireList {
            keys: keys.collect(),
        };
        let mut text = serde_json::to_vec_pretty(&wire).expect("texts always serialise");
        text.push(b'\n');
        disk::replace(&list_file(tree), &text, Readers::Owner)
    }

    /// The keys of a role.
    pub(crate) fn of(&self, role: Role) -> Vec<PublicKey> {
        (self.0.iter())
            .filter(|entry| entry.role == role)
            .map(|entry| entry.public)
            .collect()
    }

    /// Who holds a key.
    pub(crate) fn holder(&self, role: Role, key: &PublicKey) -> &Holder {
        (self.0.iter())
            .find(|entry| entry.role == role && entry.public == *key)
            .map_or(&Holder::Elsewhere, |entry| &entry.holder)
    }

    /// Takes in a key that somebody else holds, unless the list knows who does.
    pub(crate) fn expect_elsewhere(&mut self, role: Role, public: PublicKey) {
        let is_known = |entry: &Entry| entry.role == role && entry.public == public;
        if !self.0.iter().any(is_known) {
            self.0.push(Entry {
                role,
                public,
                holder: Holder::Elsewhere,
            });
        }
    }

    /// Makes a key in a file of its own: `<role>.key`, or with its id where that is taken or where
    /// it is one of several.
    pub(crate) fn make(
        &mut self,
        tree: &Tree,
        role: Role,
        is_only: bool,
    ) -> Result<(PathBuf, PublicKey), PublishError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(PublishError::Random)?;
        let key = Keypair::from_seed(seed);
        let plain = tree.keys().join(format!("{role}.key"));
        let path = if is_only && !plain.exists() {
            plain
        } else {
            tree.keys().join(format!("{role}-{}.key", key.kid()))
        };
        disk::create(&path, key.to_text().as_bytes())?;
        self.0.push(Entry {
            role,
            public: key.public(),
            holder: Holder::File(path.clone()),
        });
        Ok((path, key.public()))
    }
}

/// Reads a private key.
pub(crate) fn load(path: &Path) -> Result<Keypair, PublishError> {
    let bytes = disk::read(path)?;
    Keypair::from_text(&String::from_utf8_lossy(&bytes)).map_err(PublishError::damaged(path))
}

pub(crate) fn list_file(tree: &Tree) -> PathBuf {
    tree.keys().join("keys.json")
}

impl WireEntry {
    fn of(entry: &Entry, folder: &Path) -> Self {
        let (mut file, mut command) = (None, None);
        match &entry.holder {
            Holder::File(path) => {
                let near = path.strip_prefix(folder).unwrap_or(path);
                file = Some(near.to_string_lossy().into_owned());
            }
            Holder::Command(line) => command = Some(line.clone()),
            Holder::Elsewhere => {}
        }
        Self {
            role: entry.role.name().to_owned(),
            public: entry.public.to_hex(),
            file,
            command,
        }
    }

    fn read(self, folder: &Path) -> Result<Entry, String> {
        let role = ROLES.into_iter().find(|role| role.name() == self.role);
        let role =
            role.ok_or_else(|| format!("{:?} is no role; write root or release", self.role))?;
        let public = PublicKey::from_text(&self.public)
            .map_err(|error| format!("public key {:?}: {error}", self.public))?;
        let holder = match (self.file, self.command) {
            (Some(file), None) => Holder::File(folder.join(file)),
            (None, Some(command)) => Holder::Command(command),
            (None, None) => Holder::Elsewhere,
            (Some(_), Some(_)) => {
                return Err(format!(
                    "key {} has both a file and a command; one of them signs",
                    public.kid()
                ));
            }
        };
        Ok(Entry {
            role,
            public,
            holder,
        })
    }
}
