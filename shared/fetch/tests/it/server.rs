//! A server on a free loopback port that answers each connection as a script or a function says,
//! byte for byte, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What one connection gets.
pub(crate) enum Answer {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes, then silence on an open connection.
    Stall(Vec<u8>),
    /// These bytes, then so many more at such intervals, without end.
    Trickle(Vec<u8>, usize, Duration),
    /// These bytes, then more and more until the other side has had enough.
    Endless(Vec<u8>),
    /// These bytes, then the connection is reset.
    Reset(Vec<u8>),
}

type Script = dyn FnMut(&str) -> Option<Answer> + Send;

pub(crate) struct Server {
    /// Its address, without a path.
    pub(crate) base: String,
    /// Its address with the path `/file`.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
}

impl Server {
    /// Answers one connection after the other; one beyond the script is refused by closing the
    /// port.
    pub(crate) async fn start(script: Vec<Answer>) -> Self {
        let mut script = VecDeque::from(script);
        let left = script.len();
        Self::listen(left, Box::new(move |_| script.pop_front()), false).await
    }

    /// Answers each request as `script` says; without an answer the connection is closed.
    pub(crate) async fn serve(script: impl FnMut(&str) -> Option<Answer> + Send + 'static) -> Self {
        Self::listen(usize::MAX, Box::new(script), false).await
    }

    /// Answers when the first line has come, and never reads the rest.
    pub(crate) async fn hasty(script: impl FnMut(&str) -> Option<Answer> + Send + 'static) -> Self {
        Self::listen(usize::MAX, Box::new(script), true).await
    }

    async fn listen(mut left: usize, mut script: Box<Script>, hasty: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            url: format!("{base}/file"),
            base,
            requests: Arc::default(),
            sent: Arc::default(),
        };
        let (requests, sent) = (Arc::clone(&server.requests), Arc::clone(&server.sent));
        tokio::spawn(async move {
            while left > 0 {
                left -= 1;
                let (mut stream, _) = listener.accept().await.unwrap();
                let end: &[u8] = if hasty { b"\r\n" } else { b"\r\n\r\n" };
                let Some(head) = read_until(&mut stream, end).await else {
                    continue;
                };
                requests.lock().unwrap().push(head.clone());
                if let Some(answer) = script(&head) {
                    let sent = Arc::clone(&sent);
                    tokio::spawn(async move { answer.give(stream, &sent).await });
                }
            }
            drop(listener);
        });
        server
    }

    /// The heads of the requests so far, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Bytes that the system took from it, beyond what its answers began with.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// The address of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

impl Answer {
    async fn give(self, mut stream: TcpStream, sent: &AtomicUsize) {
        let (Self::Bytes(bytes)
        | Self::Stall(bytes)
        | Self::Trickle(bytes, ..)
        | Self::Endless(bytes)
        | Self::Reset(bytes)) = &self;
        if stream.write_all(bytes).await.is_err() {
            return;
        }
        match self {
            Self::Bytes(_) => {
                let _ = stream.shutdown().await;
            }
            Self::Stall(_) => std::future::pending().await,
            Self::Trickle(_, more, interval) => {
                let mut interval = tokio::time::interval(interval);
                while stream.write_all(&vec![b' '; more]).await.is_ok() {
                    interval.tick().await;
                }
            }
            Self::Endless(_) => {
                while let Ok(more) = stream.write(&[b' '; 16 * 1024]).await {
                    sent.fetch_add(more, Ordering::SeqCst);
                }
            }
            Self::Reset(_) => stream.set_zero_linger().unwrap(),
        }
    }
}

/// An answer with a right `Content-Length`.
pub(crate) fn reply(status: &str, headers: &[&str], body: &[u8]) -> Answer {
    Answer::Bytes(raw(status, headers, body.len(), body))
}

/// An answer that announces `announced` bytes and sends `body`.
pub(crate) fn raw(status: &str, headers: &[&str], announced: usize, body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {announced}\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("connection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// What an honest server answers to a request for a file, ranges included.
pub(crate) fn honest(head: &str, content: &[u8]) -> Vec<u8> {
    let total = content.len();
    let start = head
        .lines()
        .find_map(|line| line.strip_prefix("range: bytes="))
        .and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
    match start.filter(|start| *start < total) {
        None => raw("200 OK", &["etag: \"v1\""], total, content),
        Some(start) => {
            let range = format!("content-range: bytes {start}-{}/{total}", total - 1);
            let headers = ["etag: \"v1\"", &*range];
            raw(
                "206 Partial Content",
                &headers,
                total - start,
                &content[start..],
            )
        }
    }
}

/// The path that a request asks for, without its slash.
pub(crate) fn path_of(head: &str) -> &str {
    let path = head.split(' ').nth(1).unwrap_or_default();
    path.trim_start_matches('/')
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(end) {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap().to_lowercase())
}
