//! Many workers of one agent, and what they share.

use serde_json::json;

use crate::agent::Bench;
use crate::endpoint::{Endpoint, ok};

/// More would each have opened one of its own, and one more for each request of their start.
const WORKERS: usize = 100;

#[tokio::test]
async fn workers_that_start_at_once_share_a_few_connections() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on(
        "POST /v3/register",
        [ok(&json!({
            "id": "worker", "name": "worker", "access_token": "access-token",
            "ping_interval": 3600, "job_status_interval": 1, "heartbeat_interval": 3600,
        }))],
    );
    let spawn = format!("--spawn={WORKERS}");
    let _agent = bench.start(&endpoint, &[&spawn]);
    endpoint.wait("GET /v3/ping", WORKERS).await;
    assert_eq!(endpoint.asked("POST /v3/connect").len(), WORKERS);
    let connections = endpoint.connections();
    assert!(connections <= WORKERS / 3, "{connections} connections");
}
