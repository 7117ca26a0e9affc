//! The ways to get a file with fewer bytes: zstd, and deltas from files that hosts may have.

use shared_delta::Algorithm;
use shared_release::{Delta, Encoded, Manifest, Target};
use shared_slots::Digest;

use crate::{PublishError, Tree, disk};

/// Longest file for which bsdiff is used: it sorts the old file in about five times its memory.
/// Above it, zstd makes the deltas.
const MAX_BSDIFF: u64 = 128 << 20;

/// Makes the smaller encodings of a component's file. What an earlier manifest has is taken over.
pub(crate) struct Encoder<'a> {
    pub(crate) tree: &'a Tree,
    /// Manifests whose files hosts may have, newest first.
    pub(crate) earlier: &'a [Manifest],
    pub(crate) delta_from: usize,
    /// Told before each piece of work that takes long.
    pub(crate) tell: &'a dyn Fn(&str),
}

impl Encoder<'_> {
    /// Adds the encodings to a target whose plain file lies in the tree.
    pub(crate) fn dress(&self, component: &str, target: &mut Target) -> Result<(), PublishError> {
        let new = disk::read(&self.tree.blob_of(target.sha256))?;
        if let Some(known) = self.known(component, target) {
            target.encoded.clone_from(&known.encoded);
        } else {
            self.say(component, target, "zstd");
            let bytes =
                shared_delta::encode_zstd(&new).map_err(|error| self.failed(target, error))?;
            if (bytes.len() as u64) < target.size {
                let sha256 = disk::put_by_digest(&bytes, &self.tree.blobs())?;
                target.encoded.push(Encoded {
                    enc: "zstd".to_owned(),
                    url: vec![format!("blobs/{sha256}")],
                    size: bytes.len() as u64,
                    sha256,
                });
            }
        }
        let full = target.encoded("zstd").map_or(target.size, |zstd| zstd.size);
        for from in self.bases(component, target) {
            target
                .deltas
                .extend(self.delta(component, target, from, &new, full)?);
        }
        Ok(())
    }

    /// A delta, if it is worth it: less than half of what a host would fetch without it.
    fn delta(
        &self,
        component: &str,
        target: &Target,
        from: Digest,
        new: &[u8],
        full: u64,
    ) -> Result<Option<Delta>, PublishError> {
        let known = self.known(component, target);
        let known = known.and_then(|known| known.deltas_from(from).first().copied());
        if let Some(known) = known.filter(|known| self.tree.blob_of(known.sha256).is_file()) {
            return Ok(Some(known.clone()));
        }
        // The publisher may have pruned a file that an old manifest names.
        let Some(old) = disk::read_if_there(&self.tree.blob_of(from))? else {
            return Ok(None);
        };
        let algorithm = if target.size.max(old.len() as u64) <= MAX_BSDIFF {
            Algorithm::Bsdiff4
        } else {
            Algorithm::Zstd
        };
        let what = format!("delta from {}", &from.to_string()[..12]);
        self.say(component, target, &what);
        let bytes = shared_delta::create(algorithm, &old, new)
            .map_err(|error| self.failed(target, error))?;
        let size = bytes.len() as u64;
        if size.saturating_mul(2) >= full {
            return Ok(None);
        }
        let sha256 = disk::put_by_digest(&bytes, &self.tree.blobs())?;
        Ok(Some(Delta {
            from,
            algo: algorithm.name().to_owned(),
            url: vec![format!("blobs/{sha256}")],
            size,
            sha256,
        }))
    }

    /// The same file in an earlier manifest, with its encodings, which are still there.
    fn known(&self, component: &str, target: &Target) -> Option<&Target> {
        let is_there = |digest| self.tree.blob_of(digest).is_file();
        self.targets(component, target).find(|known| {
            known.sha256 == target.sha256
                && !known.encoded.is_empty()
                && known.encoded.iter().all(|one| is_there(one.sha256))
        })
    }

    /// Earlier files of the component and platform, newest first, each once.
    fn bases(&self, component: &str, target: &Target) -> Vec<Digest> {
        let mut bases = Vec::new();
        for known in self.targets(component, target) {
            if known.sha256 != target.sha256 && !bases.contains(&known.sha256) {
                bases.push(known.sha256);
            }
        }
        bases.truncate(self.delta_from);
        bases
    }

    fn targets(&self, component: &str, target: &Target) -> impl Iterator<Item = &Target> {
        self.earlier.iter().flat_map(move |manifest| {
            let mut listed: Vec<_> = manifest.listed(component).collect();
            listed.sort_by_key(|release| std::cmp::Reverse(release.seq));
            listed
                .into_iter()
                .filter_map(|release| release.target_for(&target.os, &target.arch))
        })
    }

    fn say(&self, component: &str, target: &Target, what: &str) {
        (self.tell)(&format!(
            "{component} {}-{}: {what}",
            target.os, target.arch
        ));
    }

    fn failed(&self, target: &Target, error: std::io::Error) -> PublishError {
        PublishError::file("encode", &self.tree.blob_of(target.sha256))(error)
    }
}
