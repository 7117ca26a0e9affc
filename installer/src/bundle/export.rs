//! `trireme update export`: what this host runs, as a bundle for others of its platform.

use std::env::consts::{ARCH, OS};
use std::fs::File;
use std::io;
use std::path::Path;

use serde::Serialize;
use shared_handover::exit::Exit;
use shared_release::Manifest;
use shared_slots::{Digest, Store};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::name::Name;
use super::newest;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Host;
use crate::show::units;
use crate::trust::Trust;

/// What came of it, for programs.
#[derive(Debug, Serialize)]
struct Exported {
    bundle: String,
    channel: String,
    serial: u64,
    root: u64,
    files: usize,
    bytes: u64,
}

/// A file of the release that this host has.
struct Held {
    digest: Digest,
    component: String,
    version: String,
}

pub(crate) fn run(host: &Host, to: &Path, output: &Output) -> Result<Exit, Failure> {
    let trust = Trust::load(&host.state)?;
    let (Some(manifest), Some(envelope)) = (&trust.manifest, &trust.envelope) else {
        return Err(Failure::Nothing(
            "this host has verified no release yet; there is nothing to export".to_owned(),
        ));
    };
    let store = Store::new(host.state.store());
    let held = held(manifest, &store)?;
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let cannot = |cause| Failure::file("cannot write", to)(cause);
    let file = NamedTempFile::new_in(folder).map_err(cannot)?;
    write(file.as_file(), &trust, manifest, envelope, &store, &held).map_err(cannot)?;
    file.as_file().sync_all().map_err(cannot)?;
    let bytes = file.as_file().metadata().map_err(cannot)?.len();
    file.persist(to).map_err(|error| cannot(error.error))?;
    output.document(&Exported {
        bundle: to.display().to_string(),
        channel: manifest.channel.clone(),
        serial: manifest.serial,
        root: trust.root.version(),
        files: held.len(),
        bytes,
    });
    output.text(&format!(
        "{}: {}, serial {}, {}\n",
        to.display(),
        manifest.channel,
        manifest.serial,
        units::bytes(bytes)
    ));
    for held in &held {
        output.text(&format!(
            "  {} {} for {OS}-{ARCH}\n",
            held.component, held.version
        ));
    }
    Ok(Exit::Success)
}

/// The files that a host of this platform is brought to. All of them have to be here and whole, or
/// the bundle would be of no use.
fn held(manifest: &Manifest, store: &Store) -> Result<Vec<Held>, Failure> {
    let launcher = newest(manifest, "launcher");
    let agent = newest(manifest, "agent");
    let plugins = agent.and_then(|(agent, _)| Some((agent, manifest.plugins_of(agent, OS, ARCH)?)));
    let named = [
        ("launcher", launcher),
        ("agent", agent),
        ("plugins", plugins),
    ];
    named
        .into_iter()
        .filter_map(|(component, found)| Some((component, found?)))
        .map(|(component, (release, target))| {
            let (version, digest) = (release.version.clone(), target.sha256);
            store.verified(digest, component).map_err(|error| {
                Failure::Nothing(format!(
                    "{component} {version} cannot be exported: {error}; a host exports the release it runs"
                ))
            })?;
            Ok(Held {
                digest,
                component: component.to_owned(),
                version,
            })
        })
        .collect()
}

fn write(
    to: &File,
    trust: &Trust,
    manifest: &Manifest,
    envelope: &str,
    store: &Store,
    held: &[Held],
) -> io::Result<()> {
    // The same bytes for the same content, whenever it is exported.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(true)
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(to);
    let newest = trust.chain.last().map(|(_, bytes)| (Name::Newest, bytes));
    let roots = trust
        .chain
        .iter()
        .map(|(version, bytes)| (Name::Root(*version), bytes));
    for (name, bytes) in newest.into_iter().chain(roots) {
        archive.start_file(name.text(), options)?;
        io::Write::write_all(&mut archive, bytes)?;
    }
    let name = Name::Manifest(manifest.channel.clone());
    archive.start_file(name.text(), options)?;
    io::Write::write_all(&mut archive, envelope.as_bytes())?;
    for held in held {
        archive.start_file(Name::Blob(held.digest).text(), options)?;
        let path = store.folder(held.digest).join(&held.component);
        io::copy(&mut File::open(path)?, &mut archive)?;
    }
    archive.finish()?;
    Ok(())
}
