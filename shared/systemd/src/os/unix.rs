//! Unix: a socket by its path, or by an abstract name.

use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use shared_fault::point;

/// Sends one message, or fails: systemd may be busy for a while, which is not waited for.
pub(crate) fn send(socket: &OsStr, message: &[u8]) -> io::Result<()> {
    let address = address(socket)?;
    point("systemd.send")?;
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    // A datagram goes as a whole or not at all.
    sender.send_to_addr(message, &address).map(drop)
}

fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(socket),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "NOTIFY_SOCKET names no socket of this kind of system",
        )),
    }
}
