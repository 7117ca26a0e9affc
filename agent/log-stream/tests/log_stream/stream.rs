//! From the job's bytes to chunks: what arrives, in which pieces, and when.

use std::time::Duration;

use agent_log_stream::timestamp::Timestamper;
use agent_log_stream::{Ended, Files, Marks, Settings, Summary, start};
use proptest::prelude::*;
use tokio::time::Instant;

use crate::played::{Fate, Played, plain};

const NOW_MS: u64 = 1_767_225_600_000;

fn deliver(_: u64) -> Fate {
    Fate::Deliver
}

#[tokio::test(start_paused = true)]
async fn a_job_that_prints_nothing_has_no_chunks() {
    let played = Played::new(deliver);
    let (sink, done) = start(played.clone(), plain(100), Files::default());
    drop(sink);
    assert_eq!(done.await.unwrap(), Summary::default());
    assert!(played.chunks().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_chunk_goes_at_once_and_a_short_one_after_the_interval() {
    let played = Played::new(deliver);
    let (sink, done) = start(played.clone(), plain(100), Files::default());
    let begun = Instant::now();
    sink.write(&[b'x'; 250], NOW_MS).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    drop(sink);
    let summary = done.await.unwrap();
    let millis: Vec<_> = played
        .chunks()
        .iter()
        .map(|(place, _, at)| (place.size, at.duration_since(begun).as_millis()))
        .collect();
    // The played endpoint takes sequence * 7 % 5 milliseconds.
    assert_eq!(millis, [(100, 2), (100, 4), (50, 1001)]);
    let expected = Summary {
        chunks: 3,
        bytes: 250,
        most_held_bytes: summary.most_held_bytes,
        failed: 0,
    };
    assert_eq!(summary, expected);
}

#[tokio::test(start_paused = true)]
async fn the_last_bytes_do_not_wait_for_the_interval() {
    let played = Played::new(deliver);
    let (sink, done) = start(played.clone(), plain(100), Files::default());
    let begun = Instant::now();
    sink.write(b"no line feed", NOW_MS).await.unwrap();
    drop(sink);
    done.await.unwrap();
    assert_eq!(played.log(), b"no line feed");
    assert!(begun.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_refused_chunk_is_counted_and_the_others_arrive() {
    let played = Played::new(|sequence| match sequence {
        2 | 5 => Fate::Refuse,
        _ => Fate::Deliver,
    });
    let (sink, done) = start(played.clone(), plain(10), Files::default());
    sink.write(&[b'x'; 95], NOW_MS).await.unwrap();
    drop(sink);
    let summary = done.await.unwrap();
    let expected = Summary {
        chunks: 10,
        bytes: 95,
        most_held_bytes: summary.most_held_bytes,
        failed: 2,
    };
    assert_eq!(summary, expected);
    let arrived: Vec<_> = played
        .chunks()
        .iter()
        .map(|(place, ..)| place.sequence)
        .collect();
    assert_eq!(arrived, [1, 3, 4, 6, 7, 8, 9, 10]);
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_sink_write_to_one_log() {
    let played = Played::new(deliver);
    let (sink, done) = start(played.clone(), plain(100), Files::default());
    let other = sink.clone();
    sink.write(b"one ", NOW_MS).await.unwrap();
    drop(sink);
    other.write(b"two", NOW_MS).await.unwrap();
    drop(other);
    done.await.unwrap();
    assert_eq!(played.log(), b"one two");
}

#[tokio::test(start_paused = true)]
async fn an_aborted_stream_ends_its_uploads_and_its_sink() {
    let (played, _gate) = Played::gated(deliver, false);
    let (sink, done) = start(played.clone(), plain(10), Files::default());
    sink.write(&[b'x'; 40], NOW_MS).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(played.under_way(), 3);
    done.abort();
    assert!(done.await.unwrap_err().is_cancelled());
    tokio::task::yield_now().await;
    assert_eq!(played.under_way(), 0);
    assert_eq!(sink.write(b"x", NOW_MS).await, Err(Ended));
}

#[tokio::test(start_paused = true)]
async fn a_log_of_megabytes_with_everything_odd_in_it_arrives_byte_for_byte() {
    let mut log = Vec::new();
    for line in 0..40_000 {
        log.extend_from_slice(format!("\x1b[3{}m{line} ü€😀\x1b[0m\r\n", line % 8).as_bytes());
    }
    log.resize(log.len() + (1 << 20), b'L');
    log.extend_from_slice(b"\n\xe2\x82"); // a character cut short, and no final line feed
    let played = Played::new(deliver);
    let (sink, done) = start(played.clone(), plain(102_400), Files::default());
    for part in log.chunks(4093) {
        sink.write(part, NOW_MS).await.unwrap();
    }
    drop(sink);
    assert_eq!(done.await.unwrap().failed, 0);
    assert!(played.log() == log, "the log changed on its way");
    assert_eq!(played.most_under_way(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_in_any_pieces_arrive_marked_and_in_order(
        pieces in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..300), 0u64..2500),
            0..20,
        ),
        chunk_bytes in 1usize..200,
        marks in any::<bool>(),
    ) {
        let settings = Settings {
            marks: if marks { Marks::Ansi } else { Marks::None },
            ..plain(chunk_bytes)
        };
        let mut expected = Vec::new();
        let mut timestamper = Timestamper::default();
        let mut now_ms = NOW_MS;
        for (bytes, passed) in &pieces {
            now_ms += passed;
            if marks {
                timestamper.push(bytes, now_ms, &mut expected);
            } else {
                expected.extend_from_slice(bytes);
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (summary, played) = runtime.block_on(async {
            let played = Played::new(deliver);
            let (sink, done) = start(played.clone(), settings, Files::default());
            let mut now_ms = NOW_MS;
            for (bytes, passed) in &pieces {
                now_ms += passed;
                tokio::time::sleep(Duration::from_millis(*passed)).await;
                sink.write(bytes, now_ms).await.unwrap();
            }
            drop(sink);
            (done.await.unwrap(), played)
        });
        prop_assert_eq!(played.log(), expected);
        prop_assert!(played.chunks().iter().all(|(place, ..)| place.size <= chunk_bytes as u64));
        prop_assert_eq!(summary.chunks, played.chunks().len() as u64);
        prop_assert_eq!(summary.failed, 0);
        prop_assert!(played.most_under_way() <= 3);
    }
}
