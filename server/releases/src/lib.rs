//! The release tree of a server: laid out, signed and published.
//!
//! ```text
//! keys/root.key, keys/release.key      ed25519 seeds, made at the first publish, 0600
//! releases/root.json                   trust root, version 1; laid on hosts at their installation
//! releases/v1/<channel>/manifest.json  the signed manifest, replaced as a whole
//! releases/v1/blobs/<sha256>           files by their digest, never changed
//! ```
//!
//! Everything below `releases/` may be read by anybody: hosts trust signatures, not the transport.
//! So a tree can be copied to any static file host. Publishing works beside a running server; two
//! publishers wait for each other.
//!
//! This crate decides nothing about who gets which release, and speaks no HTTP.

mod disk;
mod error;
mod keys;
mod publish;
mod tree;

pub use error::PublishError;
pub use publish::{Component, Draft, Platform, Published};
pub use tree::Tree;
