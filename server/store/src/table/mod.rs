//! One file per table: its rows and every query on it, as methods of the store.

pub(crate) mod agents;
pub(crate) mod builds;
pub(crate) mod chunks;
pub(crate) mod hosts;
pub(crate) mod jobs;
pub(crate) mod pipelines;
pub(crate) mod tokens;
