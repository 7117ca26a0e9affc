//! The control socket of an agent as a named pipe.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;

use shared_control::line::pipe_name;
use shared_fault::point;
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use windows_sys::Win32::System::Pipes::{GetNamedPipeServerProcessId, WaitNamedPipeW};

use super::{check, wide};

/// How long to wait for a free end of a pipe that is there, in milliseconds; 0 would leave it to
/// the pipe.
const KNOCK: u32 = 1;

/// Connects to the control pipe of an agent. Names of pipes are everybody's, so whoever has this
/// one must be that very agent.
pub(crate) async fn connect(socket: &Path, agent: u32) -> io::Result<NamedPipeClient> {
    point("link.connect")?;
    let pipe = ClientOptions::new().open(pipe_name(socket))?;
    let mut server = 0;
    // SAFETY: the handle is open, and the number is written to a local variable.
    check(unsafe { GetNamedPipeServerProcessId(pipe.as_raw_handle(), &raw mut server) })?;
    if server != agent {
        let text = format!("process {server} has the pipe of agent {agent}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(pipe)
}

/// Whether somebody listens on the control pipe of an agent. Takes none of its ends.
///
/// # Errors
/// `NotFound` says that nobody does; any other that it cannot be told, or that it is busy.
pub(crate) fn knock(socket: &Path) -> io::Result<()> {
    let name = wide(&pipe_name(socket));
    point("adopt.connect")?;
    // SAFETY: the name is a C string.
    check(unsafe { WaitNamedPipeW(name.as_ptr(), KNOCK) })
}
