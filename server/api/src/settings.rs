//! What an operator may choose about the HTTP side.

use std::time::Duration;

/// Settings with their defaults; see the fields.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address under which people and agents reach the server, without a slash at its end. Used in
    /// links only.
    pub url: String,
    /// The one organization; part of every REST path.
    pub organization: String,
    /// The channel whose serial workers are told.
    pub channel: String,
    /// Time between two pings of an idle worker.
    pub ping_interval: Duration,
    /// Time between two heartbeats of a worker.
    pub heartbeat_interval: Duration,
    /// Time between two polls of a running job's state: how soon a cancel is noticed.
    pub job_status_interval: Duration,
    /// How long a worker has to accept what it was offered.
    pub lease: Duration,
    /// Most machines that may wait to be let in.
    pub most_pending_hosts: u32,
    /// Silence after which a machine that waits is forgotten.
    pub forget_pending_after: Duration,
    /// Silence after which a worker counts as lost: four heartbeats.
    pub lost_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8080".to_owned(),
            organization: "trireme".to_owned(),
            channel: "stable".to_owned(),
            ping_interval: Duration::from_secs(1),
            heartbeat_interval: Duration::from_secs(30),
            job_status_interval: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            most_pending_hosts: 100,
            forget_pending_after: Duration::from_mins(5),
            lost_after: Duration::from_mins(2),
        }
    }
}
