//! The one system call: a datagram to systemd's socket.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::send;

#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub(crate) use other::send;
