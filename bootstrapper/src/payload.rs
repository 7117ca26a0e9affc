//! A launcher embedded at the end of the bootstrapper's own file.
//!
//! `program ++ launcher ++ sha256 of launcher (32) ++ length of launcher (u64, little-endian) ++
//! "TRIREME1"`. Executables may have anything behind them, so an installation needs this one file.

use std::io;
use std::path::Path;

use shared_slots::{Digest, Fs as _, OsFs};

const MAGIC: &[u8; 8] = b"TRIREME1";

/// Length of all that follows the launcher.
const TRAILER: usize = 32 + 8 + 8;

/// Where in a file its payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// First byte of the launcher.
    pub offset: u64,
    /// Length of the launcher in bytes.
    pub length: u64,
    /// What the launcher's sha256 should be; not compared with anything yet.
    pub digest: Digest,
}

/// The file of a bootstrapper with `launcher` embedded; one that it had is replaced.
pub fn append_payload(bootstrapper: &[u8], launcher: &[u8]) -> Vec<u8> {
    let program = match find(bootstrapper.len() as u64, last_bytes(bootstrapper)) {
        Some(payload) => &bootstrapper[..usize::try_from(payload.offset).unwrap_or_default()],
        None => bootstrapper,
    };
    let length = launcher.len() as u64;
    [
        program,
        launcher,
        Digest::of(launcher).as_bytes(),
        &length.to_le_bytes(),
        MAGIC,
    ]
    .concat()
}

/// Looks for a payload at the end of a file; `None` if it has none.
pub fn read_payload(path: &Path) -> io::Result<Option<Payload>> {
    let length = OsFs.size("payload.size", path)?;
    let Some(place) = length.checked_sub(TRAILER as u64) else {
        return Ok(None);
    };
    let bytes = OsFs.read_range("payload.read", path, place..length)?;
    Ok(find(length, last_bytes(&bytes)))
}

fn last_bytes(bytes: &[u8]) -> Option<[u8; TRAILER]> {
    bytes.last_chunk().copied()
}

/// Reads the trailer of a file of `whole` bytes.
fn find(whole: u64, trailer: Option<[u8; TRAILER]>) -> Option<Payload> {
    let trailer = trailer?;
    let (digest, rest) = trailer.split_first_chunk()?;
    let (length, magic) = rest.split_first_chunk()?;
    if magic != MAGIC {
        return None;
    }
    let length = u64::from_le_bytes(*length);
    let offset = whole.checked_sub(TRAILER as u64)?.checked_sub(length)?;
    Some(Payload {
        offset,
        length,
        digest: Digest::from_bytes(*digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Payload> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bootstrapper");
        std::fs::write(&path, bytes).expect("written");
        read_payload(&path).expect("readable")
    }

    #[test]
    fn what_was_embedded_is_found() {
        let file = append_payload(b"program", b"launcher");
        let payload = read(&file).expect("embedded");
        assert_eq!(payload.digest, Digest::of(b"launcher"));
        assert_eq!((payload.offset, payload.length), (7, 8));
        assert_eq!(&file[7..15], b"launcher");
    }

    #[test]
    fn embedding_again_replaces() {
        let once = append_payload(b"program", b"launcher 1");
        let twice = append_payload(&once, b"launcher 2");
        assert_eq!(twice, append_payload(b"program", b"launcher 2"));
    }

    #[test]
    fn a_file_without_a_payload_has_none() {
        let mut short = append_payload(b"program", b"launcher");
        short.remove(0);
        short.truncate(40);
        let mut too_long = append_payload(b"program", b"launcher");
        let length = too_long.len() - 16;
        too_long[length..][..8].copy_from_slice(&1000_u64.to_le_bytes());
        for bytes in [b"".as_slice(), b"TRIREME1", &[0; 100], &short, &too_long] {
            assert_eq!(read(bytes), None, "{} bytes", bytes.len());
        }
    }
}
