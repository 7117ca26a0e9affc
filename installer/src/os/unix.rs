//! Unix: owners and modes, and the launcher's socket in the file system.

use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, socket, sockopt};
use rustix::process::geteuid;

use super::{Access, Flaw};

/// Where packages put the state folder.
pub(crate) const USUAL_STATE_DIR: &str = "/var/lib/trireme";

/// Connects to the launcher, and lets each read and write take at most `patience`.
pub(crate) fn connect(path: &Path, patience: Duration) -> io::Result<impl Read + Write + use<>> {
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    // Connecting waits too, where a stopped launcher has not taken many clients before: the limit
    // has to be there first.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(patience))?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_read_timeout(Some(patience))?;
    Ok(stream)
}

/// Gives a file to the owner of its folder: root may run this command, and the launcher must be
/// able to read what it wrote.
pub(crate) fn give_to_owner_of(folder: &Path, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let owner = std::fs::metadata(folder)?;
    chown(path, Some(owner.uid()), Some(owner.gid()))
}

/// Who may do what in a folder that is this user's alone when all is well.
pub(crate) fn access(folder: &Path) -> io::Result<Access> {
    let found = std::fs::metadata(folder)?;
    let (mode, uid) = (found.mode() & 0o777, found.uid());
    let own = geteuid();
    let flaw = if mode & 0o022 != 0 {
        Some(Flaw::Writable)
    } else if mode & 0o055 != 0 {
        Some(Flaw::Readable)
    } else if !own.is_root() && own.as_raw() != uid {
        Some(Flaw::Foreign)
    } else {
        None
    };
    let text = format!("{}, mode {mode:o}, user {uid}", folder.display());
    Ok(Access { text, flaw })
}
