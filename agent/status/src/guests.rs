//! Connections, with limits on all that a stranger can hold of the agent: how many there are, how
//! long a head may take and be, and how long an answer may stay unread.
//!
//! When there are too many the oldest has to go, not the newest: a supervisor that asks whether the
//! agent lives is heard, whoever else keeps connections open.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Connections at once.
pub(crate) const MOST: usize = 64;
/// The time for a request's head, from the end of the answer before it on.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a head; hyper takes no less.
pub(crate) const HEAD: usize = 8 * 1024;
/// The time for a whole connection. An answer under way has [`PATIENCE`] on top.
const LONGEST: Duration = Duration::from_mins(2);
/// Before the next try when there are no descriptors.
const NEXT_TRY: Duration = Duration::from_millis(50);

/// Serves until it is dropped. Has to be called in a [`LocalSet`](tokio::task::LocalSet).
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = connections.join_next() => {
                oldest_first.retain(|connection| !connection.is_finished());
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                if oldest_first.len() >= MOST
                    && let Some(oldest) = oldest_first.pop_front()
                {
                    oldest.abort();
                }
                let connection = connections.spawn_local(converse(stream, router.clone()));
                oldest_first.push_back(connection);
            }
            Err(_) => sleep(NEXT_TRY).await,
        }
    }
}

/// One connection; an error of it concerns only the client.
async fn converse(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    if timeout(LONGEST, &mut connection).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(PATIENCE, connection).await;
    }
}
