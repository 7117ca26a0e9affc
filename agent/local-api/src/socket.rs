//! Sockets of our own: made private, named within the system's limit, removed in the end, and those
//! of dead processes cleaned away.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// The most bytes that the path of a socket can have: the system's field, less its zero byte.
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The system has no room for the path.
    #[error(
        "the path of the socket {} is longer than {LONGEST} bytes; choose a shorter --sockets-path",
        .0.display()
    )]
    TooLong(PathBuf),
    /// There is no private folder for it.
    #[error("the folder {} cannot be used: {error}; choose another --sockets-path", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be listened on.
    #[error("cannot listen on {}: {error}; choose another --sockets-path", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// The file of a socket; removed when dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whatever is left is cleaned away by the next process that uses the folder.
        let _ = fs::remove_file(&self.0);
    }
}

/// The agent's folder of sockets: as given, with `~` for the home folder, or the usual one. None if
/// that is below a home folder which nobody knows.
pub fn sockets_folder(given: Option<&str>, home: Option<&OsStr>) -> Option<PathBuf> {
    let given = Path::new(given.unwrap_or("~/.buildkite-agent/sockets"));
    match given.strip_prefix("~") {
        Ok(rest) => home.map(|home| Path::new(home).join(rest)),
        Err(_) => Some(given.to_owned()),
    }
}

/// Makes a folder for sockets, unless there is one.
pub(crate) fn folder(path: &Path) -> Result<(), SocketError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| SocketError::Folder {
        path: path.to_owned(),
        error,
    })
}

/// Makes a folder that only its owner can enter.
pub(crate) fn private_folder(path: &Path) -> Result<(), SocketError> {
    folder(path)?;
    let made = (|| {
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        Ok(())
    })();
    made.map_err(|error| SocketError::Folder {
        path: path.to_owned(),
        error,
    })
}

/// Listens on a new socket that only its owner can connect to.
pub(crate) fn listen(path: PathBuf) -> Result<(UnixListener, SocketFile), SocketError> {
    if path.as_os_str().len() > LONGEST {
        return Err(SocketError::TooLong(path));
    }
    if refuses(&path) {
        // Left by an earlier process of the same name.
        let _ = fs::remove_file(&path);
    }
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) => return Err(SocketError::Listen { path, error }),
    };
    let file = SocketFile(path);
    match fs::set_permissions(file.path(), Permissions::from_mode(0o600)) {
        Ok(()) => Ok((listener, file)),
        Err(error) => Err(SocketError::Listen {
            path: file.path().to_owned(),
            error,
        }),
    }
}

/// Removes sockets that nobody listens on any more. `owner` reads the process id in a file's name;
/// a process that this system does not know may still live in another container, so its socket goes
/// only if it refuses connections.
pub(crate) fn remove_abandoned(folder: &Path, owner: impl Fn(&str) -> Option<i32>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let pid = entry.file_name().to_str().and_then(&owner);
        if pid.is_some_and(|pid| !is_alive(pid)) && refuses(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_alive(pid: i32) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else {
        return false;
    };
    // Not being allowed to ask means that there is somebody.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

fn refuses(socket: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(socket);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_where_they_are_asked_for_or_below_the_home_folder() {
        let home = Some(OsStr::new("/home/u"));
        for (given, home, wanted) in [
            (None, home, Some("/home/u/.buildkite-agent/sockets")),
            (Some("~/s"), home, Some("/home/u/s")),
            (Some("~"), home, Some("/home/u")),
            (Some("~other/s"), home, Some("~other/s")),
            (Some("/s"), None, Some("/s")),
            (Some("~/s"), None, None),
            (None, None, None),
        ] {
            assert_eq!(
                sockets_folder(given, home).as_deref(),
                wanted.map(Path::new)
            );
        }
    }

    #[tokio::test]
    async fn folder_and_socket_are_private_and_the_socket_goes_with_its_owner() {
        let dir = tempfile::tempdir().expect("folder");
        let folder = dir.path().join("a/b");
        fs::create_dir_all(&folder).expect("folder");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("mode");
        private_folder(&folder).expect("folder");
        let (_listener, file) = listen(folder.join("s")).expect("socket");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(file.path())), (0o700, 0o600));
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_is_as_long_as_the_system_allows_and_no_longer() {
        let dir = tempfile::tempdir().expect("folder");
        let room = LONGEST - dir.path().as_os_str().len() - 1;
        listen(dir.path().join("x".repeat(room))).expect("fits");
        let error = listen(dir.path().join("x".repeat(room + 1))).expect_err("too long");
        assert!(error.to_string().contains("--sockets-path"), "{error}");
    }

    #[tokio::test]
    async fn only_sockets_that_nobody_listens_on_are_cleaned_away() {
        let dir = tempfile::tempdir().expect("folder");
        let path = |name: &str| dir.path().join(name);
        let (_listener, _file) = listen(path("live")).expect("socket");
        for name in ["dead", "ours"] {
            // Closing a socket leaves its file.
            drop(std::os::unix::net::UnixListener::bind(path(name)).expect("socket"));
        }
        fs::write(path("note"), "").expect("file");
        let own = i32::try_from(std::process::id()).expect("pid");
        let nobody = i32::MAX;
        remove_abandoned(dir.path(), |name| match name {
            "dead" | "live" => Some(nobody),
            "ours" => Some(own),
            _ => None,
        });
        let left = ["live", "dead", "ours", "note"].map(|name| path(name).exists());
        assert_eq!(left, [true, false, true, true]);
    }
}
