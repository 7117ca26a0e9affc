//! The Agent API as far as the real agent needs it to run one job after the other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The jobs of one host.
#[derive(Debug)]
pub(crate) struct Jobs {
    /// Begins their ids: agents know what is left of a job by its id, so no two may be the same.
    host: String,
    /// Whether there are any to be had.
    pub(crate) open: bool,
    offered: u64,
    /// Accepted jobs, and how often each was finished.
    accepted: BTreeMap<String, u32>,
}

impl Jobs {
    pub(crate) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            open: false,
            offered: 0,
            accepted: BTreeMap::new(),
        }
    }

    /// A new job's id, if there are any to be had.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.offered += u64::from(self.open);
        self.open.then(|| format!("{}-{}", self.host, self.offered))
    }

    /// Somebody has this job now.
    pub(crate) fn accept(&mut self, id: &str) {
        self.accepted.entry(id.to_owned()).or_default();
    }

    /// Number of jobs that somebody has or had.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.len() as u64
    }

    /// Jobs whose end nobody has told.
    pub(crate) fn owed(&self) -> u64 {
        self.accepted.values().filter(|count| **count == 0).count() as u64
    }

    /// Answers a request below `/v3/`.
    pub(crate) fn answer(&mut self, method: &str, path: &str) -> Value {
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.split('/').collect();
        match (method, &parts[..]) {
            ("POST", ["register"]) => json!({
                "id": "worker", "name": "worker", "access_token": "token",
                "ping_interval": 1, "job_status_interval": 1, "heartbeat_interval": 60,
            }),
            ("GET", ["ping"]) => match self.next() {
                Some(id) => json!({"job": {"id": id}}),
                None => json!({}),
            },
            ("PUT", ["jobs", id, "accept"]) => {
                self.accept(id);
                json!({"id": id, "env": {"BUILDKITE_JOB_ID": id}, "token": "token of the job"})
            }
            ("PUT", ["jobs", id, "finish"]) => {
                *self.accepted.entry((*id).to_owned()).or_default() += 1;
                json!({})
            }
            _ => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_owed_from_accept_to_finish() {
        let mut jobs = Jobs::new("h");
        assert_eq!(jobs.answer("GET", "ping"), json!({}));
        jobs.open = true;
        assert_eq!(jobs.answer("GET", "ping")["job"]["id"], "h-1");
        jobs.answer("PUT", "jobs/h-1/accept");
        assert_eq!((jobs.accepted(), jobs.owed()), (1, 1));
        jobs.answer("PUT", "jobs/h-1/finish");
        assert_eq!((jobs.accepted(), jobs.owed()), (1, 0));
    }
}
