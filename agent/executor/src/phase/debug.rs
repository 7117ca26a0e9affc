//! What `--debug` shows before a job begins. Tokens are in none of it.

use shared_protocol::env as names;

use crate::job::Job;

/// Names of variables that a CI system is about begin with one of these.
const SHOWN: [&str; 3] = ["BUILDKITE", "CI", "PATH"];
/// Variables whose values nobody needs to see, whatever is hidden by pattern.
const MASKED: [&str; 2] = [names::AGENT_ACCESS_TOKEN, names::JOB_API_TOKEN];

/// Shows the variables, and the settings that change nothing.
pub(super) fn show(job: &mut Job) {
    if !job.settings.debug {
        return;
    }
    job.log.header("Buildkite environment variables");
    for (name, value) in job.env.iter() {
        let name = name.to_string_lossy();
        if MASKED.contains(&name.as_ref()) {
            job.log.line(&format!("{name}=******************"));
        } else if SHOWN.iter().any(|start| name.starts_with(start)) {
            let value = value.to_string_lossy().replace('\n', "\\n");
            job.log.line(&format!("{name}={value}"));
        }
    }
    for (flag, variable) in job.settings.idle(&job.env) {
        let text = format!("--{flag} ({variable}) is set, but has no effect in this version");
        job.log.comment(&text);
    }
}
