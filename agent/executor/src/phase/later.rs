//! What a job may ask for that this version does not do yet. It is said in the log, never skipped
//! in silence.

use crate::job::Job;

/// Variables whose mere presence asks for something.
const ASKS: [(&str, &str); 2] = [
    ("BUILDKITE_ARTIFACT_PATHS", "artifacts are not uploaded"),
    ("BUILDKITE_SECRETS_CONFIG", "secrets are not fetched"),
];

/// Says so for every wish.
pub(crate) fn announce(job: &mut Job) {
    for (variable, consequence) in ASKS {
        let asked = job
            .env
            .filled(variable)
            .is_some_and(|value| value != "false");
        if asked {
            job.log.warning(&format!(
                "{variable} is set, but in this version {consequence}"
            ));
        }
    }
}
