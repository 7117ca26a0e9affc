//! A named pipe. Its default access list lets its creator, the local system and administrators
//! write to it, which is who may ask (<https://learn.microsoft.com/windows/win32/ipc/named-pipe-security-and-access-rights>).

use std::io;
use std::path::Path;

use shared_control::line::pipe_name;
use shared_fault::point;
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

#[derive(Debug)]
pub(crate) struct Door {
    name: String,
    /// The instance that the next visitor gets; there is always one, so that nobody finds none.
    waiting: NamedPipeServer,
}

impl Door {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let name = pipe_name(path);
        point("control.bind")?;
        let waiting = ServerOptions::new()
            // Somebody who took the name before us would be asked in our place.
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&name)?;
        Ok(Self { name, waiting })
    }

    pub(crate) async fn next(&mut self) -> io::Result<NamedPipeServer> {
        point("control.accept")?;
        self.waiting.connect().await?;
        let next = ServerOptions::new()
            .reject_remote_clients(true)
            .create(&self.name)?;
        Ok(std::mem::replace(&mut self.waiting, next))
    }
}

/// Whoever could connect for writing may ask.
#[expect(clippy::unnecessary_wraps, reason = "its Unix twin can fail")]
pub(crate) fn may_ask(_visitor: &NamedPipeServer) -> io::Result<bool> {
    Ok(true)
}
