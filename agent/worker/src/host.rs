//! Facts about the host that a registration carries.

use shared_protocol::platform;

use crate::machine;
use crate::os;

/// The host as the endpoint shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Its name.
    pub name: String,
    /// Text that describes the operating system's version.
    pub os: String,
    /// Its architecture in Go's spelling.
    pub arch: &'static str,
    /// The host under a name that only this product has for it; see [`machine_id`](crate::machine).
    pub machine_id: Option<String>,
    /// Process id of the agent.
    pub pid: u32,
}

impl HostFacts {
    /// Reads them. What cannot be read is empty: no fact is worth a failed start.
    pub fn read() -> Self {
        Self {
            name: os::host_name(),
            os: os::version_text(),
            arch: platform::architecture(),
            machine_id: machine::id(),
            pid: std::process::id(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_name_and_an_architecture_of_go() {
        let facts = HostFacts::read();
        assert!(!facts.name.is_empty());
        assert!(!["x86_64", "aarch64"].contains(&facts.arch));
    }
}
