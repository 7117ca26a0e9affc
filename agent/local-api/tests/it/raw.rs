//! Requests as bytes, so that wrong ones can be sent too.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longer than anything here takes; only a failing test waits for it.
pub(crate) const LONG: Duration = Duration::from_mins(5);

/// Sends these bytes, and reads all that comes until the other side closes.
pub(crate) async fn exchange(socket: &Path, bytes: &[u8]) -> String {
    let work = async {
        let mut stream = UnixStream::connect(socket).await.expect("connect");
        // A server that has seen enough may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).expect("text")
    };
    timeout(LONG, work).await.expect("an answer")
}

/// One request with a token; answers its status and the JSON of its body.
pub(crate) async fn ask(
    socket: &Path,
    token: Option<&str>,
    line: &str,
    body: &str,
) -> (u16, String) {
    let authorization = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}Content-Length: {length}\r\n\r\n{body}"
    );
    parts(&exchange(socket, request.as_bytes()).await)
}

/// Status and body of an answer.
pub(crate) fn parts(answer: &str) -> (u16, String) {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (
        status.unwrap_or_else(|| panic!("{answer:?}")),
        body.trim().to_owned(),
    )
}
