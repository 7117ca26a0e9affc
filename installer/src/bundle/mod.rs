//! A release tree in one file, for hosts without a network.
//!
//! An uncompressed zip with the paths of the tree: `root.json`, `v1/roots/<N>.root.json`,
//! `v1/<channel>/manifest.json` and `v1/blobs/<sha256>`, and nothing else; the publisher's
//! `release export` writes the same. The container is not trusted: what counts is what the host's
//! own root has signed, and digests.

use std::env::consts::{ARCH, OS};

use shared_release::{Hop, Manifest, Release, Target, Wish};

pub(crate) mod export;
pub(crate) mod import;

mod name;
mod reader;

/// The version of a component that a host of this platform is brought to, by the rules of its
/// launcher; none where the manifest has none that may run here.
fn newest<'m>(manifest: &'m Manifest, component: &str) -> Option<(&'m Release, &'m Target)> {
    let wish = Wish {
        component,
        os: OS,
        arch: ARCH,
        installed: None,
        pin: None,
    };
    match manifest.next_hop(&wish) {
        Hop::Install(release, target) => Some((release, target)),
        Hop::Stay | Hop::Blocked(..) | Hop::NotListed => None,
    }
}
