//! Which versions a manifest lists, and under which numbers. Pure.
//!
//! The newest of each component, those that hosts may be pinned to, and all that an old host has to
//! pass through.

use shared_release::{Hop, Installed, Manifest, Release, Target, Wish};
use shared_slots::Digest;

use crate::{Draft, PublishError};

/// Versions of a component that are listed beside barriers: the ones to pin to.
const LISTED: usize = 5;

/// The component's next entry: the targets of the same version stay, and the number grows with any
/// change of version, files or conditions.
pub(crate) fn next_release(
    name: &str,
    draft: &Draft,
    targets: Vec<Target>,
    last: Option<&Release>,
) -> Result<Release, PublishError> {
    let same = last.filter(|last| last.version == draft.version);
    let mut all: Vec<Target> = same.map(|last| last.targets.clone()).unwrap_or_default();
    for target in targets {
        all.retain(|other| (&other.os, &other.arch) != (&target.os, &target.arch));
        all.push(target);
    }
    all.sort_by(|a, b| (&a.os, &a.arch).cmp(&(&b.os, &b.arch)));
    let min_from = draft.min_from_seq.iter().rfind(|(whose, _)| whose == name);
    let mut release = Release {
        component: name.to_owned(),
        version: draft.version.clone(),
        seq: last.map_or(1, |last| last.seq),
        min_from_seq: min_from.map_or(0, |(_, seq)| *seq),
        barrier: draft.barrier,
        security: draft.security,
        targets: all,
    };
    if last.is_some_and(|last| plain(last) != plain(&release)) {
        release.seq = release.seq.checked_add(1).ok_or_else(|| {
            PublishError::Refused(format!(
                "{name} has no sequence number left in this channel"
            ))
        })?;
    }
    Ok(release)
}

/// What hosts install, without the ways to get it.
fn plain(release: &Release) -> Release {
    let mut plain = release.clone();
    for target in &mut plain.targets {
        target.url.clear();
        target.encoded.clear();
        target.deltas.clear();
    }
    plain
}

/// The releases of the next manifest: the new ones, and what stays listed of those before.
pub(crate) fn line_up(before: Option<&Manifest>, new: Vec<Release>) -> Vec<Release> {
    let mut old: Vec<Release> = before
        .map(|manifest| manifest.releases.clone())
        .unwrap_or_default();
    old.retain(|old| {
        !new.iter()
            .any(|new| new.component == old.component && new.version == old.version)
    });
    // A host that goes to an older version fetches it whole: deltas to it would only fill the
    // manifest. A component that is not in this release keeps its entry as it is.
    for release in &mut old {
        if new.iter().any(|new| new.component == release.component) {
            release.targets.iter_mut().for_each(|t| t.deltas.clear());
        }
    }
    let mut all = [new, old].concat();
    all.sort_by(|a, b| (&a.component, b.seq).cmp(&(&b.component, a.seq)));
    let mut at = all.len();
    while at > 0 {
        at -= 1;
        let newer = all[..at].iter().rev();
        let rank = newer.take_while(|newer| newer.component == all[at].component);
        if all[at].barrier || rank.count() < LISTED {
            continue;
        }
        let without = [&all[..at], &all[at + 1..]].concat();
        if !strands(&all, &without, &all[at].component) {
            all = without;
        }
    }
    all
}

/// Whether some host that could get to the newest version of a component no more can.
fn strands(before: &[Release], after: &[Release], component: &str) -> bool {
    let listed = before.iter().filter(|one| one.component == component);
    let from = listed.map(|release| release.seq).chain([0]);
    from.into_iter()
        .any(|seq| is_reached(before, component, seq) && !is_reached(after, component, seq))
}

/// Whether a host at this number gets to the newest version of a component, on every platform that
/// has one.
pub(crate) fn is_reached(releases: &[Release], component: &str, from: u64) -> bool {
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let mut manifest = Manifest::new("lineup", 1, epoch, jiff::Timestamp::MAX);
    manifest.releases = releases.to_vec();
    let Some(newest) = manifest.release(component) else {
        return true;
    };
    newest.targets.iter().all(|target| {
        let mut installed = Installed {
            seq: from,
            digest: Digest::from_bytes([0; 32]),
        };
        loop {
            let hop = manifest.next_hop(&Wish {
                component,
                os: &target.os,
                arch: &target.arch,
                installed: Some(installed),
                pin: None,
            });
            match hop {
                Hop::Stay => return true,
                Hop::Install(release, target) => {
                    installed = Installed {
                        seq: release.seq,
                        digest: target.sha256,
                    };
                }
                Hop::Blocked(..) | Hop::NotListed => return false,
            }
        }
    })
}
