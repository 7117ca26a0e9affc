//! What metrics know a job by.

use agent_metrics::JobFacts;
use jiff::Timestamp;
use shared_protocol::job::Job;

/// The facts of a job that `agent_name` is about to start.
pub(crate) fn facts(job: &Job, agent_name: &str) -> JobFacts {
    let runnable_at: Option<Timestamp> = job.runnable_at.parse().ok();
    let waited = runnable_at.and_then(|since| (Timestamp::now() - since).try_into().ok());
    JobFacts {
        id: job.id.to_string(),
        agent_name: agent_name.to_owned(),
        priority: job.priority,
        waited,
        ..JobFacts::from_env(&job.env)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_workers_own_name_and_the_jobs_own_words_count() {
        let words = [
            ("BUILDKITE_AGENT_NAME", "somebody else"),
            ("BUILDKITE_PIPELINE_SLUG", "p"),
            ("BUILDKITE_AGENT_META_DATA_QUEUE", "q"),
        ];
        let env = words.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let job = Job {
            env: env.into(),
            priority: -3,
            runnable_at: "2020-01-01T00:00:00.5Z".into(),
            ..Job::default()
        };
        let facts = facts(&job, "me");
        let known = (&*facts.agent_name, &*facts.pipeline, &*facts.queue);
        assert_eq!(known, ("me", "p", "q"));
        assert_eq!((facts.priority, facts.branch.as_str()), (-3, ""));
        assert!(facts.waited > Some(Duration::from_hours(24 * 365)));
    }

    #[test]
    fn a_wait_that_nobody_measured_or_that_ends_before_it_begins_is_none() {
        for runnable_at in ["", "yesterday", "2999-01-01T00:00:00Z"] {
            let job = Job {
                runnable_at: runnable_at.into(),
                ..Job::default()
            };
            assert_eq!(facts(&job, "me").waited, None, "{runnable_at:?}");
        }
    }
}
