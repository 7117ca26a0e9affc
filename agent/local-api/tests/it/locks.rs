//! Locks through the agent API, as clients and other agents see them.

use std::path::Path;
use std::time::Duration;

use agent_local_api::agent_api;
use agent_local_api::client::{LockError, Locks, Once};
use tokio::time::{sleep, timeout};

use crate::raw::{LONG, ask};

/// Opens the API and waits until it leads.
async fn leading(folder: &Path) -> agent_api::AgentApi {
    let api = agent_api::open(folder).expect("open");
    let found = timeout(LONG, async {
        while !folder.join("agent-leader").exists() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    found.await.expect("a leader");
    api
}

#[tokio::test]
async fn a_lock_goes_from_one_holder_to_the_next() {
    let folder = tempfile::tempdir().expect("folder");
    let _api = leading(folder.path()).await;
    let locks = Locks::new(folder.path());
    let token = locks.acquire("k&=/", None).await.expect("free");
    assert_eq!(locks.get("k&=/").await.expect("value"), token);
    assert_eq!(locks.get("other").await.expect("value"), "");
    let next = tokio::spawn({
        let locks = Locks::new(folder.path());
        async move { locks.acquire("k&=/", Some(LONG)).await }
    });
    let wrong = locks
        .release("k&=/", "guess")
        .await
        .expect_err("not its token");
    assert!(matches!(wrong, LockError::Unexpected { .. }), "{wrong}");
    locks.release("k&=/", &token).await.expect("its token");
    let other = timeout(LONG, next)
        .await
        .expect("in time")
        .expect("task")
        .expect("free");
    assert_ne!(other, token);
}

#[tokio::test]
async fn waiting_for_a_lock_has_an_end() {
    let folder = tempfile::tempdir().expect("folder");
    let _api = leading(folder.path()).await;
    let locks = Locks::new(folder.path());
    locks.acquire("k", None).await.expect("free");
    let short = Some(Duration::from_millis(1));
    let late = locks.acquire("k", short).await.expect_err("held");
    assert!(matches!(late, LockError::TimedOut(_)), "{late}");
    assert_eq!(locks.begin("once", short).await.expect("first"), Once::Do);
    let late = locks.begin("once", short).await.expect_err("under way");
    assert!(matches!(late, LockError::TimedOut(_)), "{late}");
}

#[tokio::test]
async fn what_is_done_once_is_done_by_one() {
    let folder = tempfile::tempdir().expect("folder");
    let _api = leading(folder.path()).await;
    let locks = Locks::new(folder.path());
    let early = locks.end("once").await.expect_err("nobody began");
    assert!(matches!(early, LockError::Unexpected { .. }), "{early}");
    assert_eq!(locks.begin("once", None).await.expect("first"), Once::Do);
    let second = tokio::spawn({
        let locks = Locks::new(folder.path());
        async move { locks.begin("once", Some(LONG)).await }
    });
    locks.end("once").await.expect("begun");
    let second = timeout(LONG, second).await.expect("in time").expect("task");
    assert_eq!(second.expect("answer"), Once::Done);
    locks.acquire("mutex", None).await.expect("free");
    let mixed = locks.begin("mutex", None).await.expect_err("a mutex");
    assert!(matches!(mixed, LockError::Unexpected { .. }), "{mixed}");
}

#[tokio::test]
async fn every_request_has_the_status_and_the_body_that_clients_expect() {
    let folder = tempfile::tempdir().expect("folder");
    let _api = leading(folder.path()).await;
    let leader = folder.path().join("agent-leader");
    for (line, body, status, wanted) in [
        ("GET /lock?key=k", "", 200, r#"{"value":""}"#),
        (
            "PATCH /lock/?key=k",
            r#"{"old":"","new":"a b"}"#,
            200,
            r#"{"value":"a b","swapped":true}"#,
        ),
        ("GET /lock/?key=%6B", "", 200, r#"{"value":"a b"}"#),
        (
            "PATCH /lock?key=k",
            r#"{"old":"","new":"c"}"#,
            200,
            r#"{"value":"a b","swapped":false}"#,
        ),
        (
            "PATCH /lock?key=k",
            r#"{"old":"a b"}"#,
            200,
            r#"{"value":"","swapped":true}"#,
        ),
        ("PATCH /lock?key=k", "x", 400, ""),
        ("PATCH /lock?key=k", r#"{"old":1}"#, 400, ""),
        ("GET /lock", "", 404, ""),
        ("GET /lock?key=", "", 404, ""),
        ("PATCH /lock?kez=k", "{}", 404, ""),
        ("GET /nothing", "", 404, ""),
        ("POST /ping", "", 405, ""),
        ("DELETE /lock?key=k", "", 405, ""),
    ] {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let (got, answer) = ask(
            &leader,
            None,
            &format!("{method} /api/leader/v0{path}"),
            body,
        )
        .await;
        assert_eq!(got, status, "{line} {body}: {answer}");
        if status < 300 {
            assert_eq!(answer, wanted, "{line} {body}");
        }
    }
    let longest = format!(r#"{{"old":"","new":"{}"}}"#, "\\u0001".repeat(4096));
    let endless = format!("{longest}{}", " ".repeat(64 * 1024));
    for (body, wanted) in [(longest, 200), (endless, 413)] {
        let line = "PATCH /api/leader/v0/lock/?key=long";
        let (status, answer) = ask(&leader, None, line, &body).await;
        assert_eq!(status, wanted, "{answer}");
    }
    let (status, answer) = ask(&leader, None, "GET /api/leader/v0/ping", "").await;
    assert!(
        status == 200 && answer.starts_with(r#"{"now":"2"#),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn locks_without_agents_are_an_error_that_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("folder");
    let error = Locks::new(folder.path())
        .get("k")
        .await
        .expect_err("nobody");
    assert!(error.to_string().contains("agent-api"), "{error}");
}
