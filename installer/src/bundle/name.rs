//! What the names in a bundle mean. Pure; a name that is none of these is refused, so no name can
//! lead out of a folder.

use std::path::PathBuf;

use shared_slots::Digest;

/// Longest name of a channel.
const CHANNEL_MOST: usize = 64;

/// A part of a release tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// The newest trust root, to be laid on a new host by hand; a host that runs follows the others.
    Newest,
    /// A trust root.
    Root(u64),
    /// The manifest of a channel.
    Manifest(String),
    /// A file of that digest.
    Blob(Digest),
}

impl Name {
    /// Reads a name. There is one spelling of each.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "root.json" {
            return Some(Self::Newest);
        }
        let rest = text.strip_prefix("v1/")?;
        let name = if let Some(root) = rest.strip_prefix("roots/") {
            Self::Root(root.strip_suffix(".root.json")?.parse().ok()?)
        } else if let Some(digest) = rest.strip_prefix("blobs/") {
            Self::Blob(digest.parse().ok()?)
        } else {
            let channel = rest.strip_suffix("/manifest.json")?;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
            let is_name = (1..=CHANNEL_MOST).contains(&channel.len()) && channel.bytes().all(plain);
            if !is_name || matches!(channel, "roots" | "blobs") {
                return None;
            }
            Self::Manifest(channel.to_owned())
        };
        (name.text() == text).then_some(name)
    }

    /// The name as it is written.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Newest => "root.json".to_owned(),
            Self::Root(version) => format!("v1/roots/{version}.root.json"),
            Self::Manifest(channel) => format!("v1/{channel}/manifest.json"),
            Self::Blob(digest) => format!("v1/blobs/{digest}"),
        }
    }

    /// The same as a path below a folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.text().split('/').collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_tree_has_one_name() {
        let digest = Digest::of(b"a");
        for name in [
            Name::Newest,
            Name::Root(12),
            Name::Manifest("stable-2_x".into()),
            Name::Blob(digest),
        ] {
            assert_eq!(Name::parse(&name.text()), Some(name));
        }
    }

    #[test]
    fn every_other_name_is_refused() {
        let blob = format!("v1/blobs/{}", Digest::of(b"a"));
        for hostile in [
            "",
            "/v1/roots/1.root.json",
            "v1/roots/01.root.json",
            "v1/roots/+1.root.json",
            "v1/roots/1.root.json/",
            "v1/roots/",
            "v1/../stable/manifest.json",
            "v1/./manifest.json",
            "v1/a/b/manifest.json",
            "v1/roots/manifest.json",
            "v1\\stable\\manifest.json",
            "v1/C:/manifest.json",
            "v1/stable/manifest.json\0",
            "V1/stable/manifest.json",
            "v1/root.json",
            "v2/stable/manifest.json",
            &blob.to_uppercase(),
            &format!("{blob}/x"),
            &format!("../{blob}"),
            &format!("{blob} "),
        ] {
            assert_eq!(Name::parse(hostile), None, "{hostile:?}");
        }
    }
}
