//! Pieces of a log, in any order and more than once.

use server_jobs::Event;
use server_store::ChunkError;
use shared_protocol::JobId;
use shared_protocol::job::ChunkPlace;

use crate::{Bed, NOW};

struct Log {
    bed: Bed,
    job: JobId,
}

impl Log {
    async fn new() -> Self {
        let bed = Bed::new().await;
        let build = bed.build(&["true"]).await;
        let job = bed.job(&build, 0).await;
        Self { bed, job }
    }

    async fn put(&self, sequence: u64, offset: u64, text: &str) -> Result<u64, ChunkError> {
        let size = text.len() as u64;
        let place = ChunkPlace {
            sequence,
            offset,
            size,
        };
        self.bed
            .store
            .put_chunk(&self.job, place, text.into())
            .await
    }

    async fn text(&self) -> String {
        let size = self.bed.store.job(&self.job).await.unwrap().log_size;
        let bytes = self.bed.store.read_log(&self.job, 0, size).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

#[tokio::test]
async fn a_chunk_that_is_sent_again_changes_nothing() {
    let log = Log::new().await;
    assert_eq!(log.put(1, 0, "one ").await.unwrap(), 4);
    assert_eq!(log.put(1, 0, "one ").await.unwrap(), 4);
    assert_eq!(log.put(2, 4, "two").await.unwrap(), 7);
    assert_eq!(log.text().await, "one two");
}

#[tokio::test]
async fn a_chunk_behind_a_gap_waits_until_the_gap_is_closed() {
    let log = Log::new().await;
    assert_eq!(log.put(3, 8, "three").await.unwrap(), 0);
    assert_eq!(log.put(1, 0, "one ").await.unwrap(), 4);
    assert_eq!(log.text().await, "one ");
    assert_eq!(log.put(2, 4, "two ").await.unwrap(), 13);
    assert_eq!(log.text().await, "one two three");
}

#[tokio::test]
async fn a_gap_that_stays_is_noted_when_the_job_is_over() {
    let log = Log::new().await;
    log.put(1, 0, "one\n").await.unwrap();
    log.put(3, 84, "three\n").await.unwrap();
    log.bed
        .store
        .happen(&log.job, Event::Cancel, NOW)
        .await
        .unwrap();
    log.bed.store.close_log(&log.job).await.unwrap();
    let text = log.text().await;
    assert_eq!(text.len(), 90);
    assert!(
        text.starts_with("one\n\n~~~ 80 bytes of the log did not arrive\n"),
        "{text}"
    );
    assert!(text.ends_with("three\n"), "{text}");
}

#[tokio::test]
async fn chunks_that_contradict_others_or_themselves_are_refused() {
    let log = Log::new().await;
    log.put(1, 0, "one ").await.unwrap();
    for (sequence, offset, text, expected) in [
        (
            1,
            0,
            "another",
            "chunk 1 was received before with another offset or size",
        ),
        (2, 2, "two", "the chunk overlaps chunk 1"),
        (0, 4, "zero", "chunk sequences count from 1"),
        (2, 2 << 30, "two", "the log is longer than 2147483648 bytes"),
        (
            2,
            u64::MAX,
            "two",
            "the log is longer than 2147483648 bytes",
        ),
    ] {
        let error = log.put(sequence, offset, text).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let place = ChunkPlace {
        sequence: 2,
        offset: 4,
        size: 5,
    };
    let error = log
        .bed
        .store
        .put_chunk(&log.job, place, b"two".to_vec())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the chunk holds 3 bytes but size says 5");
    assert_eq!(log.text().await, "one ");
}

#[tokio::test]
async fn an_empty_chunk_is_taken_and_adds_nothing() {
    let log = Log::new().await;
    assert_eq!(log.put(1, 0, "").await.unwrap(), 0);
    assert_eq!(log.put(2, 0, "one").await.unwrap(), 3);
    assert_eq!(log.text().await, "one");
}
