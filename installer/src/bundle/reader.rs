//! Reading a bundle that anybody may have made: every name, kind and size is checked before the
//! first byte is used.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use shared_slots::{Digest, Hasher};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::name::Name;

/// Most entries: 256 roots, a manifest, and many targets.
const ENTRIES_MOST: usize = 4096;

/// The part of a mode that says what kind of thing it is, and a plain file.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;

/// A bundle whose entries were checked.
pub(crate) struct Reader {
    archive: ZipArchive<File>,
    places: BTreeMap<Name, usize>,
}

impl Reader {
    /// Opens a bundle. The error is a fragment that says why it is refused.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let archive = ZipArchive::new(file);
        let mut archive = archive.map_err(|error| format!("it is no bundle: {error}"))?;
        if archive.len() > ENTRIES_MOST {
            return Err(format!(
                "it has {} entries, which no bundle has",
                archive.len()
            ));
        }
        if archive.has_duplicate_names() {
            return Err("one of its entries comes twice".to_owned());
        }
        let mut places = BTreeMap::new();
        for place in 0..archive.len() {
            let entry = archive.by_index(place);
            let entry = entry.map_err(|error| format!("it is no bundle: {error}"))?;
            let text = entry.name().map(Cow::into_owned);
            let text = text.map_err(|error| format!("it is no bundle: {error}"))?;
            if entry.is_dir() && is_folder_of_a_tree(&text) {
                continue;
            }
            let kind = entry.unix_mode().map_or(0, |mode| mode & MODE_KIND);
            if entry.is_symlink() || entry.encrypted() || !matches!(kind, 0 | MODE_FILE) {
                return Err(format!("its entry {text:?} is no plain file"));
            }
            let name = Name::parse(&text);
            let name = name.ok_or_else(|| format!("its entry {text:?} is no part of a release"))?;
            places.insert(name, place);
        }
        Ok(Self { archive, places })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.places.keys()
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.places.contains_key(name)
    }

    /// A small entry.
    pub(crate) fn read(&mut self, name: &Name, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.entry(name)?
            .take(most as u64 + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() > most {
            return Err(io::Error::other(format!("it is longer than {most} bytes")));
        }
        Ok(bytes)
    }

    /// Digest and length of an entry; never reads more than a byte beyond `most`.
    pub(crate) fn hash(&mut self, name: &Name, most: u64) -> io::Result<(Digest, u64)> {
        let mut from = self.entry(name)?.take(most.saturating_add(1));
        let (mut hasher, mut length) = (Hasher::default(), 0);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok((hasher.finish(), length)),
                n => {
                    hasher.update(&buffer[..n]);
                    length += n as u64;
                }
            }
        }
    }

    /// An entry to be read.
    pub(crate) fn entry(&mut self, name: &Name) -> io::Result<ZipFile<'_, File>> {
        let place = self.places.get(name).copied();
        let place = place.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.archive.by_index(place).map_err(io::Error::other)
    }
}

/// Tools that pack folders name them too.
fn is_folder_of_a_tree(text: &str) -> bool {
    let inside = text.trim_end_matches('/').strip_prefix("v1/");
    text == "v1/"
        || inside.is_some_and(|name| {
            Name::parse(&format!("v1/{name}/manifest.json")).is_some()
                || matches!(name, "roots" | "blobs")
        })
}
