//! The data folder of a server: names in it, and the lock of its one server.
//!
//! ```text
//! trireme.db (-wal, -shm)   the database
//! logs/<2>/<job>.log        logs of jobs, raw bytes
//! keys/, releases/          the release tree, kept by server-releases
//! tables.lock               held while a program brings the tables up to date
//! server.lock               held by the running server; holds its process id
//! server.addr               its address, while it runs
//! ```

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::os;

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// It could not be made or written.
    #[error("data folder {}: {cause}; choose one that this user may write with --data-dir", path.display())]
    Unwritable {
        /// The folder or the file in it.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// Another server has it.
    #[error("data folder {} is used by another server (process {holder}); stop that one or choose another with --data-dir", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
        /// The process id of the other server, or `unknown`.
        holder: String,
    },
}

/// A data folder that exists and is private.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder, or tightens the one that is there.
    pub fn prepare(path: &Path) -> Result<Self, DataDirError> {
        let dir = Self(path.to_owned());
        for folder in [dir.0.clone(), dir.logs()] {
            os::make_private_folder(&folder).map_err(|cause| unwritable(&folder, cause))?;
        }
        // SQLite gives its journal the permissions of the database, so the database is made here.
        let database = dir.database();
        os::private_file()
            .create(true)
            .append(true)
            .open(&database)
            .map_err(|cause| unwritable(&database, cause))?;
        Ok(dir)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Tells scripts the address of the running server: one line in `server.addr`. Written beside
    /// and renamed, so whoever sees it sees all of it.
    pub fn write_address(&self, url: &str) -> Result<(), DataDirError> {
        let (path, fresh) = (self.address_file(), self.0.join("server.addr.new"));
        os::private_file()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&fresh)
            .and_then(|mut file| writeln!(file, "{url}"))
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|cause| unwritable(&path, cause))
    }

    /// Takes the address away again. One that stays behind is overwritten by the next server.
    pub fn remove_address(&self) {
        let _ = std::fs::remove_file(self.address_file());
    }

    fn address_file(&self) -> PathBuf {
        self.0.join("server.addr")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("trireme.db")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Waits for the lock under which the tables are made or brought up to date: the database itself
    /// does not keep two programs from doing that at the same time. It lasts as long as the file is
    /// open.
    pub(crate) fn lock_tables(&self) -> Result<File, DataDirError> {
        let path = self.0.join("tables.lock");
        os::private_file()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|cause| unwritable(&path, cause))
    }

    /// Takes the lock that one server of this folder may have. It lasts as long as the file is
    /// open, and ends with the process however that ends.
    pub fn lock(&self) -> Result<File, DataDirError> {
        let path = self.0.join("server.lock");
        let fail = |cause| unwritable(&path, cause);
        let mut file = os::private_file()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message; the lock itself is what counts.
                let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                return Err(DataDirError::Taken {
                    path: self.0.clone(),
                    holder: if known {
                        holder.trim().to_owned()
                    } else {
                        "unknown".to_owned()
                    },
                });
            }
            Err(TryLockError::Error(cause)) => return Err(fail(cause)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .map_err(fail)?;
        Ok(file)
    }
}

fn unwritable(path: &Path, cause: std::io::Error) -> DataDirError {
    DataDirError::Unwritable {
        path: path.to_owned(),
        cause,
    }
}
