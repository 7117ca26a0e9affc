//! Downloading into a partial file.

use std::path::PathBuf;

use shared_fetch::{Downloaded, FetchError, Wanted};
use shared_slots::Digest;
use tempfile::TempDir;

use crate::server::{Answer, Server, raw, reply};
use crate::{content, fetcher};

/// A wanted file, and the folder it is downloaded to.
struct Bed {
    folder: TempDir,
    content: Vec<u8>,
}

impl Bed {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            content: content(200_000),
        }
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("wanted.part")
    }

    /// Lays down what an earlier try left.
    fn left_over(&self, bytes: &[u8]) {
        std::fs::write(self.partial(), bytes).unwrap();
    }

    fn on_disk(&self) -> Vec<u8> {
        std::fs::read(self.partial()).unwrap()
    }

    async fn download_from(&self, server: &Server) -> Result<Downloaded, FetchError> {
        let want = Wanted {
            url: &server.url,
            size: self.content.len() as u64,
            digest: Digest::of(&self.content),
        };
        fetcher().download(&want, &self.partial()).await
    }

    async fn download(&self, answer: Answer) -> Result<Downloaded, FetchError> {
        let server = Server::start(vec![answer]).await;
        self.download_from(&server).await
    }

    /// The answer to a range request for everything from `start`.
    fn rest_from(&self, start: usize) -> Answer {
        let total = self.content.len();
        let range = format!("content-range: bytes {start}-{}/{total}", total - 1);
        reply("206 Partial Content", &[&range], &self.content[start..])
    }
}

#[tokio::test]
async fn a_whole_file_arrives() {
    let bed = Bed::new();
    let done = bed.download(reply("200 OK", &[], &bed.content)).await;
    let size = bed.content.len() as u64;
    assert_eq!(
        done.unwrap(),
        Downloaded {
            resumed: 0,
            received: size
        }
    );
    assert_eq!(bed.on_disk(), bed.content);
}

#[tokio::test]
async fn a_broken_download_is_resumed_where_it_stopped() {
    let bed = Bed::new();
    let half = &bed.content[..100_000];
    let server = Server::start(vec![
        Answer::Bytes(raw("200 OK", &["etag: \"v1\""], bed.content.len(), half)),
        bed.rest_from(100_000),
    ])
    .await;
    let error = bed.download_from(&server).await.unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::BrokenOff {
                received: 100_000,
                ..
            }
        ),
        "{error}"
    );
    let done = bed.download_from(&server).await.unwrap();
    assert_eq!(done.resumed, 100_000);
    assert_eq!(bed.on_disk(), bed.content);
    let asked = &server.requests()[1];
    assert!(asked.contains("range: bytes=100000-"), "{asked}");
    assert!(asked.contains("if-range: \"v1\""), "{asked}");
}

