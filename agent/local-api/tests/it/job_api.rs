//! The job API as its clients see it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use agent_local_api::client::{CallError, JobApi};
use agent_local_api::job_api::{self, Declared, Open, Promise};
use agent_local_api::{Desk, Secrets};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::raw::{LONG, ask, exchange, parts};

/// A job whose environment is `A=1` and `B=2`.
struct Job {
    desk: Desk,
    secrets: Secrets,
    open: Open,
    promised: Arc<Mutex<Vec<Promise>>>,
    folder: TempDir,
}

/// An endpoint that knows only one answer to each status.
fn answer(promise: &Promise) -> Declared {
    match promise.exit_status {
        5 => Declared::Accepted { status: 204 },
        6 => Declared::Refused {
            status: 409,
            error: "another status".into(),
        },
        _ => Declared::Unreached {
            status: None,
            error: "no answer".into(),
        },
    }
}

impl Job {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let secrets = Secrets::default();
        let desk = Desk::new(|name| name != "LOCKED", secrets.clone());
        let pairs = [("A", "1"), ("B", "2")].map(|(name, value)| (name.into(), value.into()));
        desk.publish(pairs);
        let promised = Arc::<Mutex<Vec<Promise>>>::default();
        let seen = Arc::clone(&promised);
        let declare = Box::new(
            move |promise: Promise| -> std::pin::Pin<Box<dyn Future<Output = Declared> + Send>> {
                let answer = answer(&promise);
                seen.lock().expect("lock").push(promise);
                Box::pin(std::future::ready(answer))
            },
        );
        let open = job_api::open(folder.path(), desk.clone(), declare).expect("open");
        Self {
            desk,
            secrets,
            open,
            promised,
            folder,
        }
    }

    fn socket(&self) -> &Path {
        self.open.server.path()
    }

    fn client(&self) -> JobApi {
        JobApi::new(self.socket(), &self.open.token)
    }

    async fn ask(&self, line: &str, body: &str) -> (u16, String) {
        ask(self.socket(), Some(&self.open.token), line, body).await
    }
}

