//! Manifests without new files: files taken back, permissions to go backwards, a later expiry.

use jiff::SignedDuration;
use shared_release::{Downgrade, Manifest};
use shared_slots::Digest;

use crate::publisher::{Open, life};
use crate::{PublishError, Publisher};

/// What was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reissued {
    /// The manifest's serial.
    pub serial: u64,
    /// Files that it takes back now, with the component and version they belong to, where known.
    pub revoked: Vec<(Digest, String)>,
}

impl Publisher<'_> {
    /// Takes back a file by its sha256, or all files of a version. Whoever has not installed them
    /// never will; whoever has goes to a newer version, or to the newest older one where
    /// `allow_downgrade` reaches down to it. A permission replaces an earlier one of its component.
    pub fn revoke(
        &self,
        channel: &str,
        what: &str,
        allow_downgrade: &[Downgrade],
    ) -> Result<Reissued, PublishError> {
        let open = self.open()?;
        let before = self.current(&open, channel)?;
        let mut past = vec![before.clone()];
        past.extend(self.tree.past(channel, &open.chain)?);
        let mut revoked = named(&past, what);
        if revoked.is_empty() {
            let digest = what.parse().map_err(|_| {
                PublishError::Refused(format!(
                    "{what:?} is neither a sha256 nor a version of channel {channel} with files of \
                     its own; `release show` lists them"
                ))
            })?;
            revoked.push((digest, "a file that was not published here".to_owned()));
        }
        revoked.retain(|(digest, _)| !before.is_revoked(digest));
        if revoked.is_empty() && allow_downgrade.is_empty() {
            return Err(PublishError::Refused(format!(
                "{what} is revoked already in channel {channel}"
            )));
        }
        let mut next = self.successor(&before, open.chain.newest(), life(&before))?;
        next.revoked
            .extend(revoked.iter().map(|(digest, _)| *digest));
        next.allow_downgrade.retain(|old| {
            !allow_downgrade
                .iter()
                .any(|new| new.component == old.component)
        });
        next.allow_downgrade.extend_from_slice(allow_downgrade);
        self.warn_of_stranded(&next, &revoked);
        self.reissued(&open, &next, &before, revoked)
    }

    /// Issues the same content again, to be adopted for longer; or signs what an interrupted
    /// rotation has left unsigned.
    pub fn renew(
        &self,
        channel: &str,
        life_from_now: Option<SignedDuration>,
    ) -> Result<Reissued, PublishError> {
        let open = self.open()?;
        let before = self.current(&open, channel)?;
        let life = life_from_now.unwrap_or_else(|| life(&before));
        let next = self.successor(&before, open.chain.newest(), life)?;
        self.reissued(&open, &next, &before, Vec::new())
    }

    fn reissued(
        &self,
        open: &Open,
        next: &Manifest,
        before: &Manifest,
        revoked: Vec<(Digest, String)>,
    ) -> Result<Reissued, PublishError> {
        self.issue(open, next, Some(before))?;
        Ok(Reissued {
            serial: next.serial,
            revoked,
        })
    }

    /// Says for whom nothing changes yet.
    fn warn_of_stranded(&self, next: &Manifest, revoked: &[(Digest, String)]) {
        for name in ["launcher", "agent"] {
            let Some(newest) = next.release(name) else {
                continue;
            };
            let is_hit = (newest.targets.iter())
                .any(|target| revoked.iter().any(|(digest, _)| *digest == target.sha256));
            let older = next.listed(name).filter(|older| older.seq < newest.seq);
            let older = older.max_by_key(|older| older.seq);
            let is_allowed = older.is_some_and(|older| next.allows_downgrade(name, older.seq));
            if !is_hit || is_allowed {
                continue;
            }
            let way = older.map_or(String::new(), |older| {
                let (seq, version) = (older.seq, &older.version);
                format!(
                    ", or until the same command with --allow-downgrade \"{name}:{seq}:REASON\" \
                     lets them go back to {version}"
                )
            });
            (self.tell)(&format!(
                "note: {name} {} is the newest; hosts that run it go back to what they ran before, and \
                 those that have nothing else keep it until a newer version is published{way}",
                newest.version
            ));
        }
    }
}

/// The file with that digest, or the files of that version but for those that are also the files of
/// another one. Each once.
fn named(past: &[Manifest], what: &str) -> Vec<(Digest, String)> {
    let all = || {
        let releases = past.iter().flat_map(|manifest| &manifest.releases);
        releases.flat_map(|release| release.targets.iter().map(move |target| (release, target)))
    };
    let is_shared = |digest: Digest| {
        all().any(|(release, target)| release.version != what && target.sha256 == digest)
    };
    let mut found: Vec<(Digest, String)> = Vec::new();
    for (release, target) in all() {
        let fits = target.sha256.to_string() == what
            || (release.version == what && !is_shared(target.sha256));
        if fits && !found.iter().any(|(digest, _)| *digest == target.sha256) {
            let whose = format!(
                "{} {} for {}-{}",
                release.component, release.version, target.os, target.arch
            );
            found.push((target.sha256, whose));
        }
    }
    found
}
