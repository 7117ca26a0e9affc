//! Enrolling a host: how a machine without a registration token comes to have one that is its own.
//!
//! `POST enroll` is Trireme's addition to the Agent API. The host invents its secret, sends it as
//! `Authorization: Token …`, and once it was let in registers its workers with it. Nothing that
//! opens a door is ever sent to the host.
//!
//! | status | meaning | what the host does |
//! |---|---|---|
//! | 200 | let in | registers |
//! | 202 | not yet, see [`Waiting`] | asks again after a while |
//! | 401 | the id belongs to another secret | takes a new identity |
//! | 403 | shut out by a person | asks again, seldom |
//! | 409 | another machine uses this identity | takes a new identity |
//! | 422 | too many hosts wait, or the key is wrong | asks again, seldom |

use serde::{Deserialize, Serialize};

use crate::Secret;

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct EnrollRequest {
    /// Its id: a UUID that it made itself and keeps.
    pub id: String,
    /// This run of the machine: another one after each start of its system, and on each copy.
    pub boot: String,
    /// Its name.
    pub hostname: String,
    /// Its operating system.
    pub os: String,
    /// Its architecture.
    pub arch: String,
    /// Version of the agent.
    pub version: String,
    /// Folder that jobs are checked out in.
    pub location: String,
    /// Free bytes there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// A registration token, which lets the host in at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// What it has; its workers get a tag `resource=…` for each.
    pub resources: Vec<String>,
    /// What it is for; its workers get a tag `environment=…` for each.
    pub environments: Vec<String>,
}

/// The answer to a host that was let in, or has to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollResponse {
    /// None when it was let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// When to ask again, in seconds.
    #[serde(default)]
    pub ask_again: u64,
}

/// What a host waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// A person has to let it in.
    Approval,
    /// Another run of the machine used the identity until a moment ago: is that one gone, or is
    /// one of the two a copy?
    OtherRun,
}
