//! A server on a free loopback port that answers each connection with the next line of a script,
//! byte for byte, and keeps what it was asked.

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
    /// These bytes, then one more at such intervals, without end.
    Trickle(Vec<u8>, Duration),
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts it; a connection beyond the script is refused by closing the port.
    pub(crate) async fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut stalled = Vec::new();
            for answer in script {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = read_head(&mut stream).await;
                seen.lock().unwrap().push(head);
                match answer {
                    Answer::Bytes(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                        let _ = stream.shutdown().await;
                    }
                    Answer::Stall(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                        stalled.push(stream);
                    }
                    Answer::Trickle(bytes, interval) => {
                        let _ = stream.write_all(&bytes).await;
                        let mut interval = tokio::time::interval(interval);
                        while stream.write_all(b" ").await.is_ok() {
                            interval.tick().await;
                        }
                    }
                }
            }
            drop(listener);
            std::future::pending::<()>().await;
        });
        Self { url, requests }
    }

    /// The heads of the requests so far, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
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

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}
