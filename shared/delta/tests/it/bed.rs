//! A folder with an old file, a patch, and the place of the new file.

use std::path::PathBuf;

use shared_delta::{Algorithm, DeltaError, apply, decode_zstd};
use tempfile::TempDir;

pub(crate) struct Bed {
    folder: TempDir,
}

impl Bed {
    pub(crate) fn new(old: &[u8], patch: &[u8]) -> Self {
        let bed = Self {
            folder: TempDir::new().unwrap(),
        };
        std::fs::write(bed.old(), old).unwrap();
        std::fs::write(bed.patch(), patch).unwrap();
        bed
    }

    pub(crate) fn old(&self) -> PathBuf {
        self.folder.path().join("old")
    }

    pub(crate) fn patch(&self) -> PathBuf {
        self.folder.path().join("patch")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Applies; the new file, or why there is none. Either way no more than `size` was written.
    pub(crate) fn apply(&self, algorithm: Algorithm, size: u64) -> Result<Vec<u8>, DeltaError> {
        let done = apply(algorithm, &self.old(), &self.patch(), &self.out(), size);
        self.judge(done, size)
    }

    /// As `apply`, for a whole file.
    pub(crate) fn decode(&self, size: u64) -> Result<Vec<u8>, DeltaError> {
        let done = decode_zstd(&self.patch(), &self.out(), size);
        self.judge(done, size)
    }

    fn judge(&self, done: Result<(), DeltaError>, size: u64) -> Result<Vec<u8>, DeltaError> {
        let out = std::fs::read(self.out()).unwrap_or_default();
        assert!(out.len() as u64 <= size, "{} bytes of {size}", out.len());
        done.map(|()| {
            assert_eq!(out.len() as u64, size);
            out
        })
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(len: u32, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(747_796_405) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(|_| next()).collect()
}
