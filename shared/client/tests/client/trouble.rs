//! What happens when the endpoint, or what stands in its place, misbehaves.

use crate::endpoint::{Played, reply};
use bytes::Bytes;
use shared_client::{Client, ClientError, Endpoint, Silence, Transport};
use shared_protocol::agent::RegisterRequest;
use shared_protocol::job::{ChunkPlace, FinishRequest, StartRequest};
use shared_protocol::{JobId, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

const PAGE: &str = "<html><h1>Sign in to the coffee shop</h1></html>";
const WORKER: &str = r#"{"id":"a","access_token":"t"}"#;
const PLACE: ChunkPlace = ChunkPlace {
    sequence: 1,
    offset: 0,
    size: 1,
};

fn job() -> JobId {
    JobId::new("j1")
}

fn finish() -> FinishRequest {
    FinishRequest {
        exit_status: "0".into(),
        signal: None,
        signal_reason: None,
        finished_at: "now".into(),
        chunks_failed_count: 0,
        ignore_agent_in_dispatches: None,
    }
}

#[tokio::test]
async fn register_outlasts_500s_and_a_busy_endpoint() {
    let played = Played::new(vec![
        reply(500, ""),
        reply(429, "{}").header("Retry-After", "2.5"),
        reply(503, "{}").header("Retry-After", "0"),
        reply(200, WORKER),
    ])
    .await;
    played
        .client
        .register(&RegisterRequest::default())
        .await
        .unwrap();
    assert_eq!(played.waits(), [10.0, 2.5, 10.0]);
}

#[tokio::test]
async fn a_wrong_token_is_one_request_and_one_clear_error() {
    let played = Played::new(vec![reply(401, r#"{"message":"Invalid token"}"#)]).await;
    let error = played
        .client
        .register(&RegisterRequest::default())
        .await
        .unwrap_err();
    assert!(error.is_refusal() && !error.is_retryable());
    assert_eq!(error.status(), Some(401));
    assert_eq!(
        error.to_string(),
        format!(
            "POST {}/register: answered 401: Invalid token; check that the token is right, not \
             revoked and meant for this endpoint",
            played.base
        )
    );
    assert_eq!(played.lines().len(), 1);
}

#[tokio::test]
async fn a_page_instead_of_json_is_tried_again_on_every_route() {
    let played = Played::new(vec![reply(200, PAGE), reply(200, WORKER)]).await;
    played
        .client
        .register(&RegisterRequest::default())
        .await
        .unwrap();
    assert_eq!(played.waits(), [10.0]);

    let played = Played::new(vec![reply(200, PAGE), reply(200, "")]).await;
    played.client.connect().await.unwrap();
    assert_eq!(played.waits(), [5.0]);

    let played = Played::new(vec![reply(200, PAGE), reply(200, r#"{"id":"j1"}"#)]).await;
    played.client.accept(&job()).await.unwrap();
    assert_eq!(played.waits(), [5.0]);

    let played = Played::new(vec![reply(200, PAGE), reply(200, "")]).await;
    played.client.finish(&job(), &finish()).await.unwrap();
    assert_eq!(played.waits(), [2.5]);

    let played = Played::new(vec![reply(200, PAGE), reply(201, "Created")]).await;
    played
        .client
        .upload_chunk(&job(), PLACE, Bytes::new())
        .await
        .unwrap();
    assert_eq!(played.waits(), [2.5]);

    let played = Played::new(vec![reply(200, PAGE)]).await;
    let error = played.client.ping().await.unwrap_err();
    assert!(error.is_retryable() && !error.is_refusal());
    assert!(error.to_string().contains("coffee shop"), "{error}");
}

#[tokio::test]
async fn a_body_in_json_is_never_repeated_in_an_error() {
    for status in [500, 403] {
        let played = Played::new(vec![reply(status, r#"{"token":"hunter2"}"#)]).await;
        let error = played.client.job_state(&job()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let played = Played::new(vec![reply(200, r#"{"action":"hunter2","job":"hunter2"}"#)]).await;
    let error = played.client.ping().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_foreign_body_is_quoted_in_part_and_cannot_forge_a_line() {
    let played = Played::new(vec![reply(502, "bad\ngateway\u{1b}[31m")]).await;
    let error = played.client.ping().await.unwrap_err().to_string();
    assert!(error.contains(r"bad\ngateway\u{1b}[31m"), "{error}");
    let played = Played::new(vec![reply(400, r#"{"message":"a\nb"}"#)]).await;
    let error = played.client.ping().await.unwrap_err().to_string();
    assert!(error.contains("a b"), "{error}");
    let long = Box::leak("x".repeat(5000).into_boxed_str());
    let played = Played::new(vec![reply(502, long)]).await;
    let error = played.client.ping().await.unwrap_err().to_string();
    assert!(error.len() < 700, "{} bytes", error.len());
}

#[tokio::test]
async fn a_refused_chunk_is_given_up_and_a_limited_one_is_not() {
    let played = Played::new(vec![reply(422, r#"{"message":"no"}"#)]).await;
    let error = played
        .client
        .upload_chunk(&job(), PLACE, Bytes::new())
        .await
        .unwrap_err();
    assert!(error.is_refusal());
    assert!(played.waits().is_empty());

    let played = Played::new(vec![
        reply(429, "").header("Retry-After", "7"),
        reply(429, ""),
        reply(201, ""),
    ])
    .await;
    played
        .client
        .upload_chunk(&job(), PLACE, Bytes::new())
        .await
        .unwrap();
    let waits = played.waits();
    assert_eq!(waits.len(), 2);
    assert!((waits[0] - 7.0).abs() < 1e-9 && waits[1] > 3.0, "{waits:?}");
}

#[tokio::test]
async fn disconnect_is_tried_four_times_and_connect_even_when_refused() {
    let played = Played::new(vec![reply(500, "")]).await;
    played.client.disconnect().await.unwrap_err();
    assert_eq!(played.waits(), [1.0; 3]);
    let played = Played::new(vec![reply(401, "{}"), reply(200, "")]).await;
    played.client.connect().await.unwrap();
    assert_eq!(played.waits(), [5.0]);
}

#[tokio::test]
async fn a_goodbye_is_not_kept_waiting_for_long() {
    for (retry_after, waits) in [("7", &[7.0; 3][..]), ("3600", &[])] {
        let busy = reply(503, "").header("Retry-After", retry_after);
        let played = Played::new(vec![busy]).await;
        played.client.disconnect().await.unwrap_err();
        assert_eq!(played.waits(), waits, "{retry_after}");
    }
}

#[tokio::test]
async fn an_acquired_job_is_asked_for_at_the_pace_of_any_answer_and_each_time_counted() {
    let played = Played::new(vec![
        reply(423, "").header("Retry-After", "3"),
        reply(500, "").header("Retry-After", "1.5"),
        reply(429, ""),
        reply(200, r#"{"id":"j"}"#),
    ])
    .await;
    played.client.acquire(&job()).await.unwrap();
    let waits = played.waits();
    assert_eq!(waits[..2], [3.0, 1.5]);
    assert!(waits.len() == 3 && waits[2] >= 3.0, "{waits:?}");
    for (number, seen) in played.seen().iter().enumerate() {
        let count = number.to_string();
        assert_eq!(seen.header("x-buildkite-lock-acquire-job"), Some("1"));
        assert_eq!(seen.header("x-buildkite-backoff-sequence"), Some(&*count));
        assert!(seen.header("buildkite-timeout-milliseconds").is_some());
    }
}

#[tokio::test]
async fn a_job_that_stays_locked_is_left_and_a_refused_one_is_not_asked_for_again() {
    let played = Played::new(vec![reply(423, "")]).await;
    let error = played.client.acquire(&job()).await.unwrap_err();
    assert!(error.is_lock());
    assert_eq!(played.lines().len(), 7);
    for status in [401, 404, 422] {
        let played = Played::new(vec![reply(status, "{}")]).await;
        let error = played.client.acquire(&job()).await.unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert_eq!(played.lines().len(), 1);
    }
}

#[tokio::test]
async fn a_ping_hands_retry_after_to_its_caller() {
    for (given, seconds) in [("30", 30), ("1e19", 86_400)] {
        let played = Played::new(vec![reply(503, "").header("Retry-After", given)]).await;
        let error = played.client.ping().await.unwrap_err();
        assert_eq!(
            error.retry_after().map(|wait| wait.as_secs()),
            Some(seconds)
        );
        assert_eq!(played.lines().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_never_turns_a_put_into_a_success() {
    let played = Played::new(vec![
        reply(302, "").header("Location", "/login"),
        reply(200, "{}"),
    ])
    .await;
    let error = played.client.finish(&job(), &finish()).await.unwrap_err();
    assert_eq!(error.status(), Some(302));
    assert!(error.to_string().contains("moved to \"/login\""), "{error}");
    assert_eq!(played.lines(), ["PUT /v3/jobs/j1/finish"]);
}

#[tokio::test]
async fn a_redirect_to_https_names_the_address_to_configure() {
    let location = "https://boat.test/v3/ping";
    let played = Played::new(vec![reply(307, "").header("Location", location)]).await;
    let error = played.client.ping().await.unwrap_err();
    assert_eq!(error.status(), Some(307));
    assert!(error.to_string().contains(location), "{error}");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let played = Played::new(vec![reply(200, "{}")]).await;
    let transport = Transport::new("1").unwrap();
    let endpoint = Endpoint::parse(&played.base).unwrap();
    for (token, says) in [("", "there is no token"), ("a\nb", "line break")] {
        let client = Client::new(transport.clone(), endpoint.clone(), Secret::new(token));
        let error = client.connect().await.unwrap_err();
        assert!(matches!(error, ClientError::Local { .. }));
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(played.lines().len(), 0);
}

/// What a client says first on a TLS connection.
async fn greeting(transport: Transport) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}/v3", listener.local_addr().unwrap());
    let endpoint = Endpoint::parse(&address).unwrap();
    let client = Client::new(transport, endpoint, Secret::new("t"));
    let asking = tokio::spawn(async move { client.connect().await });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut record = [0; 5];
    stream.read_exact(&mut record).await.unwrap();
    let mut hello = vec![0; u16::from_be_bytes([record[3], record[4]]).into()];
    stream.read_exact(&mut hello).await.unwrap();
    asking.abort();
    hello
}

#[tokio::test]
async fn http_2_is_offered_unless_it_is_switched_off() {
    // Lists of protocols as they stand in a greeting: RFC 7301.
    let both: &[u8] = b"\x00\x0c\x02h2\x08http/1.1";
    let one: &[u8] = b"\x00\x09\x08http/1.1";
    let holds = |greeting: &[u8], list: &[u8]| greeting.windows(list.len()).any(|at| at == list);
    let usual = greeting(Transport::new("1").unwrap()).await;
    assert!(holds(&usual, both) && !holds(&usual, one));
    let off = Transport::new("1").unwrap().without_http2().unwrap();
    let off = greeting(off).await;
    assert!(holds(&off, one) && !holds(&off, both));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_called_refused() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // Bound, so nobody else gets the port, and not listening.
    let played = Played::beside(format!("http://{}/v3", socket.local_addr().unwrap()));
    let body = StartRequest {
        started_at: "now".into(),
    };
    let error = played.client.start(&job(), &body).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::NoAnswer {
            silence: Silence::Refused,
            ..
        }
    ));
    assert!(error.is_retryable());
    assert!(
        error.to_string().contains("is the server running"),
        "{error}"
    );
    assert_eq!(played.waits(), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_called_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let played = Played::beside(format!("http://{}/v3", listener.local_addr().unwrap()));
    let endpoint = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
    });
    let error = played.client.ping().await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NoAnswer {
                silence: Silence::Closed,
                ..
            }
        ),
        "{error:?}"
    );
    endpoint.await.unwrap();
}

#[tokio::test]
async fn a_dropped_connection_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let played = Played::beside(format!("http://{}/v3", listener.local_addr().unwrap()));
    let endpoint = tokio::spawn(async move {
        let cut_short = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":";
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"id\":\"j1\"}";
        for answer in [&b""[..], cut_short, whole] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
        }
    });
    let accepted = played.client.accept(&job()).await.unwrap();
    assert_eq!(accepted.id, job());
    assert_eq!(played.waits(), [5.0, 5.0]);
    endpoint.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_left_after_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let played = Played::beside(format!("http://{}/v3", listener.local_addr().unwrap()));
    let started = tokio::time::Instant::now();
    let error = played.client.ping().await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NoAnswer {
                silence: Silence::Timeout,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(started.elapsed().as_secs(), 60);
}
