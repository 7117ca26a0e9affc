//! A release tree in one file, for hosts without a network.
//!
//! An uncompressed zip with the paths of the tree: `root.json`, `v1/roots/<N>.root.json`,
//! `v1/<channel>/manifest.json` and `v1/blobs/<sha256>`, and nothing else; the publisher's
//! `release export` writes the same. The container is not trusted: what counts is what the host's
//! own root has signed, and digests.

pub(crate) mod export;
pub(crate) mod import;

mod name;
mod reader;
