//! The release tree of a server: laid out, signed and published.
//!
//! ```text
//! keys/keys.json                       which key is where; see `key_list`
//! keys/root.key, keys/release.key      ed25519 seeds, made at the first publish, 0600
//! releases/root.json                   the newest trust root; laid on hosts at their installation
//! releases/v1/roots/<N>.root.json      every trust root, never changed
//! releases/v1/<channel>/manifest.json  the signed manifest, replaced as a whole
//! releases/v1/blobs/<sha256>           files, encodings and deltas by their digest, never changed
//! releases/history/<channel>/…         the last manifests, for deltas and for what may be removed
//! ```
//!
//! Everything below `releases/` may be read by anybody: hosts trust signatures, not the transport.
//! So a tree can be copied to any static file host. Publishing works beside a running server; two
//! publishers wait for each other.
//!
//! Each command makes all its signatures first, then writes what nothing names yet, and the
//! manifest last; so a crash, a key that is not there or a full disk leave hosts with what they had.
//!
//! This crate decides nothing about who gets which release, and speaks no HTTP.

mod archive;
mod chain;
mod change;
mod command;
mod disk;
mod draft;
mod encode;
mod error;
mod export;
mod key_list;
mod lineup;
mod prune;
mod publish;
mod publisher;
mod reissue;
mod rotate;
mod signing;
mod summary;
mod tree;

pub use change::KeyChange;
pub use draft::{Component, Draft, Files, MANIFEST_LIFE, Platform, Published};
pub use error::PublishError;
pub use export::Exported;
pub use publisher::Publisher;
pub use reissue::Reissued;
pub use rotate::Rotated;
pub use signing::KeyAccess;
pub use summary::{KeySummary, RootSummary};
pub use tree::Tree;

// What the command line passes through: the documents' own words.
pub use jiff::SignedDuration;
pub use shared_release::{Downgrade, Manifest, PublicKey, Release};
