//! The server against clients that are not as they should be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use agent_metrics::Prometheus;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::StatusServer;
use crate::board::Board;
use crate::guests::{HEAD, MOST};
use crate::tests::facts;

const SECOND: Duration = Duration::from_secs(1);
const ALIVE: &str = "OK: Buildkite agent is running";

fn server(address: SocketAddr) -> StatusServer {
    let (board, prometheus) = <(Arc<Board>, Arc<Prometheus>)>::default();
    StatusServer::new(address.to_string(), board, prometheus, facts())
}

/// Does something with a server that listens.
async fn served<T>(work: impl AsyncFnOnce(SocketAddr) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let serving = server(address).serve(listener);
    let served = async {
        tokio::select! {
            done = work(address) => done,
            () = serving => unreachable!("it serves"),
        }
    };
    LocalSet::new().run_until(served).await
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

/// Sends a head; all that comes until the connection ends.
async fn ask(connection: &mut TcpStream, head: &str) -> String {
    let head = format!("{head}\r\nHost: h\r\n\r\n");
    connection.write_all(head.as_bytes()).await.expect("sent");
    rest(connection).await
}

/// An end is an end, orderly or not.
async fn rest(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const LAST: &str = "GET / HTTP/1.1\r\nConnection: close";

#[tokio::test]
async fn an_address_is_taken_over_from_whoever_had_it() {
    let other = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = other.local_addr().expect("its address");
    let server = server(address);
    // The first try fails before anything else can happen.
    let mut running = std::pin::pin!(server.run());
    tokio::select! {
        biased;
        () = &mut running => unreachable!("it goes on trying"),
        () = std::future::ready(()) => drop(other),
    }
    tokio::time::pause();
    let asking = async {
        let mut connection = loop {
            match TcpStream::connect(address).await {
                Ok(connection) => break connection,
                Err(_) => tokio::time::sleep(SECOND).await,
            }
        };
        ask(&mut connection, LAST).await
    };
    let asked = async {
        tokio::select! {
            answer = asking => answer,
            () = running => unreachable!("it serves"),
        }
    };
    let answer = LocalSet::new().run_until(asked).await;
    assert!(answer.ends_with(ALIVE), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    served(async |address| {
        tokio::time::pause();
        for part in ["", "GET / HTTP/1.1\r\nHost: h\r\nX: "] {
            let mut connection = connect(address).await;
            connection.write_all(part.as_bytes()).await.expect("sent");
            // Time goes on as soon as nothing else does.
            let answer = rest(&mut connection).await;
            assert!(!answer.contains("200 OK"), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    served(async |address| {
        for (filling, status) in [
            (100, "200 OK"),
            (HEAD, "431 Request Header Fields Too Large"),
        ] {
            let mut connection = connect(address).await;
            let head = format!("{LAST}\r\nX: {}", "x".repeat(filling));
            let answer = ask(&mut connection, &head).await;
            // Bytes that nobody reads may turn the refusal into a reset.
            let refused = filling == HEAD && answer.is_empty();
            assert!(
                refused || answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{answer}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    served(async |address| {
        tokio::time::pause();
        let mut connection = connect(address).await;
        let request = "GET /status HTTP/1.1\r\nHost: h\r\n\r\n".repeat(100);
        // Until both directions are full, and then until the server has had enough.
        while connection.write_all(request.as_bytes()).await.is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn whoever_comes_is_heard_and_the_oldest_of_too_many_has_to_go() {
    served(async |address| {
        let mut silent = Vec::new();
        for _ in 0..3 * MOST {
            silent.push(connect(address).await);
        }
        let answer = ask(&mut connect(address).await, LAST).await;
        assert!(answer.ends_with(ALIVE), "{answer}");
        // It was accepted after them, and put more than these out.
        for old in &mut silent[..2 * MOST] {
            assert_eq!(rest(old).await, "");
        }
    })
    .await;
}
