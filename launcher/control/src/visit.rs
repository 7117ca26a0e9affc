//! One client: it says one line, and gets lines until a final one.

use std::io;
use std::sync::Arc;

use shared_control::line::{decode, encode};
use shared_control::{MAX_REQUEST, RefusedFor, Reply, Request};
use shared_fault::point;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::time::timeout;
use tracing::debug;

use crate::replier::{Asked, Next, pair};
use crate::server::Limits;

/// Serves a client to its end. Whatever it does, it costs one task and a few kilobytes.
pub(crate) async fn hold(
    mut visitor: impl AsyncRead + AsyncWrite + Unpin,
    deliver: Arc<impl Fn(Asked)>,
    limits: Limits,
) {
    let request = match timeout(limits.patience, read_line(&mut visitor)).await {
        Ok(Ok(line)) => decode::<Request>(&line).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it took too long".to_owned()),
    };
    let request = match request {
        Ok(Request::Unknown) => Err("this launcher does not know the request".to_owned()),
        request => request,
    };
    match request {
        Ok(request) => {
            debug!(?request, "asked");
            let (replier, mut lines) = pair();
            deliver(Asked { request, replier });
            loop {
                let (reply, last) = match timeout(limits.still, lines.next()).await {
                    Ok(Next::Line(reply)) => (reply, false),
                    Ok(Next::Last(reply)) => (reply, true),
                    Err(_) => (Reply::Still, false),
                };
                if let Err(error) = say(&mut visitor, &reply, limits).await {
                    debug!(%error, "a client did not wait for its answer");
                    return;
                }
                if last {
                    return;
                }
            }
        }
        Err(detail) => {
            send_away(
                visitor,
                Reply::refused(RefusedFor::NotUnderstood, detail),
                limits,
            )
            .await;
        }
    }
}

/// Says one thing and ends.
pub(crate) async fn send_away(
    mut visitor: impl AsyncRead + AsyncWrite + Unpin,
    reply: Reply,
    limits: Limits,
) {
    if say(&mut visitor, &reply, limits).await.is_err() {
        return;
    }
    // What it still sends is read away, or the answer may be lost with the connection.
    let _ = visitor.shutdown().await;
    let mut rest = visitor.take(2 * MAX_REQUEST as u64);
    let _ = timeout(
        limits.patience,
        tokio::io::copy(&mut rest, &mut tokio::io::sink()),
    )
    .await;
}

async fn read_line(visitor: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    point("control.read")?;
    let mut line = String::new();
    let mut capped = BufReader::new(visitor.take(MAX_REQUEST as u64));
    capped.read_line(&mut line).await?;
    if !line.ends_with('\n') && line.len() >= MAX_REQUEST {
        return Err(io::Error::other(format!(
            "the request is longer than {MAX_REQUEST} bytes"
        )));
    }
    Ok(line)
}

async fn say(
    visitor: &mut (impl AsyncWrite + Unpin),
    reply: &Reply,
    limits: Limits,
) -> io::Result<()> {
    point("control.write")?;
    let line = encode(reply);
    match timeout(limits.patience, visitor.write_all(line.as_bytes())).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
