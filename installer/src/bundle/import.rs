//! `trireme update import`: a bundle is verified against this host's own trust root and laid into
//! the drop folder, from which the launcher fetches before it asks any server.
//!
//! Everything is checked before anything is written, and the manifest is written last: the launcher
//! never finds a release whose files are not there.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use serde::Serialize;
use shared_handover::exit::Exit;
use shared_release::{MAX_SIGNED, Manifest, Target, Walk};
use shared_slots::{Digest, Store};

use super::name::Name;
use super::newest;
use super::reader::Reader;
use crate::failure::Failure;
use crate::file;
use crate::output::Output;
use crate::place::Host;
use crate::show::units;
use crate::trust::Trust;

/// What came of it, for programs.
#[derive(Debug, Serialize)]
struct Imported {
    channel: String,
    serial: u64,
    root: u64,
    files: usize,
}

pub(crate) fn run(host: &Host, from: &Path, output: &Output) -> Result<Exit, Failure> {
    let refuse = |why: String| Failure::Bundle {
        path: from.to_owned(),
        why,
    };
    let trust = Trust::load(&host.state)?;
    let mut bundle = Reader::open(from).map_err(refuse)?;
    let (walk, roots) = follow(&mut bundle, &trust).map_err(refuse)?;
    let (name, bytes, manifest) = judge(&mut bundle, &trust, &walk).map_err(refuse)?;
    let blobs = check_blobs(&mut bundle, &manifest).map_err(refuse)?;
    let store = Store::new(host.state.store());
    usable(&manifest, &blobs, &store).map_err(refuse)?;

    let drop = host.state.drop_folder();
    lay(&drop, &mut bundle, &blobs, &roots, (&name, &bytes))?;
    remove_others(&drop.join("v1/blobs"), &manifest);
    output.document(&Imported {
        channel: manifest.channel.clone(),
        serial: manifest.serial,
        root: walk.root().version(),
        files: blobs.len(),
    });
    let (channel, serial, files) = (&manifest.channel, manifest.serial, blobs.len());
    output.text(&format!(
        "{channel}, serial {serial}: verified, {files} files in {}\n",
        drop.display()
    ));
    if manifest.expires < host.now.timestamp() {
        let expired = units::time(manifest.expires, &host.now);
        output.remark(&format!(
            "it expired {expired}: the launcher does not adopt it; get a newer one, or set the clock"
        ));
    } else {
        output
            .remark("the launcher takes it at its next check; `trireme update check` asks it now");
    }
    Ok(Exit::Success)
}

/// Lays a bundle into the drop folder: files, roots, and last the manifest that names them.
fn lay(
    drop: &Path,
    bundle: &mut Reader,
    blobs: &[Digest],
    roots: &BTreeMap<u64, Vec<u8>>,
    (manifest, bytes): (&Name, &[u8]),
) -> Result<(), Failure> {
    let cannot = |cause| Failure::file("cannot write into", drop)(cause);
    let place = |name: &Name| -> Result<PathBuf, Failure> {
        let path = drop.join(name.path());
        let folder = path.parent().unwrap_or(drop);
        file::make_folder(folder).map_err(cannot)?;
        Ok(path)
    };
    for blob in blobs {
        let name = Name::Blob(*blob);
        let path = place(&name)?;
        let mut entry = bundle.entry(&name).map_err(cannot)?;
        file::replace_with(&path, &mut entry).map_err(cannot)?;
    }
    for (version, bytes) in roots {
        file::replace(&place(&Name::Root(*version))?, bytes).map_err(cannot)?;
    }
    file::replace(&place(manifest)?, bytes).map_err(cannot)
}

/// Follows the bundle's roots from the one this host trusts. Those before it are not looked at.
fn follow(bundle: &mut Reader, trust: &Trust) -> Result<(Walk, BTreeMap<u64, Vec<u8>>), String> {
    let mut walk = Walk::from(trust.root.clone());
    let mut roots = BTreeMap::new();
    while let Some(version) = walk
        .next_version()
        .filter(|version| bundle.has(&Name::Root(*version)))
    {
        let bytes = bundle.read(&Name::Root(version), MAX_SIGNED);
        let bytes = bytes.map_err(|error| format!("its root {version} cannot be read: {error}"))?;
        let step = walk.step(&bytes);
        step.map_err(|error| format!("its root {version} is refused: {error}"))?;
        roots.insert(version, bytes);
    }
    Ok((walk, roots))
}

