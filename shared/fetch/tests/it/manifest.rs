//! Asking for a manifest.

use std::time::Duration;

use shared_fetch::{FetchError, ManifestReply};

use crate::bed::DEAD;
use crate::fetcher;
use crate::server::{Answer, Server, raw, reply};

const LIMIT: usize = 100;

async fn ask(answer: Answer, etag: Option<&str>) -> Result<ManifestReply, FetchError> {
    let server = Server::start(vec![answer]).await;
    fetcher().manifest(&server.url, etag, LIMIT).await
}

#[tokio::test]
async fn a_new_manifest_comes_with_its_etag() {
    let answer = reply("200 OK", &["etag: \"a1\""], b"{}");
    let fresh = ManifestReply::Fresh {
        bytes: b"{}".to_vec(),
        etag: Some("\"a1\"".into()),
    };
    assert_eq!(ask(answer, None).await.unwrap(), fresh);
}

#[tokio::test]
async fn an_answer_tells_its_date_which_proves_nothing_without_tls() {
    for (head, etag) in [("200 OK", None), ("304 Not Modified", Some("\"a1\""))] {
        let date = "date: Tue, 15 Nov 1994 08:12:31 GMT";
        let server = Server::start(vec![reply(head, &[date], b"")]).await;
        let (_, date) = fetcher()
            .dated_manifest(&server.url, etag, LIMIT)
            .await
            .unwrap();
        let date = date.unwrap();
        assert_eq!((date.at.as_second(), date.is_proved), (784_887_151, false));
    }
}

#[tokio::test]
async fn a_known_manifest_is_not_sent_again() {
    let server = Server::start(vec![reply("304 Not Modified", &[], b"")]).await;
    let answer = fetcher().manifest(&server.url, Some("\"a1\""), LIMIT).await;
    assert_eq!(answer.unwrap(), ManifestReply::NotModified);
    assert!(server.requests()[0].contains("if-none-match: \"a1\""));
}

#[tokio::test]
async fn not_modified_without_a_question_for_it_is_an_error() {
    let error = ask(reply("304 Not Modified", &[], b""), None).await;
    assert!(matches!(error, Err(FetchError::Server { status: 304, .. })));
}

#[tokio::test]
async fn a_manifest_without_end_is_cut_off_at_the_limit() {
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b' '; 5000]].concat();
    let error = ask(Answer::Stall(endless), None).await;
    assert!(matches!(error, Err(FetchError::TooLong { limit: 100 })));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_trickles_is_given_up_though_it_never_stalls() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let server = Server::start(vec![Answer::Trickle(head, 1, Duration::from_secs(1))]).await;
    let error = fetcher().manifest(&server.url, None, 1 << 20).await;
    assert!(
        matches!(error, Err(FetchError::TooSlow { .. })),
        "{error:?}"
    );
    assert!(error.unwrap_err().is_retryable());
}

#[tokio::test]
async fn a_login_page_is_not_a_manifest() {
    let page = reply(
        "200 OK",
        &["content-type: text/html; charset=utf-8"],
        b"<p>Hi",
    );
    let text = ask(page, None).await.unwrap_err().to_string();
    assert!(text.contains("web page"), "{text}");
}

#[tokio::test]
async fn a_refusal_carries_the_status_and_how_long_to_wait() {
    let busy = reply("429 Too Many Requests", &["retry-after: 30"], b"slow down");
    let error = ask(busy, None).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(error.to_string().ends_with("answered 429"), "{error}");
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let around = || reply("302 Found", &["location: /file"], b"");
    let server = Server::start((0..10).map(|_| around()).collect()).await;
    let error = fetcher().manifest(&server.url, None, LIMIT).await;
    assert!(matches!(error, Err(FetchError::Unreachable { .. })));
    assert!(server.requests().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn silence_before_and_within_the_body_is_given_up() {
    let within = raw("200 OK", &[], 50, b"{");
    for (bytes, received) in [(Vec::new(), 0), (within, 1)] {
        match ask(Answer::Stall(bytes), None).await {
            Err(FetchError::Stalled { received: got, .. }) => assert_eq!(got, received),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_named() {
    let error = fetcher().manifest(DEAD, None, LIMIT).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot reach {DEAD}")), "{text}");
}

#[tokio::test]
async fn a_password_in_an_address_is_in_no_error() {
    let server = Server::start(vec![reply("404 Not Found", &[], b"")]).await;
    let secret = server.url.replace("http://", "http://user:secret@");
    for url in [&secret, &DEAD.replace("http://", "http://user:secret@")] {
        let error = fetcher().manifest(url, None, LIMIT).await.unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("secret") && text.contains("/file"), "{text}");
    }
    assert!(server.requests()[0].contains("authorization: basic"));
}
