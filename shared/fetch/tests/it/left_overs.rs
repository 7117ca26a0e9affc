//! What earlier tries left: of use, of none, or in the way.

use shared_fetch::FetchError;
use shared_slots::Digest;

use crate::bed::Bed;
use crate::server::{Answer, Server, raw, reply};

/// Fetches the plain file from a server that gives these answers.
async fn full(bed: &Bed, script: Vec<Answer>) -> Result<(), FetchError> {
    let server = Server::start(script).await;
    let order = bed.order(vec![bed.full(&[&server.url])]);
    bed.obtain(&order).await.map(|_| ())
}

/// The partial file of the plain one.
fn on_disk(bed: &Bed) -> Vec<u8> {
    let name = format!("{}.part", Digest::of(&bed.new));
    std::fs::read(bed.partial().join(name)).unwrap()
}

#[tokio::test]
async fn a_left_over_that_is_too_long_or_wrong_is_replaced() {
    let bed = Bed::new();
    for left in [vec![1; 300_000], vec![1; bed.new.len()]] {
        bed.left_over(&bed.new, &left);
        let server = bed.server().await;
        let order = bed.order(vec![bed.full(&[&server.at("full")])]);
        bed.obtain(&order).await.unwrap();
        let asked = server.requests();
        assert!(
            asked.len() == 1 && !asked[0].contains("range:"),
            "{asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_announced_too_long_is_refused_before_it_comes() {
    let bed = Bed::new();
    let long = raw("200 OK", &[], bed.new.len() + 1, b"");
    let error = full(&bed, vec![Answer::Stall(long)]).await.unwrap_err();
    assert!(
        matches!(error, FetchError::TooLong { limit } if limit == bed.size()),
        "{error}"
    );
    assert_eq!(on_disk(&bed), b"");
}

#[tokio::test]
async fn a_file_of_the_right_size_and_wrong_content_is_dropped_and_both_digests_are_named() {
    let bed = Bed::new();
    let wrong = vec![7; bed.new.len()];
    let error = full(&bed, vec![reply("200 OK", &[], &wrong)]).await;
    let text = error.unwrap_err().to_string();
    for bytes in [&wrong, &bed.new] {
        assert!(text.contains(&Digest::of(bytes).to_string()), "{text}");
    }
    assert_eq!(on_disk(&bed), b"");
}

#[tokio::test]
async fn the_try_after_one_that_was_called_whole_too_early_comes_to_an_end() {
    let bed = Bed::new();
    let cut = reply("200 OK", &[], &bed.new[..1000]);
    full(&bed, vec![cut]).await.unwrap_err();
    let beyond = ["content-range: bytes */1000"];
    let refusal = reply("416 Range Not Satisfiable", &beyond, b"");
    full(&bed, vec![refusal, reply("200 OK", &[], &bed.new)])
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_keeps_what_came() {
    let bed = Bed::new();
    let half = raw("200 OK", &[], bed.new.len(), &bed.new[..100_000]);
    let error = full(&bed, vec![Answer::Stall(half)]).await.unwrap_err();
    let stalled = matches!(error, FetchError::Stalled { received, .. } if received == 100_000);
    assert!(stalled, "{error}");
    assert_eq!(on_disk(&bed), bed.new[..100_000]);
}

#[tokio::test]
async fn a_login_page_and_a_refusal_leave_what_came_alone() {
    let bed = Bed::new();
    let page = reply("200 OK", &["content-type: text/html"], b"<html>");
    let busy = reply("503 Service Unavailable", &["retry-after: 5"], b"");
    for answer in [page, busy] {
        bed.left_over(&bed.new, &bed.new[..50]);
        full(&bed, vec![answer]).await.unwrap_err();
        assert_eq!(on_disk(&bed), bed.new[..50]);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_a_disk_error_with_its_path() {
    let bed = Bed::new();
    std::fs::write(bed.partial(), "a file where the folder should be").unwrap();
    let error = bed.obtain(&bed.order(Vec::new())).await.unwrap_err();
    let path = bed.partial().display().to_string();
    assert!(matches!(error, FetchError::Disk { .. }), "{error}");
    assert!(error.to_string().contains(&path), "{error}");
}