#[tokio::test]
async fn a_server_that_ignores_the_range_is_read_from_the_start() {
    let bed = Bed::new();
    bed.left_over(&bed.content[..50]);
    let done = bed.download(reply("200 OK", &[], &bed.content)).await;
    assert_eq!(done.unwrap().resumed, 0);
    assert_eq!(bed.on_disk(), bed.content);
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_refused_and_not_asked_for_again() {
    let bed = Bed::new();
    bed.left_over(&bed.content[..50]);
    let error = bed.download(bed.rest_from(49)).await.unwrap_err();
    assert!(
        matches!(error, FetchError::WrongRange { wanted: 50, .. }),
        "{error}"
    );
    assert_eq!(bed.on_disk(), b"");
}

#[tokio::test]
async fn left_over_bytes_that_are_wrong_cost_one_try_and_are_dropped() {
    let bed = Bed::new();
    bed.left_over(&[0; 50]);
    let server = Server::start(vec![bed.rest_from(50), reply("200 OK", &[], &bed.content)]).await;
    let error = bed.download_from(&server).await.unwrap_err();
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{error}");
    bed.download_from(&server).await.unwrap();
    assert_eq!(bed.on_disk(), bed.content);
}

#[tokio::test]
async fn a_whole_left_over_needs_no_network() {
    let bed = Bed::new();
    bed.left_over(&bed.content);
    let server = Server::start(Vec::new()).await;
    let done = bed.download_from(&server).await.unwrap();
    assert_eq!(done.received, 0);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_left_over_that_is_too_long_or_wrong_is_replaced() {
    let bed = Bed::new();
    for left in [vec![1; 300_000], vec![1; 200_000]] {
        bed.left_over(&left);
        bed.download(reply("200 OK", &[], &bed.content))
            .await
            .unwrap();
        assert_eq!(bed.on_disk(), bed.content);
    }
}

#[tokio::test]
async fn a_truncated_file_is_refused_and_the_try_after_next_is_clean() {
    let bed = Bed::new();
    let cut = &bed.content[..1_000];
    let server = Server::start(vec![
        reply("200 OK", &[], cut),
        reply(
            "416 Range Not Satisfiable",
            &["content-range: bytes */1000"],
            b"",
        ),
        reply("200 OK", &[], &bed.content),
    ])
    .await;
    let first = bed.download_from(&server).await.unwrap_err();
    assert!(
        first.to_string().contains("1000 of 200000 bytes"),
        "{first}"
    );
    let second = bed.download_from(&server).await.unwrap_err();
    assert!(
        matches!(second, FetchError::Server { status: 416, .. }),
        "{second}"
    );
    bed.download_from(&server).await.unwrap();
    assert!(!server.requests()[2].contains("range:"));
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused_before_and_while_it_comes() {
    let bed = Bed::new();
    let long = [bed.content.as_slice(), b"!"].concat();
    let unannounced = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &long].concat();
    for answer in [reply("200 OK", &[], &long), Answer::Bytes(unannounced)] {
        let error = bed.download(answer).await.unwrap_err();
        assert!(
            matches!(error, FetchError::TooLong { limit: 200_000 }),
            "{error}"
        );
        assert_eq!(bed.on_disk(), b"");
    }
}

#[tokio::test]
async fn a_file_of_the_right_size_and_wrong_content_is_refused_and_dropped() {
    let bed = Bed::new();
    let error = bed
        .download(reply("200 OK", &[], &vec![7; 200_000]))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&Digest::of(&bed.content).to_string())
    );
    assert_eq!(bed.on_disk(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_download_is_given_up_and_keeps_its_bytes() {
    let bed = Bed::new();
    let half = raw("200 OK", &[], bed.content.len(), &bed.content[..100_000]);
    let error = bed.download(Answer::Stall(half)).await.unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::Stalled {
                received: 100_000,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(bed.on_disk(), bed.content[..100_000]);
}

#[tokio::test]
async fn a_login_page_and_a_refusal_leave_the_partial_file_alone() {
    let bed = Bed::new();
    bed.left_over(&bed.content[..50]);
    let page = reply("200 OK", &["content-type: text/html"], b"<html>");
    let error = bed.download(page).await.unwrap_err();
    assert!(matches!(error, FetchError::NotTheFile { .. }), "{error}");
    let busy = reply("503 Service Unavailable", &["retry-after: 5"], b"");
    let error = bed.download(busy).await.unwrap_err();
    assert_eq!(error.retry_after().unwrap().as_secs(), 5);
    assert_eq!(bed.on_disk(), bed.content[..50]);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_a_disk_error_with_its_path() {
    let bed = Bed::new();
    let server = Server::start(Vec::new()).await;
    let gone = bed.folder.path().join("gone").join("file.part");
    let want = Wanted {
        url: &server.url,
        size: 1,
        digest: Digest::of(b"x"),
    };
    let error = fetcher().download(&want, &gone).await.unwrap_err();
    assert!(error.to_string().contains("gone/file.part"), "{error}");
}
