//! Where the agent says how it is.

use super::Values;

/// The status server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusConfig {
    /// Host and port, or `:port`; none for no server.
    pub address: Option<String>,
}

pub(super) fn status(values: &Values<'_>) -> StatusConfig {
    let address = values.text("health-check-addr");
    StatusConfig {
        address: (!address.is_empty()).then_some(address),
    }
}
