//! The control socket of one agent: connects, says hello, and carries messages both ways.
//!
//! Connects again whenever the connection ends, until the task is aborted because the agent is
//! gone. Decides nothing: each message is reported as it comes.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use shared_fault::point;
use shared_handover::message::{MAX_LINE, PROTOCOL, ToAgent, ToLauncher};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

use crate::os;
use crate::wire::{Happening, Reports};

/// The first waits for a socket that is not there yet: an agent needs some milliseconds to start.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The longest wait between two tries to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Keeps a connection to the agent `pid` at `socket`.
pub(crate) async fn keep(pid: u32, socket: PathBuf, reports: Reports) {
    let mut wait = FIRST_WAIT;
    loop {
        match os::connect(&socket, pid).await {
            Ok(stream) => {
                let since = Instant::now();
                if let Err(error) = talk(pid, stream, &reports).await {
                    debug!(pid, %error, "the connection to the agent ended");
                }
                if reports.send(Happening::Unlinked(pid)).is_err() {
                    return;
                }
                // One that hangs up on us at once is not called again at once.
                if since.elapsed() >= LONGEST_WAIT {
                    wait = FIRST_WAIT;
                }
            }
            Err(error) => debug!(pid, %error, "cannot connect to the agent"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// One connection, until either side ends it.
async fn talk(pid: u32, stream: impl AsyncRead + AsyncWrite, reports: &Reports) -> io::Result<()> {
    let (from_agent, mut to_agent) = tokio::io::split(stream);
    let hello = ToAgent::Hello {
        protocol: PROTOCOL,
        pid: std::process::id(),
    };
    point("link.hello")?;
    to_agent.write_all(hello.encode().as_bytes()).await?;
    let (sender, orders) = mpsc::unbounded_channel();
    if reports.send(Happening::Linked(pid, sender)).is_err() {
        return Ok(());
    }
    tokio::select! {
        ended = listen(pid, from_agent, reports) => ended,
        ended = tell(to_agent, orders) => ended,
    }
}

async fn listen(pid: u32, from: impl AsyncRead + Unpin, reports: &Reports) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(MAX_LINE, from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = MAX_LINE as u64;
        point("link.read")?;
        let read = (&mut reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a line without an end",
            ));
        }
        let message = ToLauncher::decode(&String::from_utf8_lossy(&line));
        if reports.send(Happening::Said(pid, message)).is_err() {
            return Ok(());
        }
    }
}

async fn tell(
    mut to: impl AsyncWrite + Unpin,
    mut orders: mpsc::UnboundedReceiver<ToAgent>,
) -> io::Result<()> {
    while let Some(message) = orders.recv().await {
        point("link.write")?;
        to.write_all(message.encode().as_bytes()).await?;
    }
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::wire::happenings;

    #[tokio::test]
    async fn messages_go_both_ways_and_a_lost_connection_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("a.sock");
        let (reports, mut seen) = happenings();
        let task = tokio::spawn(keep(7, socket.clone(), reports));
        let listener = UnixListener::bind(&socket).unwrap();
        for seq in 1..3 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            assert!(line.starts_with("hello protocol=1 pid="), "{line}");
            let Some(Happening::Linked(7, orders)) = seen.recv().await else {
                panic!("not linked");
            };
            orders.send(ToAgent::Ping { seq }).unwrap();
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("ping seq={seq}\n"));
            let pong = ToLauncher::Pong { seq };
            stream.write_all(pong.encode().as_bytes()).await.unwrap();
            let Some(Happening::Said(7, said)) = seen.recv().await else {
                panic!("nothing said");
            };
            assert_eq!(said, pong);
            drop(stream);
            assert!(matches!(seen.recv().await, Some(Happening::Unlinked(7))));
        }
        task.abort();
    }

    #[tokio::test]
    async fn a_line_without_end_ends_the_connection() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("a.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (reports, mut seen) = happenings();
        let task = tokio::spawn(keep(7, socket, reports));
        let (mut stream, _) = listener.accept().await.unwrap();
        let _linked = seen.recv().await;
        stream.write_all(&[b'x'; MAX_LINE]).await.unwrap();
        assert!(matches!(seen.recv().await, Some(Happening::Unlinked(7))));
        task.abort();
    }
}
