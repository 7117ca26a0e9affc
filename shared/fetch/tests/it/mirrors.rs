//! Several addresses of the same bytes.

use shared_fetch::FetchError;

use crate::bed::{Bed, DEAD};
use crate::server::{Answer, Server, honest, raw, reply};

#[tokio::test]
async fn the_first_mirror_that_is_alive_and_right_is_enough() {
    let bed = Bed::new();
    let good = bed.server().await;
    let corrupt = Server::start(vec![reply("200 OK", &[], &vec![7; bed.new.len()])]).await;
    let portal = Server::start(vec![reply("200 OK", &["content-type: text/html"], b"<p>")]).await;
    let gone = Server::start(vec![reply("404 Not Found", &[], b"")]).await;
    let urls = [DEAD, &gone.url, &portal.url, &corrupt.url, &good.at("full")];
    let obtained = bed.obtain(&bed.order(vec![bed.full(&urls)])).await.unwrap();
    assert_eq!(obtained.source.unwrap().0, good.at("full"));
}

#[tokio::test]
async fn a_mirror_goes_on_where_another_broke_off() {
    let bed = Bed::new();
    let half = &bed.new[..100_000];
    let broken = raw("200 OK", &["etag: \"a\""], bed.new.len(), half);
    let first = Server::start(vec![Answer::Reset(broken)]).await;
    let second = bed.server().await;
    let order = bed.order(vec![bed.full(&[&first.url, &second.at("full")])]);
    let obtained = bed.obtain(&order).await.unwrap();
    assert_eq!(obtained.received.full, bed.size());
    let asked = &second.requests()[0];
    assert!(asked.contains("range: bytes=100000-"), "{asked}");
    assert!(!asked.contains("if-range"), "{asked}");
}

#[tokio::test]
async fn bytes_of_a_bad_mirror_do_not_spoil_a_good_one() {
    let bed = Bed::new();
    let broken = raw("200 OK", &[], bed.new.len(), &vec![7; 100_000]);
    let bad = Server::start(vec![Answer::Reset(broken)]).await;
    let good = bed.server().await;
    let order = bed.order(vec![bed.full(&[&bad.url, &good.at("full")])]);
    bed.obtain(&order).await.unwrap();
    let ranges = good
        .requests()
        .iter()
        .map(|head| head.contains("range:"))
        .collect::<Vec<_>>();
    assert_eq!(ranges, [true, false]);
}

#[tokio::test]
async fn a_mirror_with_wrong_bytes_is_not_asked_again() {
    let bed = Bed::new();
    let (new, mut tries) = (bed.new.clone(), 0);
    let flaky = Server::serve(move |head| {
        tries += 1;
        let whole = honest(head, &new);
        Some(Answer::Reset(
            whole[..(whole.len() - 1000).max(1000)].to_vec(),
        ))
        .filter(|_| tries < 3)
    })
    .await;
    let wrong = vec![7; bed.new.len()];
    let bad = Server::serve(move |head| Some(Answer::Bytes(honest(head, &wrong)))).await;
    let order = bed.order(vec![bed.full(&[&bad.url, &flaky.url])]);
    let error = bed.obtain(&order).await.unwrap_err();
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{error}");
    assert_eq!(bad.requests().len(), 1);
    assert!(flaky.requests().len() > 1);
}

#[tokio::test]
async fn a_server_that_breaks_off_is_asked_a_few_times_and_not_for_ever() {
    let bed = Bed::new();
    let new = bed.new.clone();
    let server = Server::serve(move |head| {
        let mut whole = honest(head, &new);
        whole.truncate(300);
        Some(Answer::Bytes(whole))
    })
    .await;
    let error = bed
        .obtain(&bed.order(vec![bed.full(&[&server.url])]))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::BrokenOff { .. }), "{error}");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_for_the_rest_of_the_order() {
    let bed = Bed::new();
    let busy = Server::serve(|_| {
        let headers = ["retry-after: 99999999"];
        Some(reply("429 Too Many Requests", &headers, b""))
    })
    .await;
    let order = bed.everything(&busy);
    let error = bed.obtain(&order).await.unwrap_err();
    assert_eq!(error.retry_after().unwrap().as_secs(), 3600);
    assert!(error.is_retryable());
    assert_eq!(busy.requests().len(), 1);
    // Others may be asked meanwhile.
    let other = bed.server().await;
    let order = bed.order(vec![
        bed.delta(&[&busy.at("delta")]),
        bed.full(&[&busy.at("full"), &other.at("full")]),
    ]);
    bed.obtain(&order).await.unwrap();
    assert_eq!(busy.requests().len(), 2);
}
