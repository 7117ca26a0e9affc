//! The reading end of what a child writes.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, ReadBuf};

use crate::os;

/// What a child writes, as [`AsyncRead`]. The end comes when nobody holds the other side any more,
/// which may be later than the child's own end; see [`crate::follow`].
#[derive(Debug)]
pub struct Output {
    fd: Option<AsyncFd<OwnedFd>>,
    /// The other side of a terminal that only controls the child's session.
    _terminal: Option<OwnedFd>,
}

impl Output {
    /// Output of nothing: at its end from the start.
    pub(crate) fn none() -> Self {
        Self {
            fd: None,
            _terminal: None,
        }
    }

    /// Takes the reading end of a pipe or the master of a terminal and makes it non-blocking.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            fd: Some(os::watch(fd)?),
            _terminal: None,
        })
    }

    /// Takes the reading end of a pipe and keeps a terminal from hanging up as long as it is there.
    pub(crate) fn with_terminal(fd: OwnedFd, terminal: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            _terminal: Some(terminal),
            ..Self::new(fd)?
        })
    }

    /// Reads what is there without waiting: `Ok(None)` if nothing is, `Ok(Some(0))` at the end.
    pub fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(fd) = &self.fd else {
            return Ok(Some(0));
        };
        match read(fd.get_ref(), buffer) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// One read. Linux says `EIO` for a terminal that nobody holds any more: that is its end.
fn read(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match rustix::io::read(fd, &mut *buffer) {
            Ok(count) => return Ok(count),
            Err(Errno::IO) => return Ok(0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl AsyncRead for Output {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(fd) = &self.get_mut().fd else {
            return Poll::Ready(Ok(()));
        };
        loop {
            let mut guard = ready!(fd.poll_read_ready(context))?;
            let space = buffer.initialize_unfilled();
            match guard.try_io(|fd| read(fd.get_ref(), space)) {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}
