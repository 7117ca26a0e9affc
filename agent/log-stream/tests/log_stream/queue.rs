//! What happens while the endpoint does not answer: the job waits, memory does not grow, and
//! nothing is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_log_stream::{Files, LogSink, LogUpload, Settings, Summary, start};
use bytes::Bytes;
use shared_client::retry::{Decision, Retry};
use shared_client::{ClientError, routes};
use shared_protocol::job::ChunkPlace;
use tokio::time::{Instant, timeout};

use crate::played::{Fate, Played, gunzip, noise, plain, status};

const NOW_MS: u64 = 1_767_225_600_000;
const CHUNK: usize = 64 << 10;
const QUEUE: usize = 1 << 20;
const PIECE: usize = 8 << 10;

fn small_queue() -> Settings {
    Settings {
        memory_bytes: QUEUE,
        ..plain(CHUNK)
    }
}

/// Writes noise until the stream takes no more for a minute. Returns what it took.
async fn fill(sink: &LogSink) -> Vec<u8> {
    let mut taken = Vec::new();
    loop {
        let piece = noise(PIECE, taken.len() as u64 + 1);
        let written = timeout(Duration::from_mins(1), sink.write(&piece, NOW_MS)).await;
        match written {
            Ok(written) => written.unwrap(),
            Err(_) => return taken,
        }
        taken.extend_from_slice(&piece);
        assert!(taken.len() < 16 * QUEUE, "the queue has no bound");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_stops_the_job_and_not_the_memory() {
    let (played, gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(played.clone(), small_queue(), Files::default());
    let mut log = fill(&sink).await;
    let bound = QUEUE + 2 * CHUNK + 17 * PIECE;
    assert!((QUEUE..bound).contains(&log.len()), "{} bytes", log.len());
    gate.send(true).unwrap();
    let rest = noise(3 * QUEUE, 7);
    sink.write(&rest, NOW_MS).await.unwrap();
    log.extend_from_slice(&rest);
    drop(sink);
    assert_eq!(done.await.unwrap().failed, 0);
    assert!(played.log() == log, "the log changed on its way");
}

#[tokio::test(start_paused = true)]
async fn many_small_chunks_fill_the_memory_as_well() {
    let (played, _gate) = Played::gated(|_| Fate::Deliver, false);
    let settings = Settings {
        memory_bytes: 64 << 10,
        ..plain(1)
    };
    let (sink, _done) = start(played, settings, Files::default());
    let mut taken = 0;
    let minute = Duration::from_mins(1);
    while timeout(minute, sink.write(b"x", NOW_MS)).await.is_ok() {
        taken += 1;
    }
    assert!((100..1000).contains(&taken), "{taken} chunks");
}

/// Takes chunks, and no times of headers.
#[derive(Clone)]
struct NoHeaders;

impl LogUpload for NoHeaders {
    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        std::future::pending().await
    }

    async fn chunk(&self, _: ChunkPlace, _: Bytes) -> Result<(), ClientError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn times_of_headers_that_nobody_takes_do_not_hold_up_the_log() {
    let (sink, _done) = start(NoHeaders, plain(CHUNK), Files::default());
    let begun = Instant::now();
    sink.write(&b"--- a\n".repeat(100_000), NOW_MS)
        .await
        .unwrap();
    let waited = begun.elapsed().as_secs();
    assert!((5..10).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn after_a_day_without_any_delivery_the_job_goes_on_without_its_log() {
    let (played, _gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(played.clone(), small_queue(), Files::default());
    let begun = Instant::now();
    fill(&sink).await;
    sink.write(&noise(PIECE, 1), NOW_MS).await.unwrap();
    let waited = begun.elapsed().as_secs();
    assert!((86_400..86_500).contains(&waited), "{waited} s");
    drop(sink);
    let Summary { chunks, failed, .. } = done.await.unwrap();
    assert_eq!(failed, chunks);
    assert_eq!(played.under_way(), 0);
}

/// Delivers each chunk after the seconds that its number gives.
#[derive(Clone)]
struct Slow(fn(u64) -> u64);

impl LogUpload for Slow {
    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        Ok(())
    }

    async fn chunk(&self, place: ChunkPlace, _gzip: Bytes) -> Result<(), ClientError> {
        tokio::time::sleep(Duration::from_secs((self.0)(place.sequence))).await;
        Ok(())
    }
}

fn short_outage() -> Settings {
    Settings {
        outage: Duration::from_secs(100),
        ..plain(10)
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_is_not_given_up_while_others_arrive() {
    let slow = Slow(|sequence| if sequence == 2 { 250 } else { 0 });
    let (sink, done) = start(slow, short_outage(), Files::default());
    for _ in 0..300 {
        sink.write(&[b'x'; 10], NOW_MS).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(sink);
    let summary = done.await.unwrap();
    assert_eq!((summary.chunks, summary.failed), (300, 0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_job_is_no_outage() {
    let (sink, done) = start(Slow(|_| 2), short_outage(), Files::default());
    for _ in 0..3 {
        sink.write(&[b'x'; 10], NOW_MS).await.unwrap();
        tokio::time::sleep(Duration::from_secs(99)).await;
    }
    drop(sink);
    let summary = done.await.unwrap();
    assert_eq!((summary.chunks, summary.failed), (3, 0));
}

type Arrival = (ChunkPlace, Vec<u8>);

/// Answers 503 for the first minute, with the real retry rule in front.
#[derive(Clone)]
struct MinuteOfTrouble {
    begun: Instant,
    arrived: Arc<Mutex<Vec<Arrival>>>,
}

impl LogUpload for MinuteOfTrouble {
    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        Ok(())
    }

    async fn chunk(&self, place: ChunkPlace, gzip: Bytes) -> Result<(), ClientError> {
        let mut retry = Retry::new(routes::CHUNK);
        let first = Instant::now();
        while self.begun.elapsed() < Duration::from_mins(1) {
            match retry.next(status(503).failure(), first.elapsed(), 0.5) {
                Decision::Wait(wait) => tokio::time::sleep(wait).await,
                Decision::GiveUp => return Err(status(503)),
            }
        }
        let chunk = (place, gunzip(&gzip));
        self.arrived.lock().unwrap().push(chunk);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_503_loses_nothing_and_keeps_the_order() {
    let played = MinuteOfTrouble {
        begun: Instant::now(),
        arrived: Arc::default(),
    };
    let (sink, done) = start(played.clone(), plain(CHUNK), Files::default());
    let mut log = Vec::new();
    for second in 0..90_u64 {
        let line = format!("{second} {:?}\n", noise(40, second));
        sink.write(line.as_bytes(), NOW_MS + second * 1000)
            .await
            .unwrap();
        log.extend_from_slice(line.as_bytes());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(sink);
    assert_eq!(done.await.unwrap().failed, 0);
    let mut arrived = played.arrived.lock().unwrap().clone();
    arrived.sort_by_key(|(place, _)| place.offset);
    let got: Vec<u8> = arrived
        .iter()
        .flat_map(|(_, bytes)| bytes.clone())
        .collect();
    assert_eq!(String::from_utf8(got), String::from_utf8(log));
    // While nothing gets out, short pieces join instead of queueing up one by one.
    assert!(arrived.len() < 45, "{} chunks", arrived.len());
}