/// Requests in order: method and path, body, status, and the answer of a success.
#[rustfmt::skip] // one request a line
const REQUESTS: &[(&str, &str, u16, &str)] = &[
    ("GET /env", "", 200, r#"{"env":{"A":"1","B":"2"}}"#),
    ("PATCH /env", r#"{"env":{"Z":"1","C":"é","B":"new"}}"#, 200, r#"{"added":["C","Z"],"updated":["B"]}"#),
    ("PATCH /env", "{}", 200, r#"{"added":[],"updated":[]}"#),
    ("PATCH /env", r#"{"env":null}"#, 200, r#"{"added":[],"updated":[]}"#),
    ("PATCH /env", "null", 200, r#"{"added":[],"updated":[]}"#),
    ("PATCH /env", r#"{"env":{"A":7}}"#, 400, ""),
    ("PATCH /env", r#"{"env":{"A":null}}"#, 422, ""),
    ("PATCH /env", r#"{"env":{"OK":"1","LOCKED":"2"}}"#, 422, ""),
    ("PATCH /env", r#"{"env":{"LOCKED":null}}"#, 422, ""),
    ("PATCH /env", r#"{"env":{"":"1"}}"#, 422, ""),
    ("PATCH /env", r#"{"env":{"A=B":"1"}}"#, 422, ""),
    ("PATCH /env", r#"{"env":{"A\u0000":"1"}}"#, 422, ""),
    ("PATCH /env", r#"{"env":{"A":"1\u0000"}}"#, 422, ""),
    ("PATCH /env", "", 400, ""),
    ("PATCH /env", "[]", 400, ""),
    ("PATCH /env", r#" [{"A":"7"}]"#, 400, ""),
    ("PATCH /env", r#"{"env":{"A":"1"}"#, 400, ""),
    ("DELETE /env", r#"{"keys":["Z","NOPE","C","Z"]}"#, 200, r#"{"deleted":["C","Z"]}"#),
    ("DELETE /env", r#"{"keys":["LOCKED"]}"#, 422, ""),
    ("DELETE /env", r#"{"keys":"A"}"#, 400, ""),
    ("DELETE /env", "{}", 200, r#"{"deleted":[]}"#),
    ("PUT /workdir", r#"{"workdir":"/"}"#, 200, r#"{"workdir":"/"}"#),
    ("PUT /workdir", r#"{"workdir":""}"#, 422, ""),
    ("PUT /workdir", r#"{"workdir":"a/b"}"#, 422, ""),
    ("PUT /workdir", "{}", 422, ""),
    ("PUT /workdir", r#"{"workdir":1}"#, 400, ""),
    ("POST /redactions", r#"{"redact":"hush"}"#, 201, r#"{"redacted":"hush"}"#),
    ("POST /redactions", r#"{"redact":["hush"]}"#, 400, ""),
    ("POST /redactions", r#""hush""#, 400, ""),
    ("POST /promise-failure", r#"{"exit_status":0}"#, 422, ""),
    ("POST /promise-failure", r#"{"exit_status":-1}"#, 422, ""),
    ("POST /promise-failure", "{}", 422, ""),
    ("POST /promise-failure", r#"{"exit_status":"5"}"#, 400, ""),
    ("POST /promise-failure", r#"{"exit_status":5,"reason":"r"}"#, 200, r#"{"outcome":"declared","accepted":true,"upstream_status":204}"#),
    ("POST /promise-failure", r#"{"exit_status":5}"#, 200, r#"{"outcome":"debounced","accepted":true,"upstream_status":204}"#),
    ("POST /env", "{}", 405, ""),
    ("GET /workdir", "", 405, ""),
    ("DELETE /redactions", "{}", 405, ""),
    ("GET /promise-failure", "", 405, ""),
    ("GET /env/", "", 404, ""),
    ("GET /nothing", "", 404, ""),
    ("GET /", "", 404, ""),
    ("GET /env", "", 200, r#"{"env":{"A":"1","B":"new"}}"#),
];

#[tokio::test]
async fn every_request_has_the_status_and_the_body_that_clients_expect() {
    let job = Job::new();
    let base = "/api/current-job/v0";
    for &(line, body, status, wanted) in REQUESTS {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let (got, answer) = job.ask(&format!("{method} {base}{path}"), body).await;
        assert_eq!(got, status, "{line} {body}: {answer}");
        if status < 300 {
            assert_eq!(answer, wanted, "{line} {body}");
        } else {
            let error: BTreeMap<String, String> = serde_json::from_str(&answer).expect("an object");
            assert!(!answer.contains("hush"), "{line} {body}: {answer}");
            assert_eq!(error.keys().collect::<Vec<_>>(), ["error"], "{line} {body}");
        }
    }
    assert_eq!(job.secrets.take(), ["hush"]);
    assert_eq!(job.desk.take().workdir, Some(PathBuf::from("/")));
}

#[tokio::test]
async fn without_the_token_nothing_is_told_and_nothing_changes() {
    let job = Job::new();
    let patch = r#"{"env":{"A":"2"}}"#;
    for token in [None, Some("x"), Some("")] {
        for (line, body) in [
            ("GET /api/current-job/v0/env", ""),
            ("PATCH /api/current-job/v0/env", patch),
            ("GET /", ""),
        ] {
            let (status, answer) = ask(job.socket(), token, line, body).await;
            assert_eq!(status, 401, "{line}");
            assert!(answer.starts_with(r#"{"error":"#), "{answer}");
        }
    }
    assert!(job.desk.take().variables.is_empty());
}

#[tokio::test]
async fn hostile_bytes_are_refused_and_the_next_client_is_served() {
    let job = Job::new();
    let token = &job.open.token;
    let too_long = format!(
        "PATCH /api/current-job/v0/env HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\nContent-Length: 4194305\r\n\r\n{}",
        " ".repeat(4_194_305)
    );
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    for (bytes, wanted) in [
        (&b"\x00\xff\xfe\r\n\r\n"[..], 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
        ),
        (many.as_bytes(), 431),
        (too_long.as_bytes(), 413),
    ] {
        let (status, _) = parts(&exchange(job.socket(), bytes).await);
        assert_eq!(
            status,
            wanted,
            "{:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
    assert_eq!(job.client().variables().await.expect("answer").len(), 2);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_holds_neither_others_nor_the_end() {
    let job = Job::new();
    let mut slow = UnixStream::connect(job.socket()).await.expect("connect");
    slow.write_all(b"GET /api/current-job/v0/env HTT")
        .await
        .expect("write");
    assert_eq!(job.client().variables().await.expect("answer").len(), 2);
    let path = job.socket().to_owned();
    let Job { open, folder, .. } = job;
    timeout(LONG, open.server.close()).await.expect("an end");
    let mut rest = Vec::new();
    timeout(LONG, slow.read_to_end(&mut rest))
        .await
        .expect("closed")
        .ok();
    assert!(!path.exists());
    let left = std::fs::read_dir(folder.path().join("job-api"))
        .expect("folder")
        .count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_promise_that_did_not_reach_the_endpoint_is_told_again() {
    let job = Job::new();
    for (exit_status, wanted) in [
        (
            6,
            r#"{"outcome":"declared","accepted":false,"upstream_status":409,"error":"another status"}"#,
        ),
        (
            6,
            r#"{"outcome":"debounced","accepted":false,"upstream_status":409,"error":"another status"}"#,
        ),
        (
            7,
            r#"{"outcome":"declared","accepted":false,"error":"no answer"}"#,
        ),
        (
            7,
            r#"{"outcome":"declared","accepted":false,"error":"no answer"}"#,
        ),
    ] {
        let body = format!(r#"{{"exit_status":{exit_status},"reason":"r"}}"#);
        let (status, answer) = job
            .ask("POST /api/current-job/v0/promise-failure", &body)
            .await;
        assert_eq!((status, answer.as_str()), (200, wanted));
    }
    let promised = job.promised.lock().expect("lock");
    let told: Vec<_> = promised.iter().map(|promise| promise.exit_status).collect();
    assert_eq!(told, [6, 7, 7]);
    assert!(
        promised
            .iter()
            .all(|promise| promise.reason.as_deref() == Some("r"))
    );
}

#[tokio::test]
async fn clients_hear_why_they_are_refused_and_whom_they_cannot_reach() {
    let job = Job::new();
    let locked = BTreeMap::from([("LOCKED".to_owned(), "1".to_owned())]);
    let refused = job.client().set(&locked).await.expect_err("refused");
    assert!(
        matches!(refused, CallError::Refused { status: 422, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("LOCKED"), "{refused}");
    let stranger = JobApi::new(job.socket(), "x")
        .variables()
        .await
        .expect_err("refused");
    assert!(
        matches!(stranger, CallError::Refused { status: 401, .. }),
        "{stranger}"
    );
    let nobody = JobApi::new("/no/such.sock", "x")
        .variables()
        .await
        .expect_err("nobody");
    assert!(nobody.to_string().contains("/no/such.sock"), "{nobody}");
}
