//! Servers that are broken, or want to do harm: whatever they do, a right file or one error.

use std::time::Duration;

use shared_delta::{Algorithm, create, encode_zstd};
use shared_fetch::{Encoding, FetchError, Kind};

use crate::bed::{Bed, source};
use crate::fetcher;
use crate::server::{Answer, Server, honest, raw, reply};

/// Fetches the plain file from a server with this script, and nowhere else.
async fn full(bed: &Bed, script: Vec<Answer>) -> (Result<Kind, FetchError>, Vec<String>) {
    let server = Server::start(script).await;
    let order = bed.order(vec![bed.full(&[&server.url])]);
    let done = bed.obtain(&order).await;
    (
        done.map(|obtained| obtained.source.unwrap().1),
        server.requests(),
    )
}

fn rest(bed: &Bed, from: usize, claimed: usize, etag: &str) -> Answer {
    let total = bed.new.len();
    let range = format!("content-range: bytes {claimed}-{}/{total}", total - 1);
    reply("206 Partial Content", &[&range, etag], &bed.new[from..])
}

#[tokio::test]
async fn a_body_that_is_cut_is_completed_on_the_next_connection() {
    let bed = Bed::new();
    let cut = raw("200 OK", &["etag: \"a\""], bed.new.len(), &bed.new[..7]);
    for cut in [Answer::Bytes(cut.clone()), Answer::Reset(cut)] {
        let (done, asked) = full(&bed, vec![cut, rest(&bed, 7, 7, "etag: \"a\"")]).await;
        assert_eq!(done.unwrap(), Kind::Full);
        assert!(asked[1].contains("if-range: \"a\""), "{}", asked[1]);
        std::fs::remove_dir_all(bed.partial()).unwrap();
    }
}

#[tokio::test]
async fn a_weak_etag_is_not_used_to_go_on() {
    let bed = Bed::new();
    let etag = "etag: W/\"a\"";
    let cut = raw("200 OK", &[etag], bed.new.len(), &bed.new[..7]);
    let (done, asked) = full(&bed, vec![Answer::Bytes(cut), rest(&bed, 7, 7, etag)]).await;
    assert_eq!(done.unwrap(), Kind::Full);
    assert!(asked[1].contains("range: bytes=7-") && !asked[1].contains("if-range"));
}

#[tokio::test]
async fn a_body_that_is_cut_and_called_whole_is_refused() {
    let bed = Bed::new();
    let (done, _) = full(&bed, vec![reply("200 OK", &[], &bed.new[..7])]).await;
    assert!(matches!(
        done,
        Err(FetchError::TooShort { received: 7, .. })
    ));
}

#[tokio::test]
async fn a_range_that_is_ignored_or_wrong_costs_one_more_question() {
    let bed = Bed::new();
    let whole = || reply("200 OK", &[], &bed.new);
    for (answers, questions) in [
        (vec![whole()], 1),
        (vec![rest(&bed, 8, 8, "x: y"), whole()], 2),
        (vec![rest(&bed, 8, 7, "x: y"), whole()], 2),
        (
            vec![reply("416 Range Not Satisfiable", &[], b""), whole()],
            2,
        ),
    ] {
        bed.left_over(&bed.new, &bed.new[..7]);
        let (done, asked) = full(&bed, answers).await;
        assert_eq!(done.unwrap(), Kind::Full);
        assert_eq!(asked.len(), questions);
        std::fs::remove_dir_all(bed.partial()).unwrap();
    }
}

#[tokio::test]
async fn a_file_that_changes_between_two_answers_is_fetched_anew() {
    let bed = Bed::new();
    let cut = raw("200 OK", &["etag: \"a\""], bed.new.len(), &[7; 50]);
    let (done, asked) = full(
        &bed,
        vec![
            Answer::Bytes(cut),
            rest(&bed, 50, 50, "etag: \"b\""),
            reply("200 OK", &["etag: \"b\""], &bed.new),
        ],
    )
    .await;
    assert_eq!(done.unwrap(), Kind::Full);
    assert!(asked[1].contains("if-range: \"a\""));
    assert!(!asked[2].contains("range:"));
}

