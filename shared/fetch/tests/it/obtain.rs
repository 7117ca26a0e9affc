//! Getting a file by the best of several ways.

use shared_fetch::{FetchError, Fetcher, Kind, Options, Phase, Received, remove_superseded};
use shared_slots::Digest;

use crate::bed::{Bed, DEAD, file_url, source};
use crate::server::{Answer, Server, reply};

#[tokio::test]
async fn the_best_source_is_enough() {
    let bed = Bed::new();
    let server = bed.server().await;
    let obtained = bed.obtain(&bed.everything(&server)).await.unwrap();
    assert_eq!(obtained.source, Some((server.at("delta"), Kind::Delta)));
    let delta = bed.delta.len() as u64;
    assert!(delta < bed.size() / 100);
    let received = Received {
        delta,
        ..Received::default()
    };
    assert_eq!((obtained.received, obtained.resumed), (received, 0));
    assert_eq!(server.requests().len(), 1);
    // Only the wanted file is left.
    let name = format!("{}.part", Digest::of(&bed.new));
    assert_eq!(bed.left(), [(name, bed.size())]);
}

#[tokio::test]
async fn each_way_alone_gives_the_same_file() {
    let bed = Bed::new();
    let server = bed.server().await;
    let ways = [
        (bed.delta(&[&server.at("delta")]), Kind::Delta),
        (bed.patch(&[&server.at("patch")]), Kind::Delta),
        (bed.zstd(&[&server.at("zstd")]), Kind::Zstd),
        (bed.full(&[&server.at("full")]), Kind::Full),
    ];
    for (way, kind) in ways {
        let size = way.size;
        let obtained = bed.obtain(&bed.order(vec![way])).await.unwrap();
        assert_eq!(obtained.source.unwrap().1, kind);
        assert_eq!(obtained.received.over_network(), size);
        std::fs::remove_dir_all(bed.partial()).unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_there_needs_no_network() {
    let bed = Bed::new();
    bed.left_over(&bed.new, &bed.new);
    let obtained = bed.obtain(&bed.order(Vec::new())).await.unwrap();
    assert_eq!((obtained.source, obtained.resumed), (None, bed.size()));
}

#[tokio::test]
async fn what_fails_falls_to_the_next_and_every_byte_is_counted() {
    let bed = Bed::new();
    let answer = bed.answer();
    let server = Server::serve(move |head| {
        let mut bytes = answer(head);
        if !head.contains("/full") {
            *bytes.last_mut().unwrap() ^= 1;
        }
        Some(Answer::Bytes(bytes))
    })
    .await;
    let obtained = bed.obtain(&bed.everything(&server)).await.unwrap();
    let received = Received {
        delta: (bed.delta.len() + bed.patch.len()) as u64,
        zstd: bed.zstd.len() as u64,
        full: bed.size(),
        local: 0,
    };
    assert_eq!(obtained.received, received);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_broken_delta_is_resumed_and_so_is_a_broken_zstd() {
    let bed = Bed::new();
    for (of, way) in [(&bed.delta, "delta"), (&bed.zstd, "zstd")] {
        bed.left_over(of, &of[..40]);
        let server = bed.server().await;
        let url = server.at(way);
        let way = if way == "delta" {
            bed.delta(&[&url])
        } else {
            bed.zstd(&[&url])
        };
        let size = way.size;
        let obtained = bed.obtain(&bed.order(vec![way])).await.unwrap();
        assert_eq!(obtained.resumed, 40);
        assert_eq!(obtained.received.over_network(), size - 40);
        assert!(server.requests()[0].contains("range: bytes=40-"));
        std::fs::remove_dir_all(bed.partial()).unwrap();
    }
}

#[tokio::test]
async fn a_folder_of_this_host_serves_without_a_network() {
    let bed = Bed::new();
    let stick = bed.folder.path().join("stick with spaces");
    std::fs::create_dir(&stick).unwrap();
    std::fs::write(stick.join("zstd"), &bed.zstd).unwrap();
    std::fs::write(stick.join("full"), &bed.new).unwrap();
    let at = |name| file_url(&stick.join(name)).replace(' ', "%20");
    let order = bed.order(vec![
        bed.delta(&[&at("missing")]),
        bed.zstd(&[&at("zstd")]),
        bed.full(&[DEAD]),
    ]);
    let obtained = bed.obtain(&order).await.unwrap();
    assert_eq!(obtained.source, Some((at("zstd"), Kind::Local)));
    let local = bed.zstd.len() as u64;
    assert_eq!(
        obtained.received,
        Received {
            local,
            ..Received::default()
        }
    );
}

#[tokio::test]
async fn a_local_file_that_is_wrong_falls_to_the_network() {
    let bed = Bed::new();
    let server = bed.server().await;
    for wrong in [
        &bed.new[1..],
        &[bed.new.as_slice(), b"!"].concat(),
        &vec![7; 200_018],
    ] {
        let local = bed.folder.path().join("local");
        std::fs::write(&local, wrong).unwrap();
        let order = bed.order(vec![bed.full(&[&file_url(&local), &server.at("full")])]);
        let obtained = bed.obtain(&order).await.unwrap();
        assert_eq!(obtained.source.unwrap().1, Kind::Full);
        std::fs::remove_dir_all(bed.partial()).unwrap();
    }
}

#[tokio::test]
async fn progress_goes_up_to_the_whole_of_each_phase() {
    let bed = Bed::new();
    let server = bed.server().await;
    let order = bed.order(vec![bed.zstd(&[&server.at("zstd")])]);
    let seen = bed.progress(&order).await;
    assert!(seen.iter().all(|progress| progress.done <= progress.total));
    assert!(seen.is_sorted_by_key(|progress| matches!(progress.phase, Phase::Making(_))));
    for (phase, total) in [
        (Phase::Receiving(Kind::Zstd), bed.zstd.len() as u64),
        (Phase::Making(Kind::Zstd), bed.size()),
    ] {
        let steps: Vec<u64> = seen
            .iter()
            .filter(|progress| progress.phase == phase)
            .map(|progress| progress.done)
            .collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!((steps[0], *steps.last().unwrap()), (0, total));
    }
}

#[tokio::test]
async fn an_order_without_an_address_says_so() {
    let bed = Bed::new();
    for order in [bed.order(Vec::new()), bed.order(vec![bed.full(&[])])] {
        let error = bed.obtain(&order).await.unwrap_err();
        assert!(matches!(error, FetchError::NoSource), "{error}");
    }
}

#[tokio::test]
async fn a_source_that_lies_about_the_plain_file_does_not_change_what_is_wanted() {
    let bed = Bed::new();
    let server = Server::start(vec![reply("200 OK", &[], b"other")]).await;
    let lie = source(b"other", &[&server.url], shared_fetch::Encoding::Plain);
    let error = bed.obtain(&bed.order(vec![lie])).await.unwrap_err();
    assert!(matches!(error, FetchError::TooShort { .. }), "{error}");
}

#[tokio::test]
async fn what_an_order_leaves_is_kept_for_it_and_superseded_for_the_next() {
    let bed = Bed::new();
    let half = bed.delta[..bed.delta.len() / 2].to_vec();
    let announced = bed.delta.len();
    let server = Server::start(vec![Answer::Bytes(crate::server::raw(
        "200 OK",
        &["etag: \"v1\""],
        announced,
        &half,
    ))])
    .await;
    let order = bed.order(vec![bed.delta(&[&server.url])]);
    bed.obtain(&order).await.unwrap_err();
    let folder = bed.partial();
    let own = [order.digest, order.sources[0].digest];
    assert_eq!(remove_superseded(&folder, &own).unwrap(), 0);
    let next = [Digest::of(b"next")];
    assert_eq!(remove_superseded(&folder, &next).unwrap(), 2);
    assert_eq!(bed.left(), []);
}

#[cfg(unix)]
#[tokio::test]
async fn a_local_file_that_never_gives_anything_falls_to_the_network() {
    let bed = Bed::new();
    let server = bed.server().await;
    let pipe = bed.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let options = Options {
        stall: std::time::Duration::from_secs(1),
        ..Options::new("trireme-test/1")
    };
    let order = bed.order(vec![bed.full(&[&file_url(&pipe), &server.at("full")])]);
    let fetcher = Fetcher::with(&options).unwrap();
    let obtained = bed.obtain_with(&fetcher, &order).await.unwrap();
    assert_eq!(obtained.source.unwrap().1, Kind::Full);
    // Lets go of whoever still waits for it.
    drop(
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(pipe),
    );
}
