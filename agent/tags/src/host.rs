//! Tags from the machine itself. Pure.

use crate::Tag;

/// The machine.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// Its name.
    pub name: String,
    /// Its operating system in Go's spelling, such as `linux`.
    pub system: String,
    /// Its architecture in Go's spelling, such as `amd64`.
    pub architecture: String,
    /// Its id, made so that the machine's own id cannot be told from it.
    pub machine_id: Option<String>,
}

/// The tags.
pub(crate) fn tags(host: &HostFacts) -> Vec<Tag> {
    let HostFacts {
        name,
        system,
        architecture,
        machine_id,
    } = host;
    let mut tags = vec![
        ("hostname".to_owned(), name.clone()),
        ("os".to_owned(), system.clone()),
        ("arch".to_owned(), architecture.clone()),
    ];
    tags.extend(machine_id.clone().map(|id| ("machine-id".to_owned(), id)));
    tags
}
