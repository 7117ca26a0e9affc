//! Lines that are slow, silent or trickle; time runs as fast as the tests.

use std::time::Duration;

use shared_fetch::{FetchError, Fetcher, Options, STALL_LIMIT};
use tokio::time::Instant;

use crate::bed::{Bed, InProcess};
use crate::server::{Answer, Server, raw};

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_given_up_after_five_minutes_and_kept() {
    let bed = Bed::new();
    let head = raw("200 OK", &[], bed.new.len(), &[]);
    let second = Duration::from_secs(1);
    let server = Server::start(vec![Answer::Trickle(head, 1, second)]).await;
    let begun = Instant::now();
    let order = bed.order(vec![bed.full(&[&server.url])]);
    let error = bed.obtain(&order).await.unwrap_err();
    assert!(matches!(error, FetchError::Trickles { .. }), "{error}");
    assert!(error.is_retryable());
    assert!((295..320).contains(&begun.elapsed().as_secs()));
    assert!(bed.left().iter().any(|(_, len)| (250..320).contains(len)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_given_up_after_a_minute() {
    let bed = Bed::new();
    let half = raw("200 OK", &[], bed.new.len(), &bed.new[..100_000]);
    let silent = Server::start(vec![Answer::Stall(half)]).await;
    let other = bed.server().await;
    let begun = Instant::now();
    let order = bed.order(vec![bed.full(&[&silent.url, &other.at("full")])]);
    let obtained = bed.obtain(&order).await.unwrap();
    assert_eq!(obtained.received.full, bed.size());
    let taken = begun.elapsed();
    assert!(taken >= STALL_LIMIT && taken < STALL_LIMIT * 2, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_that_never_stops_is_not_given_up() {
    let bed = Bed::new();
    let head = raw("200 OK", &[], bed.new.len(), &[]);
    // Two kibibytes a second: the file takes more than a minute and a half.
    let server = Server::start(vec![Answer::Trickle(head, 2048, Duration::from_secs(1))]).await;
    let begun = Instant::now();
    let order = bed.order(vec![bed.full(&[&server.url])]);
    let error = bed.obtain(&order).await.unwrap_err();
    // All bytes came, though not the right ones.
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{error}");
    assert!(begun.elapsed() > STALL_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_download_keeps_to_its_bandwidth() {
    let bed = Bed::new();
    let server = bed.server().await;
    let fetcher = Fetcher::with(&Options {
        bandwidth: Some(10_000),
        ..Options::new("trireme-test/1")
    })
    .unwrap();
    let begun = Instant::now();
    let order = bed.order(vec![bed.full(&[&server.at("full")])]);
    let done = fetcher
        .obtain(&order, &bed.partial(), &InProcess, &mut |_| ())
        .await;
    done.unwrap();
    let seconds = begun.elapsed().as_secs();
    assert!((18..=21).contains(&seconds), "{seconds}");
}
