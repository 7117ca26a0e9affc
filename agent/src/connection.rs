//! One connection of a launcher: lines in, lines out, and no patience for either.

use std::io;

use shared_handover::message::{MAX_LINE, ToLauncher};
use tokio::net::UnixStream;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    /// What came and is not a whole line yet.
    pending: Vec<u8>,
}

impl Connection {
    /// Takes a connection over and sends the greeting; `None` if it is closed already.
    pub(crate) fn open(stream: UnixStream, greeting: &[ToLauncher]) -> Option<Self> {
        let mut launcher = Self {
            stream,
            pending: Vec::new(),
        };
        launcher.send(greeting).then_some(launcher)
    }

    /// Sends messages, without waiting; false when they did not fit or nobody is there.
    pub(crate) fn send(&mut self, messages: &[ToLauncher]) -> bool {
        let text: String = messages.iter().map(ToLauncher::encode).collect();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(0) => return false,
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// The next line of `launcher`; `None` at its end or after nonsense; never when there is no launcher.
    /// May be dropped half-way without losing anything.
    pub(crate) async fn next_line(launcher: &mut Option<Self>) -> Option<String> {
        match launcher {
            Some(launcher) => launcher.line().await,
            None => std::future::pending().await,
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            if self.pending.len() >= MAX_LINE {
                return None;
            }
            self.stream.readable().await.ok()?;
            let mut buffer = [0; 512];
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }
}