/// The manifest, verified as the launcher will.
fn judge(
    bundle: &mut Reader,
    trust: &Trust,
    walk: &Walk,
) -> Result<(Name, Vec<u8>, Manifest), String> {
    let channels: Vec<&String> = bundle
        .names()
        .filter_map(|name| match name {
            Name::Manifest(channel) => Some(channel),
            _ => None,
        })
        .collect();
    let channel = match channels[..] {
        [channel] => channel.clone(),
        [] => return Err("it has no manifest".to_owned()),
        _ => return Err("it has manifests of several channels".to_owned()),
    };
    if let Some(seen) = trust.seen.as_ref().filter(|seen| seen.channel() != channel) {
        let own = seen.channel();
        return Err(format!(
            "it is for channel {channel}, and this host follows {own}"
        ));
    }
    let name = Name::Manifest(channel.clone());
    let bytes = bundle.read(&name, MAX_SIGNED);
    let bytes = bytes.map_err(|error| format!("its manifest cannot be read: {error}"))?;
    let manifest = walk.root().accept(&bytes, &channel, trust.seen.as_ref());
    let manifest = manifest.map_err(|error| format!("its manifest is refused: {error}"))?;
    Ok((name, bytes, manifest))
}

/// Every file of the bundle has to be one that the manifest names, and what its name says.
fn check_blobs(bundle: &mut Reader, manifest: &Manifest) -> Result<Vec<Digest>, String> {
    let sizes = sizes(manifest);
    let names: Vec<Digest> = bundle
        .names()
        .filter_map(|name| match name {
            Name::Blob(digest) => Some(*digest),
            _ => None,
        })
        .collect();
    for digest in &names {
        let Some(size) = sizes.get(digest).copied() else {
            return Err(format!("its file {digest} is none of the release's"));
        };
        let hashed = bundle.hash(&Name::Blob(*digest), size);
        let (found, length) =
            hashed.map_err(|error| format!("its file {digest} cannot be read: {error}"))?;
        if found != *digest || length != size {
            return Err(format!(
                "its file {digest} is not what its name says; copy it again"
            ));
        }
    }
    Ok(names)
}

/// Removes what earlier bundles have brought and this release does not name: a folder that is only
/// ever added to fills the disk.
fn remove_others(blobs: &Path, manifest: &Manifest) {
    let sizes = sizes(manifest);
    for entry in std::fs::read_dir(blobs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digest: Option<Digest> = name.to_str().and_then(|name| name.parse().ok());
        if digest.is_some_and(|digest| !sizes.contains_key(&digest)) {
            // It is in nobody's way; the next import tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Every file that a manifest names, in any encoding, with its length.
fn sizes(manifest: &Manifest) -> BTreeMap<Digest, u64> {
    let targets = manifest
        .releases
        .iter()
        .flat_map(|release| &release.targets);
    targets
        .flat_map(|target| {
            let encoded = target
                .encoded
                .iter()
                .map(|encoded| (encoded.sha256, encoded.size));
            let deltas = target.deltas.iter().map(|delta| (delta.sha256, delta.size));
            encoded.chain(deltas).chain([(target.sha256, target.size)])
        })
        .collect()
}

/// Whether this host could install the release from it alone.
fn usable(manifest: &Manifest, blobs: &[Digest], store: &Store) -> Result<(), String> {
    for component in ["launcher", "agent"] {
        let Some((release, target)) = newest(manifest, component) else {
            continue;
        };
        let comes = |target: &Target| {
            let encoded = target.encoded.iter().map(|encoded| encoded.sha256);
            encoded
                .chain([target.sha256])
                .any(|digest| blobs.contains(&digest))
        };
        let by_delta = || {
            target.deltas.iter().any(|delta| {
                blobs.contains(&delta.sha256) && store.verified(delta.from, component).is_ok()
            })
        };
        let is_here = || store.verified(target.sha256, component).is_ok();
        if !comes(target) && !is_here() && !by_delta() {
            let version = &release.version;
            return Err(format!(
                "it lacks {component} {version} for {OS}-{ARCH}; export it for that"
            ));
        }
    }
    Ok(())
}
