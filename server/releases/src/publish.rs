//! Publishing: files in by digest first, their encodings, then the manifest that names them.
//!
//! A crash before the manifest's rename leaves files that nobody asks for; after it everything the
//! manifest names is there.

use shared_release::{MAX_FILE, Manifest, Target};

use crate::encode::Encoder;
use crate::lineup::{is_reached, line_up, next_release};
use crate::publisher::expiry;
use crate::{Component, Draft, Files, PublishError, Published, Publisher, archive, disk};

/// The components in the order in which hosts take them.
const COMPONENTS: [&str; 3] = ["launcher", "agent", "plugins"];

impl Publisher<'_> {
    /// Publishes a release: the channel's serial grows by one, and a component's number grows when
    /// its files changed. Makes keys and trust root at the first time. Waits for other publishers.
    pub fn publish(&self, draft: &Draft) -> Result<Published, PublishError> {
        if self.tree.manifest_file(&draft.channel).is_none() {
            return Err(PublishError::channel(&draft.channel));
        }
        let open = self.open_or_begin()?;
        let before = self.newest(&open, &draft.channel)?;
        let root = open.chain.newest();
        let mut manifest = match &before {
            Some(before) => self.successor(before, root, draft.life)?,
            None => {
                let end = expiry(self.now, draft.life);
                Manifest::new(&draft.channel, 1, self.now, end)
            }
        };
        manifest.root = root.version();
        manifest.allow_downgrade.clone_from(&draft.allow_downgrade);
        let mut earlier: Vec<Manifest> = before.iter().cloned().collect();
        earlier.extend(self.tree.past(&draft.channel, &open.chain)?);
        let laid = self.lay_all(draft, &manifest)?;
        let mut earlier: Vec<Manifest> = before.iter().cloned().collect();
        earlier.extend(self.tree.past(&draft.channel, &open.chain)?);
        let encoder = Encoder {
            tree: self.tree,
            earlier: &earlier,
            delta_from: draft.delta_from,
            tell: self.tell,
        };
        let mut components = Vec::new();
        let mut releases = Vec::new();
        for (name, mut targets) in laid {
            for target in targets.iter_mut().filter(|_| draft.encode) {
                encoder.dress(name, target)?;
            }
            let last = before.as_ref().and_then(|manifest| manifest.release(name));
            let release = next_release(name, draft, targets.clone(), last)?;
            let seq = release.seq;
            components.extend(targets.iter().map(|target| shown(name, target, seq)));
            releases.push(release);
        }
        manifest.releases = line_up(before.as_ref(), releases);
        self.check_ways(&manifest)?;
        self.issue(&open, &manifest, before.as_ref())?;
        Ok(Published {
            serial: manifest.serial,
            components,
        })
    }

    /// The draft's files, laid into the tree: for each component that it has, a plain target for each
    /// platform. What hosts would not install is refused before anything is compressed.
    fn lay_all(
        &self,
        draft: &Draft,
        manifest: &Manifest,
    ) -> Result<Vec<(&'static str, Vec<Target>)>, PublishError> {
        let mut all = Vec::new();
        for name in COMPONENTS {
            let mut targets = Vec::new();
            for files in &draft.files {
                let Some((digest, size)) = self.lay(name, files)? else {
                    continue;
                };
                let platform = &files.platform;
                if manifest.is_revoked(&digest) {
                    return Err(PublishError::Refused(format!(
                        "{name} {platform} was revoked in channel {}, so no host would install \
                         it; build it anew",
                        draft.channel
                    )));
                }
                targets.push(Target::plain(&platform.os, &platform.arch, digest, size));
            }
            if !targets.is_empty() {
                all.push((name, targets));
            }
        }
        Ok(all)
    }

    /// Lays a file of the draft into the tree, if the draft has one of this component.
    fn lay(
        &self,
        name: &str,
        files: &Files,
    ) -> Result<Option<(shared_slots::Digest, u64)>, PublishError> {
        let from = match name {
            "launcher" => Some(&files.launcher),
            "agent" => Some(&files.agent),
            _ => files.plugins.as_ref(),
        };
        let Some(from) = from else { return Ok(None) };
        let known = std::fs::metadata(from).map_err(PublishError::file("read", from))?;
        if known.is_file() && !(1..=MAX_FILE).contains(&known.len()) {
            return Err(PublishError::Refused(format!(
                "{}: its size is {} bytes; a file of a release has 1 to {MAX_FILE}",
                from.display(),
                known.len()
            )));
        }
        let blobs = self.tree.blobs();
        let laid = if name == "plugins" {
            archive::plugins(from, &blobs)
        } else {
            disk::copy_by_digest(from, &blobs)
        };
        laid.map(Some)
    }

    /// Refuses a release that no host could reach, and says when the oldest cannot.
    fn check_ways(&self, manifest: &Manifest) -> Result<(), PublishError> {
        for name in COMPONENTS {
            let Some(newest) = manifest.release(name) else {
                continue;
            };
            if newest.min_from_seq >= newest.seq {
                return Err(PublishError::Refused(format!(
                    "--min-from-seq {} of {name} is not below its own sequence number {}; no host \
                     could get there",
                    newest.min_from_seq, newest.seq
                )));
            }
            if !is_reached(&manifest.releases, name, 0) {
                (self.tell)(&format!(
                    "note: {name} hosts below sequence {} have no way to {}; publish a barrier \
                     that they can reach first",
                    newest.min_from_seq, newest.version
                ));
            }
        }
        Ok(())
    }
}

fn shown(name: &'static str, target: &Target, seq: u64) -> Component {
    Component {
        name,
        platform: crate::Platform {
            os: target.os.clone(),
            arch: target.arch.clone(),
        },
        digest: target.sha256.to_string(),
        size: target.size,
        encoded: target.encoded("zstd").map(|zstd| zstd.size),
        deltas: target.deltas.iter().map(|delta| delta.size).collect(),
        seq,
    }
}
