//! An archive to a folder named by its sha256: whole or not at all, and made only once.
//!
//! ```text
//! plugins/
//!   lock            held by whoever changes anything here, for as long as that takes
//!   <sha256>/       content of one archive; compared with it before every use
//!   <sha256>.use    held, shared, by every process that loaded from the folder
//!   <sha256>.deaths libraries during whose call a process died
//!   .new/           what is being unpacked, or was when the power went
//! ```

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::archive::{Archive, ArchiveError, Limits};
use crate::compare;
use crate::os;

/// Where an archive is unpacked before it gets its name.
const UNFINISHED: &str = ".new";

/// Bytes hashed at once.
const BLOCK: usize = 64 * 1024;

/// Why there is no folder to load from.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive was refused.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It lies in a folder with the name of another one.
    #[error("its sha256 is {0}, which is not the name of its folder; the store is damaged")]
    Another(String),
    /// The disk did not do it. The next start of the agent tries again.
    #[error("failed to {doing} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// An unpacked archive that no other process removes while this value lives.
#[derive(Debug)]
pub struct Unpacked {
    /// The folder.
    pub folder: PathBuf,
    /// Files of the archive that are libraries of this platform and lie in no folder, by name.
    pub libraries: Vec<PathBuf>,
    /// Where deaths are counted; see [`crate::deaths`].
    pub deaths: PathBuf,
    /// Whether the folder was there already.
    pub reused: bool,
    _in_use: File,
}

/// Unpacks `zip` below `into`, or finds it unpacked. Folders of other archives that no process uses
/// are removed.
pub fn unpack(zip: &Path, into: &Path, limits: &Limits) -> Result<Unpacked, UnpackError> {
    let mut file = File::open(zip).map_err(failed("open", zip))?;
    let length = file.metadata().map_err(failed("read", zip))?.len();
    if length > limits.archive {
        return Err(ArchiveError::TooMuch("too many bytes").into());
    }
    let digest = digest(&mut file).map_err(failed("read", zip))?;
    if digest_of_folder(zip).is_some_and(|wanted| wanted != digest) {
        return Err(UnpackError::Another(digest));
    }
    let mut archive = Archive::open(file, limits)?;
    fs::create_dir_all(into).map_err(failed("create", into))?;
    let lock = into.join("lock");
    let lock_file = open_lock(&lock).map_err(failed("open", &lock))?;
    lock_file.lock().map_err(failed("lock", &lock))?;
    let folder = into.join(&digest);
    let reused = compare::is_same(&folder, &mut archive);
    if !reused {
        make(&mut archive, into, &folder)?;
    }
    let use_path = into.join(format!("{digest}.use"));
    let in_use = open_lock(&use_path).map_err(failed("open", &use_path))?;
    in_use.lock_shared().map_err(failed("lock", &use_path))?;
    sweep(into, &digest);
    Ok(Unpacked {
        libraries: libraries(&archive, &folder),
        folder,
        deaths: into.join(format!("{digest}.deaths")),
        reused,
        _in_use: in_use,
    })
}

/// The digest that a file of the store has, by the name of its folder.
fn digest_of_folder(file: &Path) -> Option<&str> {
    let name = file.parent()?.file_name()?.to_str()?;
    is_digest(name).then_some(name)
}

fn libraries(archive: &Archive, folder: &Path) -> Vec<PathBuf> {
    let names = archive.files.iter().map(|file| file.name.as_str());
    names
        .filter(|name| !name.contains('/') && name.ends_with(std::env::consts::DLL_SUFFIX))
        .map(|name| folder.join(name))
        .collect()
}

/// Writes everything to a folder without a name, makes it durable, and only then names it.
fn make(archive: &mut Archive, into: &Path, folder: &Path) -> Result<(), UnpackError> {
    let unfinished = into.join(UNFINISHED);
    for old in [&unfinished, folder] {
        remove(old).map_err(failed("remove", old))?;
    }
    let made = write_all(archive, &unfinished);
    if made.is_err() {
        // What stays is removed by the next one.
        let _ = remove(&unfinished);
    }
    made?;
    fs::rename(&unfinished, folder).map_err(failed("name", folder))?;
    os::sync_folder(into).map_err(failed("sync", into))
}

fn write_all(archive: &mut Archive, unfinished: &Path) -> Result<(), UnpackError> {
    fs::create_dir(unfinished).map_err(failed("create", unfinished))?;
    let mut folders = vec![unfinished.to_owned()];
    for entry in archive.files.clone() {
        let path = unfinished.join(&entry.name);
        let parent = path.parent().unwrap_or(unfinished).to_owned();
        fs::create_dir_all(&parent).map_err(failed("create", &parent))?;
        let mut out = File::create_new(&path).map_err(failed("create", &path))?;
        archive
            .copy(&entry, &mut out)
            .and_then(|()| out.sync_all())
            .map_err(failed("unpack to", &path))?;
        let inner = parent.ancestors().take_while(|above| *above != unfinished);
        folders.extend(inner.map(Path::to_owned));
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        os::sync_folder(&folder).map_err(failed("sync", &folder))?;
    }
    Ok(())
}

/// Removes what belongs to other archives and is in use by nobody. What cannot be removed is tried
/// again at the next start; it only takes room.
fn sweep(into: &Path, own: &str) {
    let Ok(entries) = fs::read_dir(into) else {
        return;
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for name in names {
        let other = name.split('.').next().unwrap_or_default();
        if other == own || !is_digest(other) {
            continue;
        }
        let use_path = into.join(format!("{other}.use"));
        let unused = open_lock(&use_path).map(|file| file.try_lock().map(|()| file));
        match unused {
            // Nobody can take it meanwhile: for that they need the lock of the whole folder.
            Ok(Ok(_held)) => {
                let folder = into.join(other);
                let deaths = into.join(format!("{other}.deaths"));
                let gone = [&folder, &deaths].map(|path| remove(path).is_ok());
                if gone == [true, true] {
                    let _ = fs::remove_file(&use_path);
                }
            }
            Ok(Err(TryLockError::WouldBlock)) => {}
            Ok(Err(TryLockError::Error(error))) | Err(error) => {
                tracing::debug!("failed to lock {}: {error}", use_path.display());
            }
        }
    }
}

fn is_digest(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes a file, a link or a folder with all in it; nothing there is as well.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn digest(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    file.rewind()?;
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
    }
    Ok(text)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> UnpackError {
    let path = path.to_owned();
    move |cause| UnpackError::Io { doing, path, cause }
}
