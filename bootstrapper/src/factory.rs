//! The launcher that this host was installed with: what there is before the first download, and
//! when everything else is lost.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use shared_handover::layout::Component;
use shared_slots::{Digest, Fs as _, Meta, OsFs, SealError, Source, Store};

use crate::os;
use crate::payload::{Payload, read_payload};

/// Where a factory launcher was found.
#[derive(Debug)]
pub(crate) enum Factory {
    /// A file of its own.
    File(PathBuf),
    /// Within this file.
    Embedded(PathBuf, Payload),
}

/// Why there is no launcher to start: nothing that was installed later is whole, and neither is
/// this one.
#[derive(Debug)]
pub(crate) enum NoLauncher {
    /// There is none.
    NotFound {
        /// Where the file beside this program would be.
        beside: PathBuf,
    },
    /// There is one, and it cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It cannot be put into the store.
    NotSealed(SealError),
    /// It is the one that would not start a moment ago.
    WouldNotStart,
    /// The host is short of something that each start needs.
    Shortage(io::Error),
}

impl Factory {
    /// Looks for it: the file that was given, the payload of this program, the file beside it.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, NoLauncher> {
        if let Some(given) = given {
            return Ok(Self::File(given.to_owned()));
        }
        let unreadable = |path: PathBuf| |error| NoLauncher::Unreadable(path, error);
        let program = os::own_executable().map_err(unreadable("this program".into()))?;
        if let Some(payload) = read_payload(&program).map_err(unreadable(program.clone()))? {
            return Ok(Self::Embedded(program, payload));
        }
        let named = std::env::current_exe().unwrap_or(program);
        let beside = named.with_file_name(os::LAUNCHER_FILE);
        match OsFs.size("factory.size", &beside) {
            Ok(_) => Ok(Self::File(beside)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(NoLauncher::NotFound { beside })
            }
            Err(error) => Err(NoLauncher::Unreadable(beside, error)),
        }
    }

    /// Puts it into the store, from where it is started like any other.
    pub(crate) fn seal(&self, store: &Store) -> Result<Digest, NoLauncher> {
        let (digest, source) = match self {
            Self::File(path) => {
                let digest = OsFs
                    .hash("factory.hash", path)
                    .map_err(|error| NoLauncher::Unreadable(path.clone(), error))?;
                (digest, Source::Copy(path))
            }
            Self::Embedded(of, payload) => {
                let part = Source::Part {
                    of,
                    from: payload.offset,
                    length: payload.length,
                };
                (payload.digest, part)
            }
        };
        let meta = Meta {
            component: Component::Launcher.name().to_owned(),
            version: String::from("factory"),
            ..Meta::default()
        };
        store
            .seal(digest, source, &meta, &[])
            .map_err(NoLauncher::NotSealed)?;
        Ok(digest)
    }
}

impl fmt::Display for NoLauncher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { beside } => write!(
                f,
                "there is no launcher to run: none is installed in the state folder, none is \
                 embedded in this program, and there is no {}; name one with --launcher",
                beside.display()
            ),
            Self::Unreadable(path, error) => {
                write!(f, "cannot read the launcher {}: {error}", path.display())
            }
            Self::NotSealed(error) => {
                write!(f, "cannot put the factory launcher into the store: {error}")
            }
            Self::WouldNotStart => f.write_str("the factory launcher does not start either"),
            Self::Shortage(error) => write!(f, "cannot start any process now: {error}"),
        }
    }
}
