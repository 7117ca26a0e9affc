//! Whether a manifest may be trusted. Pure.

use shared_release::{Error, Manifest, Root, Seen};

/// The manifest in `bytes`, if enough release keys signed it, it is of the channel that was asked
/// for, and it is not older than what this host has seen.
pub(crate) fn verify(
    bytes: &[u8],
    root: &Root,
    channel: &str,
    seen: Option<&Seen>,
) -> Result<Manifest, Error> {
    let manifest = root.verify_manifest(bytes)?;
    manifest.expect_channel(channel)?;
    if let Some(seen) = seen {
        manifest.may_follow(seen)?;
    }
    Ok(manifest)
}