#[tokio::test]
async fn redirects_that_go_in_circles_end() {
    let bed = Bed::new();
    let around = || reply("302 Found", &["location: /file"], b"");
    let (done, asked) = full(&bed, (0..20).map(|_| around()).collect()).await;
    assert!(matches!(done, Err(FetchError::Unreachable { .. })));
    assert!(asked.len() < 10);
}

#[tokio::test]
async fn a_redirect_to_something_that_is_no_http_is_refused() {
    let bed = Bed::new();
    let local = reply("302 Found", &["location: file:///etc/passwd"], b"");
    let (done, _) = full(&bed, vec![local]).await;
    assert!(done.is_err());
}

#[tokio::test]
async fn an_encoding_that_nobody_asked_for_is_refused_before_it_is_undone() {
    let bed = Bed::new();
    // A gzip bomb has the right length here: nothing may depend on what it unpacks to.
    let bomb = reply("200 OK", &["content-encoding: gzip"], &bed.new);
    let (done, asked) = full(&bed, vec![bomb]).await;
    assert!(matches!(done, Err(FetchError::Encoded { .. })));
    assert!(!asked[0].contains("accept-encoding"), "{}", asked[0]);
    let bomb = reply("200 OK", &["content-encoding: gzip"], b"{}");
    let server = Server::start(vec![bomb]).await;
    let manifest = fetcher().manifest(&server.url, None, 100).await;
    assert!(matches!(manifest, Err(FetchError::Encoded { .. })));
}

#[tokio::test]
async fn a_login_page_in_front_of_everything_is_named() {
    let bed = Bed::new();
    let portal = Server::serve(|_| {
        let headers = ["content-type: text/html; charset=utf-8"];
        Some(reply(
            "200 OK",
            &headers,
            b"<h1>Welcome to the airport</h1>",
        ))
    })
    .await;
    let error = bed.obtain(&bed.everything(&portal)).await.unwrap_err();
    assert!(error.to_string().contains("web page"), "{error}");
}

#[tokio::test]
async fn an_endless_manifest_costs_no_more_than_its_limit_and_what_lines_hold() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".to_vec();
    let server = Server::start(vec![Answer::Endless(head)]).await;
    let reply = fetcher().manifest(&server.url, None, 1000).await;
    assert!(matches!(reply, Err(FetchError::TooLong { limit: 1000 })));
    assert!(server.sent() < 32 << 20, "{}", server.sent());
}

#[tokio::test]
async fn an_endless_file_is_cut_off_at_its_size() {
    let bed = Bed::new();
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let server = Server::start(vec![Answer::Endless(head)]).await;
    let error = bed
        .obtain(&bed.order(vec![bed.full(&[&server.url])]))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::TooLong { .. }), "{error}");
    assert!(bed.left().iter().all(|(_, len)| *len <= bed.size()));
    assert!(server.sent() < 32 << 20, "{}", server.sent());
}

#[tokio::test]
async fn an_answer_before_the_question_has_ended_is_taken() {
    let bed = Bed::new();
    let new = bed.new.clone();
    let server = Server::hasty(move |_| {
        // Its connection stays open: closing it with a question unread would reset it.
        Some(Answer::Stall(raw("200 OK", &[], new.len(), &new)))
    })
    .await;
    bed.obtain(&bed.order(vec![bed.full(&[&server.url])]))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_old_server_that_tells_no_length_is_good_enough() {
    let bed = Bed::new();
    let answer = [b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), &bed.new].concat();
    let (done, _) = full(&bed, vec![Answer::Bytes(answer)]).await;
    assert_eq!(done.unwrap(), Kind::Full);
    std::fs::remove_dir_all(bed.partial()).unwrap();
    let cut = [b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), &bed.new[..9]].concat();
    let (done, _) = full(&bed, vec![Answer::Bytes(cut)]).await;
    assert!(matches!(
        done,
        Err(FetchError::TooShort { received: 9, .. })
    ));
}

#[tokio::test]
async fn garbage_instead_of_http_is_an_error() {
    let bed = Bed::new();
    for garbage in [
        &b"\0\xff\r\n\r\n"[..],
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 999999 ?\r\n\r\n",
        b"",
    ] {
        let (done, _) = full(&bed, vec![Answer::Bytes(garbage.to_vec())]).await;
        assert!(matches!(done, Err(FetchError::Unreachable { .. })));
    }
}

