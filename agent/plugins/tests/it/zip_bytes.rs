//! Zip archives byte by byte, so that they can lie (APPNOTE.TXT 4.3).

use std::path::{Path, PathBuf};

/// A plain file's mode.
pub(crate) const FILE: u32 = 0o100_644;

/// One entry, stored without compression.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) data: Vec<u8>,
    /// The unpacked size that it claims; that of its data if it is honest.
    pub(crate) size: u32,
    pub(crate) flags: u16,
}

pub(crate) fn file(name: impl Into<Vec<u8>>, data: impl Into<Vec<u8>>) -> Entry {
    let data = data.into();
    Entry {
        name: name.into(),
        mode: FILE,
        size: u32::try_from(data.len()).unwrap(),
        data,
        flags: 0,
    }
}

impl Entry {
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// What the local header and the directory have in common, from "version needed" on.
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for short in [20, self.flags, 0, 0, 0x21] {
            out.extend(short.to_le_bytes());
        }
        let packed = u32::try_from(self.data.len()).unwrap();
        for long in [crc32(&self.data), packed, self.size] {
            out.extend(long.to_le_bytes());
        }
        out.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        out.extend([0, 0]);
        out
    }
}

/// The archive's bytes.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = u32::try_from(out.len()).unwrap();
        out.extend(b"PK\x03\x04");
        out.extend(entry.fields());
        out.extend(&entry.name);
        out.extend(&entry.data);
        // Made by Unix, so that the mode counts.
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(entry.fields());
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&entry.name);
    }
    let offset = u32::try_from(out.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// Writes an archive to a folder and names it.
pub(crate) fn written(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("plugins.zip");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Everything below a folder, as relative paths; folders end with a slash.
pub(crate) fn tree(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            let slash = if entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
                "/"
            } else {
                ""
            };
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            found.push(format!("{name}{slash}"));
        }
    }
    found.sort();
    found
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |mut crc: u32, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
        crc
    })
}
