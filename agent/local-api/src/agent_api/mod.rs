//! later
/// x
pub(crate) const LEADER: &str = "agent-leader";
