//! The partial file: what is there, its running hash, and the ETag it came with.
//!
//! The ETag lies in a file beside it, `<partial>.etag`, written before the first byte. It only
//! saves traffic: what makes the bytes right is the digest at the end.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use shared_slots::{Digest, Hasher};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::FetchError;

/// An open partial file and the hash of its content.
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    len: u64,
}

impl Partial {
    /// Opens or creates the file and hashes what it holds; more than `size` bytes are useless and
    /// dropped.
    pub(crate) async fn open(path: &Path, size: u64) -> Result<Self, FetchError> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .await;
        let mut partial = Self {
            path: path.to_owned(),
            file: opened.map_err(FetchError::disk(path))?,
            hasher: Hasher::default(),
            len: 0,
        };
        partial
            .hash_prefix(size)
            .await
            .map_err(FetchError::disk(path))?;
        if partial.len > size {
            partial.clear().await?;
        }
        Ok(partial)
    }

    async fn hash_prefix(&mut self, size: u64) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        while self.len <= size {
            let read = self.file.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            self.hasher.update(&buffer[..read]);
            self.len += read as u64;
        }
        Ok(())
    }

    /// Bytes that are there.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Digest of the bytes that are there.
    pub(crate) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Appends bytes.
    pub(crate) async fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let written = self.file.write_all(bytes).await;
        written.map_err(FetchError::disk(&self.path))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what is there and starts at the first byte.
    pub(crate) async fn clear(&mut self) -> Result<(), FetchError> {
        let cleared = async {
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        cleared.await.map_err(FetchError::disk(&self.path))?;
        self.hasher = Hasher::default();
        self.len = 0;
        self.remember_etag(None).await
    }

    /// Waits until all bytes are in the file, where a later try finds them.
    pub(crate) async fn flush(&mut self) -> Result<(), FetchError> {
        let flushed = self.file.flush().await;
        flushed.map_err(FetchError::disk(&self.path))
    }

    /// Makes the content durable.
    pub(crate) async fn sync(&mut self) -> Result<(), FetchError> {
        let synced = self.file.sync_all().await;
        synced.map_err(FetchError::disk(&self.path))
    }

    /// The ETag of the answer that the bytes came with.
    pub(crate) async fn etag(&self) -> Option<String> {
        let text = fs::read_to_string(self.etag_path()).await.ok()?;
        Some(text).filter(|etag| !etag.is_empty())
    }

    /// Keeps the ETag for a later try, or forgets it.
    pub(crate) async fn remember_etag(&self, etag: Option<&str>) -> Result<(), FetchError> {
        let path = self.etag_path();
        let done = match etag {
            Some(etag) => fs::write(&path, etag).await,
            None => match fs::remove_file(&path).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            },
        };
        done.map_err(FetchError::disk(&path))
    }

    fn etag_path(&self) -> PathBuf {
        let mut name: OsString = self.path.clone().into();
        name.push(".etag");
        name.into()
    }
}
