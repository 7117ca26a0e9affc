//! What a worker says of itself when it registers. Pure.

use shared_protocol::agent::RegisterRequest;

use crate::host::HostFacts;

/// What all workers of a pool have in common.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Wanted name; `%spawn` becomes the worker's number, other words are the endpoint's.
    pub name: String,
    /// Order in which the endpoint offers jobs.
    pub priority: Priority,
    /// Tags, each `key=value`.
    pub tags: Vec<String>,
    /// Features that are on.
    pub features: Vec<String>,
    /// Whether jobs may run commands that are not scripts of the repository.
    pub script_eval: bool,
    /// Version stamp of the agent.
    pub version: String,
    /// Whether the endpoint is to offer it no jobs: it knows the one it is there for.
    pub ignored: bool,
    /// The host.
    pub host: HostFacts,
}

/// Priority of a worker; a higher number gets jobs first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Priority {
    /// None is sent.
    #[default]
    Unset,
    /// The same for all.
    Fixed(String),
    /// The worker's number, so that jobs spread over hosts before they fill one.
    Ascending,
    /// Its negative.
    Descending,
}

/// The registration of worker `number`, counted from 1.
pub fn request(identity: &Identity, number: usize) -> RegisterRequest {
    let host = &identity.host;
    RegisterRequest {
        name: identity.name.replace("%spawn", &number.to_string()),
        hostname: host.name.clone(),
        os: host.os.clone(),
        arch: host.arch.to_owned(),
        script_eval_enabled: identity.script_eval,
        ignore_in_dispatches: identity.ignored,
        priority: match &identity.priority {
            Priority::Unset => None,
            Priority::Fixed(text) => Some(text.clone()),
            Priority::Ascending => Some(number.to_string()),
            Priority::Descending => Some(format!("-{number}")),
        },
        version: identity.version.clone(),
        build: "x".to_owned(),
        meta_data: identity.tags.clone(),
        pid: Some(host.pid),
        machine_id: host.machine_id.clone(),
        features: identity.features.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(priority: Priority) -> Identity {
        Identity {
            name: "box-%spawn-%hostname".into(),
            priority,
            tags: vec!["queue=q".into()],
            features: vec![],
            script_eval: true,
            version: "1".into(),
            ignored: false,
            host: HostFacts {
                name: "h".into(),
                os: "o".into(),
                arch: "amd64",
                pid: 7,
                machine_id: None,
            },
        }
    }

    #[test]
    fn the_workers_number_replaces_spawn_and_nothing_else() {
        assert_eq!(
            request(&identity(Priority::Unset), 3).name,
            "box-3-%hostname"
        );
    }

    #[test]
    fn every_priority_has_its_text() {
        for (priority, text) in [
            (Priority::Unset, None),
            (Priority::Fixed("9".into()), Some("9")),
            (Priority::Ascending, Some("2")),
            (Priority::Descending, Some("-2")),
        ] {
            let request = request(&identity(priority), 2);
            assert_eq!(request.priority.as_deref(), text);
        }
    }

    #[test]
    fn no_tags_are_an_empty_list_on_the_wire() {
        let mut identity = identity(Priority::Unset);
        identity.tags.clear();
        let json = serde_json::to_value(request(&identity, 1)).unwrap();
        assert_eq!(json["meta_data"], serde_json::json!([]));
    }
}
