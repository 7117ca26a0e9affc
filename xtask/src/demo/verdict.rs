//! What the demo claims at its end. Every line printed here is checked first.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One job as the server tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobFact {
    pub(super) label: String,
    pub(super) state: String,
    pub(super) exit_status: Option<i64>,
    pub(super) agent_version: String,
}

impl JobFact {
    /// Reads a job of the REST interface.
    pub(super) fn from_json(job: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            label: text(&job["name"]).context("a job has a name")?,
            state: text(&job["state"]).context("a job has a state")?,
            exit_status: job["exit_status"].as_i64(),
            agent_version: text(&job["agent"]["version"]).unwrap_or_default(),
        })
    }
}

/// All that was observed.
pub(super) struct Facts {
    pub(super) jobs: Vec<JobFact>,
    /// Version of the agent that must have run each job.
    pub(super) expected_versions: Vec<&'static str>,
    pub(super) gap_ms: u64,
    pub(super) logs: Vec<PathBuf>,
}

/// Prints the summary, or says what is wrong.
pub(super) fn report(facts: &Facts, server_url: &str) -> Result<()> {
    println!("demo: summary");
    for job in &facts.jobs {
        let status = job
            .exit_status
            .map_or("none".to_owned(), |status| status.to_string());
        println!(
            "  {:<24} {:<8} exit status {status:<4} agent {}",
            job.label, job.state, job.agent_version
        );
    }
    println!(
        "  time without a worker that is ready or busy during the switch: {} ms",
        facts.gap_ms
    );
    for log in &facts.logs {
        println!("  log: {}", log.display());
    }
    println!("  page: {server_url}/ (while the chain runs; see --keep)");
    let wrong = complaints(facts);
    if !wrong.is_empty() {
        bail!(
            "the demo did not show what it should:\n  {}",
            wrong.join("\n  ")
        );
    }
    println!(
        "demo: ok, {} jobs passed, upgraded while one of them ran",
        facts.jobs.len()
    );
    Ok(())
}

fn complaints(facts: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    if facts.jobs.len() != facts.expected_versions.len() {
        wrong.push(format!(
            "{} jobs ran instead of {}",
            facts.jobs.len(),
            facts.expected_versions.len()
        ));
    }
    for (job, expected) in facts.jobs.iter().zip(&facts.expected_versions) {
        if job.state != "passed" || job.exit_status != Some(0) {
            wrong.push(format!(
                "`{}` is {} with exit status {:?}",
                job.label, job.state, job.exit_status
            ));
        }
        if job.agent_version != *expected {
            wrong.push(format!(
                "`{}` ran on agent {:?} instead of {expected}",
                job.label, job.agent_version
            ));
        }
    }
    for log in &facts.logs {
        if !std::fs::metadata(log).is_ok_and(|meta| meta.len() > 0) {
            wrong.push(format!("{} is missing or empty", log.display()));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(version: &str, exit_status: Option<i64>) -> JobFact {
        JobFact {
            label: "x".into(),
            state: if exit_status == Some(0) {
                "passed"
            } else {
                "failed"
            }
            .into(),
            exit_status,
            agent_version: version.into(),
        }
    }

    fn facts(jobs: Vec<JobFact>) -> Facts {
        Facts {
            jobs,
            expected_versions: vec!["a", "b"],
            gap_ms: 0,
            logs: Vec::new(),
        }
    }

    #[test]
    fn a_job_that_failed_or_ran_on_the_wrong_version_or_not_at_all_is_a_complaint() {
        assert_eq!(
            complaints(&facts(vec![job("a", Some(0)), job("b", Some(0))])),
            [""; 0]
        );
        assert_eq!(
            complaints(&facts(vec![job("a", Some(0)), job("a", Some(0))])).len(),
            1
        );
        assert_eq!(
            complaints(&facts(vec![job("a", Some(1)), job("b", Some(0))])).len(),
            1
        );
        assert_eq!(complaints(&facts(vec![job("a", Some(0))])).len(), 1);
    }
}
