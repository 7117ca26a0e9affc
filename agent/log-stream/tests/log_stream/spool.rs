//! What waits on disk: that it is much, arrives once and in order, and survives the agent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_log_stream::spool::{Place, Room, recover};
use agent_log_stream::{Files, LogUpload, Settings, start};
use bytes::Bytes;
use proptest::prelude::*;
use shared_client::ClientError;
use shared_protocol::job::ChunkPlace;
use tokio::time::{Instant, timeout};

use crate::played::{Fate, Played, gunzip, noise, plain, status};

const NOW_MS: u64 = 1_767_225_600_000;
const CHUNK: usize = 64 << 10;
const MEMORY: usize = 1 << 20;
/// What is held besides: chunks read back from disk, and one or two that are being made.
const BESIDE: usize = (256 << 10) + 4 * CHUNK;
const HOUR: Duration = Duration::from_hours(1);

fn small_memory() -> Settings {
    Settings {
        memory_bytes: MEMORY,
        ..plain(CHUNK)
    }
}

fn spooled(path: &Path) -> Files {
    Files {
        spool: Some(Place::Named(path.to_owned())),
        ..Files::default()
    }
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_the_endpoint_costs_neither_time_nor_memory_nor_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/j1.log");
    let (played, gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(played.clone(), small_memory(), spooled(&path));
    let (log, begun) = (noise(24 * MEMORY, 3), Instant::now());
    for piece in log.chunks(8 << 10) {
        sink.write(piece, NOW_MS).await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "the job waits for nobody");
    drop(sink);
    tokio::time::sleep(HOUR).await;
    let spool = std::fs::metadata(&path).unwrap();
    assert!(spool.len() > 20 * MEMORY as u64, "{} bytes", spool.len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(spool.permissions().mode() & 0o777, 0o600);
    }
    gate.send(true).unwrap();
    let summary = done.await.unwrap();
    assert_eq!(summary.failed, 0);
    let most = summary.most_held_bytes;
    assert!(most < MEMORY + BESIDE, "{most} bytes were held");
    assert!(played.log() == log, "the log changed on its way");
    assert_eq!(names(path.parent().unwrap()), Vec::<PathBuf>::new());
}

#[tokio::test(start_paused = true)]
async fn with_an_endpoint_that_answers_nothing_is_written_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j1.log");
    let played = Played::new(|_| Fate::Deliver);
    let (sink, done) = start(played.clone(), small_memory(), spooled(&path));
    for second in 0..20 {
        sink.write(&noise(3 * CHUNK, second + 1), NOW_MS)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!path.exists());
    }
    drop(sink);
    assert_eq!(done.await.unwrap().failed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_single_chunk_that_is_late_is_on_disk_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j1.log");
    let (played, _gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(played.clone(), small_memory(), spooled(&path));
    sink.write(b"words", NOW_MS).await.unwrap();
    drop(sink);
    tokio::time::sleep(Duration::from_secs(7)).await;
    done.abort();
    assert!(done.await.is_err());
    let next = Played::new(|_| Fate::Deliver);
    let summary = recover(&path, next.clone(), small_memory(), &Room::default()).await;
    // The log came to its end, so nothing is missing.
    assert_eq!(summary.unwrap().unwrap().failed, 0);
    assert_eq!(next.log(), b"words");
    assert!(!path.exists());
    let again = recover(&path, next, small_memory(), &Room::default())
        .await
        .unwrap();
    assert!(again.is_none());
}

/// Writes noise until the stream takes no more for a minute, and then the rest of as much again.
async fn with_a_spool_that_ends(spool: Place, spool_bytes: u64, room: &Room) -> usize {
    let (played, gate) = Played::gated(|_| Fate::Deliver, false);
    let settings = Settings {
        spool_bytes,
        ..small_memory()
    };
    let files = Files {
        spool: Some(spool),
        room: room.clone(),
        ..Files::default()
    };
    let (sink, done) = start(played.clone(), settings, files);
    let log = noise(16 * MEMORY, 5);
    let mut taken = 0;
    let mut pieces = log.chunks(8 << 10);
    for piece in pieces.by_ref() {
        let written = timeout(Duration::from_mins(1), sink.write(piece, NOW_MS)).await;
        if written.is_err() {
            gate.send(true).unwrap();
            sink.write(piece, NOW_MS).await.unwrap();
            break;
        }
        taken += piece.len();
    }
    for piece in pieces {
        sink.write(piece, NOW_MS).await.unwrap();
    }
    drop(sink);
    let summary = done.await.unwrap();
    assert_eq!(summary.failed, 0);
    assert!(summary.most_held_bytes < MEMORY + BESIDE);
    assert!(played.log() == log, "the log changed on its way");
    taken
}

#[tokio::test(start_paused = true)]
async fn a_spool_at_its_limit_makes_the_job_wait_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Unnamed(folder.path().to_owned());
    let taken = with_a_spool_that_ends(place, 4 * MEMORY as u64, &Room::default()).await;
    assert!((4 * MEMORY..6 * MEMORY).contains(&taken), "{taken} bytes");
    assert_eq!(names(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test(start_paused = true)]
async fn the_logs_of_all_jobs_share_their_room_and_what_finds_none_waits() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room::new(4 * MEMORY as u64);
    let (other, gate) = Played::gated(|_| Fate::Deliver, false);
    let files = Files {
        room: room.clone(),
        ..spooled(&folder.path().join("other.log"))
    };
    let (sink, done) = start(other.clone(), small_memory(), files);
    let log = noise(3 * MEMORY, 7);
    sink.write(&log, NOW_MS).await.unwrap();
    drop(sink);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let held = room.used();
    assert!(held > 2 * MEMORY as u64, "{held} bytes");
    let place = Place::Named(folder.path().join("j1.log"));
    let taken = with_a_spool_that_ends(place, u64::MAX, &room).await;
    assert!((MEMORY..4 * MEMORY).contains(&taken), "{taken} bytes");
    assert_eq!(room.used(), held, "it gave back what it took");
    gate.send(true).unwrap();
    assert_eq!(done.await.unwrap().failed, 0);
    assert!(other.log() == log, "the log changed on its way");
    assert_eq!(room.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_spool_cannot_be_read_says_so_and_counts_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j1.log");
    let (played, gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(played.clone(), small_memory(), spooled(&path));
    sink.write(&noise(8 * MEMORY, 9), NOW_MS).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let spool = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    spool.set_len(MEMORY as u64).unwrap();
    gate.send(true).unwrap();
    sink.write(b"the end", NOW_MS).await.unwrap();
    drop(sink);
    let summary = done.await.unwrap();
    let delivered = played.chunks();
    assert!(summary.failed > 0);
    assert_eq!(delivered.len() as u64 + summary.failed, summary.chunks);
    let log: Vec<u8> = delivered
        .into_iter()
        .flat_map(|(_, bytes, _)| bytes)
        .collect();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains(&format!("[{} parts of this log are lost", summary.failed)));
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn without_a_place_on_disk_the_job_waits_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let place = Place::Named(folder.path().join("file/spool"));
    let taken = with_a_spool_that_ends(place, u64::MAX, &Room::default()).await;
    assert!((MEMORY..2 * MEMORY).contains(&taken), "{taken} bytes");
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn on_a_full_disk_the_job_waits_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let taken = with_a_spool_that_ends(Place::Named(path), u64::MAX, &Room::default()).await;
    assert!((MEMORY..2 * MEMORY).contains(&taken), "{taken} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_spool_torn_at_any_byte_is_delivered_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j1.log");
    let (played, _gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(played, plain(10), spooled(&path));
    sink.write(b"0123456789abcdefghijABCDEFGHIJ", NOW_MS)
        .await
        .unwrap();
    drop(sink);
    tokio::time::sleep(Duration::from_secs(7)).await;
    done.abort();
    assert!(done.await.is_err());
    let whole = std::fs::read(&path).unwrap();
    let mut lengths = Vec::new();
    for torn in 0..=whole.len() {
        std::fs::write(&path, &whole[..torn]).unwrap();
        let next = Played::new(|_| Fate::Deliver);
        let summary = recover(&path, next.clone(), plain(10), &Room::default()).await;
        let failed = summary.unwrap().unwrap().failed;
        assert_eq!(failed, u64::from(torn < whole.len()), "torn at {torn}");
        let log = next.log();
        assert!(b"0123456789abcdefghijABCDEFGHIJ".starts_with(&log));
        assert!(!path.exists());
        lengths.push(log.len());
    }
    assert!(lengths.is_sorted());
    lengths.dedup();
    assert_eq!(lengths, [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn the_third_agent_sends_only_what_the_second_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j1.log");
    let (first, _gate) = Played::gated(|_| Fate::Deliver, false);
    let (sink, done) = start(first, plain(10), spooled(&path));
    sink.write(&[b'x'; 95], NOW_MS).await.unwrap();
    drop(sink);
    tokio::time::sleep(Duration::from_secs(7)).await;
    done.abort();
    assert!(done.await.is_err());
    // The second agent is refused a chunk, delivers others, and dies as well.
    let second = Picky;
    let task =
        tokio::spawn(async move { recover(&path, second, plain(10), &Room::default()).await });
    tokio::time::sleep(Duration::from_mins(1)).await;
    task.abort();
    assert!(task.await.is_err());
    let third = Played::new(|_| Fate::Deliver);
    let path = folder.path().join("j1.log");
    let summary = recover(&path, third.clone(), plain(10), &Room::default()).await;
    assert_eq!(summary.unwrap().unwrap().failed, 1);
    let sequences: Vec<_> = third.chunks().iter().map(|(p, ..)| p.sequence).collect();
    assert_eq!(sequences, [4, 8, 9, 10]);
}

#[tokio::test(start_paused = true)]
async fn what_came_off_a_full_spool_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j1.log");
    let settings = Settings {
        spool_bytes: 0,
        ..plain(10)
    };
    let (sink, done) = start(LateAndNoMore, settings, spooled(&path));
    sink.write(&[b'x'; 95], NOW_MS).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    done.abort();
    assert!(done.await.is_err());
    let next = Played::new(|_| Fate::Deliver);
    let summary = recover(&path, next.clone(), plain(10), &Room::default()).await;
    // The second chunk was refused, and the log has no end.
    assert_eq!(summary.unwrap().unwrap().failed, 2);
    let sequences: Vec<_> = next.chunks().iter().map(|(p, ..)| p.sequence).collect();
    assert_eq!(sequences, [3]);
}

/// Answers the first two chunks late, and refuses the second; then nothing more.
#[derive(Clone)]
struct LateAndNoMore;

impl LogUpload for LateAndNoMore {
    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        Ok(())
    }

    async fn chunk(&self, place: ChunkPlace, _: Bytes) -> Result<(), ClientError> {
        tokio::time::sleep(Duration::from_secs(20)).await;
        match place.sequence {
            1 => Ok(()),
            2 => Err(status(422)),
            _ => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_told_and_at_the_end_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (played, gate) = Played::gated(|_| Fate::Deliver, false);
    let files = spooled(&folder.path().join("j1.log"));
    let (sink, done) = start(played.clone(), small_memory(), files);
    let log = noise(4 * MEMORY, 3);
    sink.write(&log, NOW_MS).await.unwrap();
    tokio::time::sleep(Duration::from_secs(7)).await;
    let (queued, spooled) = played.backlog();
    assert!((1..MEMORY as u64).contains(&queued), "{queued} bytes");
    let waiting = queued + spooled;
    let whole = log.len() as u64;
    assert!((whole..whole + whole / 50).contains(&waiting), "{waiting}");
    drop(sink);
    gate.send(true).unwrap();
    done.await.unwrap();
    assert_eq!(played.backlog(), (0, 0));
}

/// Refuses the second chunk, and answers neither the fourth nor any from the eighth on.
#[derive(Clone)]
struct Picky;

impl LogUpload for Picky {
    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        Ok(())
    }

    async fn chunk(&self, place: ChunkPlace, _: Bytes) -> Result<(), ClientError> {
        match place.sequence {
            2 => Err(status(422)),
            4 | 8.. => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

type Arrived = BTreeMap<u64, (u64, Vec<u8>)>;

/// Takes chunks only now and then, may forget to say so, and stalls; a chunk that comes again must
/// be the same.
#[derive(Clone)]
struct Flaky {
    moods: Vec<u8>,
    turn: Arc<Mutex<usize>>,
    arrived: Arc<Mutex<Arrived>>,
}

impl LogUpload for Flaky {
    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        Ok(())
    }

    async fn chunk(&self, place: ChunkPlace, gzip: Bytes) -> Result<(), ClientError> {
        loop {
            let mood = {
                let mut turn = self.turn.lock().unwrap();
                *turn += 1;
                self.moods[*turn % self.moods.len()]
            };
            if mood % 4 < 2 {
                let came = (place.offset, gunzip(&gzip));
                let before = self
                    .arrived
                    .lock()
                    .unwrap()
                    .insert(place.sequence, came.clone());
                assert!(before.is_none_or(|before| before == came));
            }
            match mood % 4 {
                0 => return Ok(()),
                3 => tokio::time::sleep(HOUR).await,
                _ => tokio::time::sleep(Duration::from_secs(u64::from(mood))).await,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_arrive_once_and_in_order_whatever_endpoint_and_disk_do(
        pieces in prop::collection::vec((0usize..400, 0u64..9000), 1..30),
        mut moods in prop::collection::vec(any::<u8>(), 1..12),
        chunk_bytes in 1usize..200,
        memory_bytes in 1usize..600,
        spool_bytes in 0u64..4000,
    ) {
        moods.push(0);
        let settings = Settings { memory_bytes, spool_bytes, ..plain(chunk_bytes) };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let flaky = Flaky { moods, turn: Arc::default(), arrived: Arc::default() };
        let (summary, log) = runtime.block_on(async {
            let files = spooled(&folder.path().join("spool"));
            let (sink, done) = start(flaky.clone(), settings, files);
            let mut log = Vec::new();
            for (seed, (length, passed)) in (1..).zip(pieces) {
                tokio::time::sleep(Duration::from_millis(passed)).await;
                let piece = noise(length, seed);
                sink.write(&piece, NOW_MS).await.unwrap();
                log.extend_from_slice(&piece);
            }
            drop(sink);
            (done.await.unwrap(), log)
        });
        prop_assert_eq!(summary.failed, 0);
        let arrived = flaky.arrived.lock().unwrap();
        let mut got = Vec::new();
        for (expected, (sequence, (offset, bytes))) in (1..).zip(arrived.iter()) {
            prop_assert_eq!((*sequence, *offset), (expected, got.len() as u64));
            got.extend_from_slice(bytes);
        }
        prop_assert_eq!(got, log);
        prop_assert_eq!(names(folder.path()), Vec::<PathBuf>::new());
    }
}
