//! A step of a pipeline, as it was checked when the pipeline was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one job runs. Kept with the pipeline and copied into each job made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Step {
    /// Text for people; the command where the pipeline gave none.
    pub label: String,
    /// The step's own name within its pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Lines for the shell.
    pub command: String,
    /// Variables of this step; they win over the build's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Rules that a worker's tags must meet, each `key=value`.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Whether the job runs without a checkout.
    #[serde(default)]
    pub skip_checkout: bool,
    /// Minutes from its start after which the job is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_in_minutes: Option<u32>,
}
