//! Logs over REST: whole, in parts, as a stream.

use reqwest::{Method, Response, StatusCode};

use crate::{Bed, Job};

impl Bed {
    async fn log(&self, job: &Job, range: Option<&str>) -> (StatusCode, String) {
        let mut request = self.client.get(self.log_url(job)).bearer_auth(&self.api);
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    fn log_url(&self, job: &Job) -> String {
        format!(
            "{}/v2/organizations/trireme/pipelines/rocket/builds/1/{}/log",
            self.url, job.path
        )
    }
}

async fn running(commands: &[&str]) -> (Bed, Job) {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(commands).await;
    let job = bed.take(&agent).await;
    (bed, job)
}

/// The next event of a stream: its lines without the empty one at the end.
async fn event(stream: &mut Response, rest: &mut String) -> Option<String> {
    loop {
        if let Some((event, more)) = rest.split_once("\n\n") {
            let event = event.to_owned();
            let taken = rest.len() - more.len();
            rest.drain(..taken);
            if !event.starts_with(':') {
                return Some(event);
            }
            continue;
        }
        let bytes = stream.chunk().await.unwrap()?;
        rest.push_str(std::str::from_utf8(&bytes).unwrap());
    }
}

#[tokio::test]
async fn a_log_is_the_bytes_in_order_however_its_chunks_came() {
    let (bed, job) = running(&["make"]).await;
    assert_eq!(bed.chunk(&job, 2, 4, b"two ").await, 201);
    assert_eq!(bed.log(&job, None).await, (StatusCode::OK, String::new()));
    assert_eq!(bed.chunk(&job, 1, 0, b"one ").await, 201);
    assert_eq!(bed.chunk(&job, 1, 0, b"one ").await, 201);
    assert_eq!(
        bed.log(&job, None).await,
        (StatusCode::OK, "one two ".to_owned())
    );
    assert_eq!(bed.chunk(&job, 1, 0, b"another").await, 422);
    assert_eq!(bed.chunk(&job, 3, 6, b"over").await, 422);
}

#[tokio::test]
async fn a_gap_in_a_log_is_noted_when_the_job_is_over() {
    let (bed, job) = running(&["make"]).await;
    bed.chunk(&job, 1, 0, b"one\n").await;
    bed.chunk(&job, 3, 104, b"three\n").await;
    bed.finish(&job, "0").await;
    let (_, log) = bed.log(&job, None).await;
    assert!(
        log.contains("100 bytes of the log did not arrive") && log.ends_with("three\n"),
        "{log}"
    );
}

#[tokio::test]
async fn a_log_can_be_fetched_piece_by_piece_as_it_grows() {
    let (bed, job) = running(&["make"]).await;
    assert_eq!(bed.log(&job, Some("bytes=0-")).await.0, 416);
    bed.chunk(&job, 1, 0, b"one ").await;
    assert_eq!(
        bed.log(&job, Some("bytes=0-")).await,
        (StatusCode::PARTIAL_CONTENT, "one ".to_owned())
    );
    assert_eq!(bed.log(&job, Some("bytes=4-")).await.0, 416);
    bed.chunk(&job, 2, 4, b"two").await;
    assert_eq!(bed.log(&job, Some("bytes=4-")).await.1, "two");
}

#[tokio::test]
async fn a_long_log_comes_back_byte_for_byte() {
    let (bed, job) = running(&["make"]).await;
    let bytes: Vec<u8> = (0..1_000_000u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    for (n, piece) in bytes.chunks(100_000).enumerate() {
        assert_eq!(bed.chunk(&job, n as u64 + 1, n * 100_000, piece).await, 201);
    }
    let request = bed.client.get(bed.log_url(&job)).bearer_auth(&bed.api);
    let log = request.send().await.unwrap().bytes().await.unwrap();
    assert!(log == bytes, "{} bytes came back", log.len());
}

#[tokio::test]
async fn a_stream_follows_the_log_to_the_end_of_the_job_and_resumes_where_it_broke() {
    let (bed, job) = running(&["make"]).await;
    bed.chunk(&job, 1, 0, b"one").await;
    let url = format!("{}/stream", bed.log_url(&job));
    let mut stream = bed
        .client
        .get(&url)
        .bearer_auth(&bed.api)
        .send()
        .await
        .unwrap();
    let mut rest = String::new();
    // b25l and dHdv are "one" and "two" in base64.
    let first = event(&mut stream, &mut rest).await.unwrap();
    assert_eq!(first, "event: log\nid: 3\ndata: b25l");
    bed.chunk(&job, 2, 3, b"two").await;
    assert_eq!(
        event(&mut stream, &mut rest).await.unwrap(),
        "event: log\nid: 6\ndata: dHdv"
    );
    bed.finish(&job, "1").await;
    let last = event(&mut stream, &mut rest).await.unwrap();
    assert_eq!(
        last,
        "event: end\ndata: {\"state\":\"failed\",\"exit_status\":1}"
    );
    assert_eq!(event(&mut stream, &mut rest).await, None);

    let request = bed
        .client
        .get(&url)
        .bearer_auth(&bed.api)
        .header("Last-Event-ID", "3");
    let mut again = request.send().await.unwrap();
    let mut rest = String::new();
    assert_eq!(
        event(&mut again, &mut rest).await.unwrap(),
        "event: log\nid: 6\ndata: dHdv"
    );
}

#[tokio::test]
async fn a_log_is_found_only_under_its_own_build() {
    let (bed, job) = running(&["make"]).await;
    bed.rest(
        Method::POST,
        "pipelines/rocket/builds",
        Some(serde_json::json!({})),
    )
    .await;
    let path = format!("pipelines/rocket/builds/2/{}/log", job.path);
    assert_eq!(bed.rest(Method::GET, &path, None).await.0, 404);
}
