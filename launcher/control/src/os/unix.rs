//! A socket in the file system.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use shared_fault::point;
use tokio::net::{UnixListener, UnixStream};

#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// The socket gets its name last, when nobody else may connect to it any more; what a dead
    /// launcher left under that name gives way in the same step.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let unfinished = path.with_extension("new");
        point("control.clear")?;
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        point("control.bind")?;
        let listener = UnixListener::bind(&unfinished)?;
        point("control.protect")?;
        fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
        point("control.rename")?;
        fs::rename(&unfinished, path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    pub(crate) async fn next(&mut self) -> io::Result<UnixStream> {
        point("control.accept")?;
        Ok(self.listener.accept().await?.0)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if point("control.remove").is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the process at the other end belongs to our own user or to root.
pub(crate) fn may_ask(visitor: &UnixStream) -> io::Result<bool> {
    let uid = visitor.peer_cred()?.uid();
    Ok(uid == 0 || uid == rustix::process::geteuid().as_raw())
}
