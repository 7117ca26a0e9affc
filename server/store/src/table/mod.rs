//! One file per table: its rows and every query on it, as methods of the store. `orders` has the
//! columns of `agents` that outlive an agent.

pub(crate) mod agents;
pub(crate) mod builds;
pub(crate) mod chunks;
pub(crate) mod hosts;
pub(crate) mod jobs;
pub(crate) mod orders;
pub(crate) mod pipelines;
pub(crate) mod tokens;
