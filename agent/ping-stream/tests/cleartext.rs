//! Endpoints without TLS that know only HTTP/1.1, which nothing tells beforehand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use agent_ping_stream::{Class, Opener, StreamError};
use shared_client::{Client, Endpoint, Transport};
use shared_protocol::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Answers HTTP/2 as `to_http2` says, and everything else with `to_http1`. Returns its address.
async fn endpoint(to_http2: &'static [u8], to_http1: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let count = connection.read(&mut asked).await.unwrap_or(0);
            let http2 = asked[..count].starts_with(PREFACE);
            let answer = if http2 { to_http2 } else { to_http1 };
            let _ = connection.write_all(answer).await;
        }
    });
    format!("http://{address}/v3")
}

async fn open(url: &str) -> StreamError {
    let transport = Transport::new("0.1.0").unwrap();
    let endpoint = Endpoint::parse(url).unwrap();
    let client = Client::new(transport.clone(), endpoint, Secret::new("t"));
    let mut opener = Opener::new(transport.lane(0));
    opener.open(&client, "worker-1").await.unwrap_err()
}

#[tokio::test]
async fn an_endpoint_that_knows_no_http_2_is_asked_as_it_likes() {
    let not_found = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    for to_http2 in [&b""[..], b"HTTP/1.1 505 Version Not Supported\r\n\r\n"] {
        let error = open(&endpoint(to_http2, not_found).await).await;
        assert_eq!(error, StreamError::Foreign { status: 404 });
        assert_eq!(error.class(), Class::Foreign);
    }
}

#[tokio::test]
async fn an_endpoint_that_answers_nothing_at_all_is_tried_later() {
    let error = open(&endpoint(b"", b"").await).await;
    assert_eq!(error.class(), Class::Passing, "{error}");
    let away = endpoint(b"", b"HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n").await;
    let error = open(&away).await;
    assert_eq!(error.class(), Class::Passing, "{error}");
}