// === right bytes that do harm when they are used ===

/// Offers this as a source that is signed for, and the plain file behind it.
async fn poisoned(bed: &Bed, poison: Vec<u8>, encoding: Encoding) {
    let kind = encoding.kind();
    let (bytes, new) = (poison.clone(), bed.new.clone());
    let server = Server::serve(move |head| {
        let file = if head.contains("/poison") {
            &bytes
        } else {
            &new
        };
        Some(Answer::Bytes(honest(head, file)))
    })
    .await;
    let bad = source(&poison, &[&server.at("poison")], encoding);
    let alone = bed.obtain(&bed.order(vec![bad.clone()])).await.unwrap_err();
    assert!(!alone.is_retryable(), "{alone}");
    assert_eq!(bed.left(), [], "{alone}");
    let order = bed.order(vec![bad, bed.full(&[&server.at("full")])]);
    let obtained = bed.obtain(&order).await.unwrap();
    assert_eq!(obtained.source.unwrap().1, Kind::Full, "{kind:?}");
    std::fs::remove_dir_all(bed.partial()).unwrap();
}

#[tokio::test]
async fn a_zstd_bomb_falls_to_the_plain_file() {
    let bed = Bed::new();
    let bomb = encode_zstd(&vec![0; 32 << 20]).unwrap();
    assert!(bomb.len() < 10_000);
    poisoned(&bed, bomb.clone(), Encoding::Zstd).await;
    poisoned(&bed, bomb, Encoding::ZstdPatch { from: bed.old() }).await;
}

#[tokio::test]
async fn a_delta_that_expands_falls_to_the_plain_file() {
    let bed = Bed::new();
    let old = std::fs::read(bed.old()).unwrap();
    for (algorithm, encoding) in [
        (Algorithm::Bsdiff4, Encoding::Bsdiff4 { from: bed.old() }),
        (Algorithm::Zstd, Encoding::ZstdPatch { from: bed.old() }),
    ] {
        let bomb = create(algorithm, &old, &vec![0; 8 << 20]).unwrap();
        poisoned(&bed, bomb, encoding).await;
    }
}

#[tokio::test]
async fn a_delta_against_another_old_file_falls_to_the_plain_file() {
    let bed = Bed::new();
    let other = bed.folder.path().join("other");
    std::fs::write(&other, crate::content(200_500)).unwrap();
    let delta = create(Algorithm::Bsdiff4, &bed.new, &bed.new).unwrap();
    poisoned(
        &bed,
        delta,
        Encoding::Bsdiff4 {
            from: other.clone(),
        },
    )
    .await;
    poisoned(
        &bed,
        bed.patch.clone(),
        Encoding::ZstdPatch {
            from: bed.partial(),
        },
    )
    .await;
    poisoned(&bed, b"garbage".to_vec(), Encoding::Bsdiff4 { from: other }).await;
}

#[tokio::test]
async fn a_zstd_of_something_else_falls_to_the_plain_file() {
    let bed = Bed::new();
    let other = encode_zstd(&vec![1; bed.new.len()]).unwrap();
    poisoned(&bed, other, Encoding::Zstd).await;
}

#[tokio::test(start_paused = true)]
async fn silence_falls_to_the_next_way() {
    let bed = Bed::new();
    let half = raw("200 OK", &[], bed.delta.len(), &bed.delta[..20]);
    let silent = Server::start(vec![Answer::Stall(half)]).await;
    let server = bed.server().await;
    let order = bed.order(vec![
        bed.delta(&[&silent.url]),
        bed.zstd(&[&server.at("zstd")]),
    ]);
    let obtained = bed.obtain(&order).await.unwrap();
    assert_eq!(obtained.source.unwrap().1, Kind::Zstd);
    assert_eq!(obtained.received.delta, 20);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_is_given_up() {
    let bed = Bed::new();
    let head = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
    let (done, _) = full(&bed, vec![Answer::Trickle(head, 1, Duration::from_secs(1))]).await;
    assert!(matches!(done, Err(FetchError::Stalled { .. })));
}
