//! The partial file: what is there, its running hash, and the ETag it came with.
//!
//! The ETag lies in a file beside it, `<partial>.etag`, with the address it came from, written
//! before the first byte. It only saves traffic: what makes the bytes right is the digest at the
//! end. Another mirror has other ETags and the same bytes, so it is asked for the rest without one.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use shared_fault::{point, write_point};
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
        let open = async {
            point("fetch.open")?;
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .await
        };
        let mut partial = Self {
            path: path.to_owned(),
            file: open.await.map_err(FetchError::disk(path))?,
            hasher: Hasher::default(),
            len: 0,
        };
        let hashed = partial.hash_prefix(size).await;
        hashed.map_err(FetchError::disk(path))?;
        if partial.len > size {
            partial.clear().await?;
        }
        Ok(partial)
    }

    /// Whether the file is there already, whole, right and synced: the try that wrote it may have
    /// died before it came to that.
    pub(crate) async fn is_whole(path: &Path, size: u64, digest: Digest) -> bool {
        let metadata = match point("fetch.stat") {
            Ok(()) => fs::metadata(path).await,
            Err(error) => Err(error),
        };
        if !metadata.is_ok_and(|metadata| metadata.len() == size) {
            return false;
        }
        match Self::open(path, size).await {
            Ok(mut file) => file.digest() == digest && file.sync().await.is_ok(),
            Err(_) => false,
        }
    }

    async fn hash_prefix(&mut self, size: u64) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        while self.len <= size {
            point("fetch.hash")?;
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
        let written = self.write(bytes).await;
        written.map_err(FetchError::disk(&self.path))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut half = false;
        let fault = write_point("fetch.append", || {
            half = true;
            Ok(())
        });
        if half {
            self.file.write_all(&bytes[..bytes.len() / 2]).await?;
        }
        fault?;
        self.file.write_all(bytes).await
    }

    /// Throws away what is there and starts at the first byte.
    pub(crate) async fn clear(&mut self) -> Result<(), FetchError> {
        let cleared = async {
            point("fetch.clear")?;
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        cleared.await.map_err(FetchError::disk(&self.path))?;
        self.hasher = Hasher::default();
        self.len = 0;
        self.forget_etag().await
    }

    /// Waits until all bytes are in the file, where a later try finds them.
    pub(crate) async fn flush(&mut self) -> Result<(), FetchError> {
        let flush = async {
            point("fetch.flush")?;
            self.file.flush().await
        };
        flush.await.map_err(FetchError::disk(&self.path))
    }

    /// Makes the content durable.
    pub(crate) async fn sync(&mut self) -> Result<(), FetchError> {
        let sync = async {
            point("fetch.sync")?;
            self.file.sync_all().await
        };
        sync.await.map_err(FetchError::disk(&self.path))
    }

    /// The ETag of the answer that the bytes came with, if they came from this address.
    pub(crate) async fn etag(&self, url: &str) -> Option<String> {
        point("fetch.read_etag").ok()?;
        let text = fs::read_to_string(self.etag_path()).await.ok()?;
        let (etag, from) = text.split_once('\n')?;
        (from == url && !etag.is_empty()).then(|| etag.to_owned())
    }

    /// Keeps the ETag for a later try.
    pub(crate) async fn remember_etag(&self, etag: &str, url: &str) -> Result<(), FetchError> {
        let path = self.etag_path();
        let write = async {
            point("fetch.write_etag")?;
            fs::write(&path, format!("{etag}\n{url}")).await
        };
        write.await.map_err(FetchError::disk(&path))
    }

    /// Removes the ETag.
    pub(crate) async fn forget_etag(&self) -> Result<(), FetchError> {
        remove(&self.etag_path()).await
    }

    fn etag_path(&self) -> PathBuf {
        etag_path(&self.path)
    }
}

/// Removes a partial file and what belongs to it.
pub(crate) async fn discard(path: &Path) -> Result<(), FetchError> {
    remove(path).await?;
    remove(&etag_path(path)).await
}

fn etag_path(path: &Path) -> PathBuf {
    let mut name: OsString = path.to_owned().into();
    name.push(".etag");
    name.into()
}

async fn remove(path: &Path) -> Result<(), FetchError> {
    let remove = async {
        point("fetch.remove")?;
        fs::remove_file(path).await
    };
    match remove.await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(FetchError::disk(path)),
    }
}
