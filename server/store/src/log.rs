//! Bytes of logs on the disk: one file per job, each piece at its own offset.
//!
//! This module moves bytes only; which of them count is in the table `chunks`.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use shared_protocol::JobId;

use crate::{StoreError, os};

/// The folder of all logs.
#[derive(Debug, Clone)]
pub(crate) struct LogDir(PathBuf);

impl LogDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The file of a job's log. The id comes from our own table; anything else than a UUID's
    /// characters is refused all the same, because it becomes a path.
    fn path(&self, job: &JobId) -> Result<PathBuf, StoreError> {
        let id = job.as_str();
        let plain = id.len() > 2 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain {
            return Err(StoreError::Corrupt { what: "job id" });
        }
        // The end of a version 7 UUID is random, its beginning is the time.
        Ok(self.0.join(&id[id.len() - 2..]).join(format!("{id}.log")))
    }

    /// Writes `bytes` at `offset`; they are on the disk when this returns.
    pub(crate) async fn write(
        &self,
        job: &JobId,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        let path = self.path(job)?;
        blocking(path, move |path| {
            let folder = path.parent().filter(|_| !path.exists());
            if let Some(folder) = folder {
                os::make_private_folder(folder)?;
            }
            let mut file = os::private_file()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&bytes)?;
            file.sync_data()?;
            folder.map_or(Ok(()), sync_names)
        })
        .await
    }

    /// Reads up to `most` bytes from `offset` on; fewer at the end of the file.
    pub(crate) async fn read(
        &self,
        job: &JobId,
        offset: u64,
        most: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let path = self.path(job)?;
        blocking(path, move |path| {
            let mut file = OpenOptions::new().read(true).open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }
}

/// Makes the name of a new log, and that of its folder, durable.
fn sync_names(folder: &Path) -> std::io::Result<()> {
    for folder in [Some(folder), folder.parent()].into_iter().flatten() {
        // Systems that cannot open a folder keep names by themselves.
        if let Ok(handle) = File::open(folder) {
            handle.sync_all()?;
        }
    }
    Ok(())
}

/// Runs file work on the pool for blocking calls.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let shown = path.clone();
    tokio::task::spawn_blocking(move || work(&path))
        .await
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)))
        .map_err(|cause| StoreError::Log { path: shown, cause })
}
