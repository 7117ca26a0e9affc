//! Whether a job is what somebody with a key signed. Keys were read when the agent started.

use shared_protocol::job::Job;
use shared_signing::{KeySet, Misread, Permutation, Rejection, Step, permutation, signed_payload};

use crate::accept::Accepted;
use crate::log::Log;
use crate::outcome::NotRun;

/// What becomes of a job whose signature is missing or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It does not run.
    #[default]
    Block,
    /// It runs; its log and the agent's say so.
    Warn,
}

/// How signatures are verified.
#[derive(Debug, Default)]
pub struct SignatureCheck {
    /// Keys of those whose jobs are run. Without any, a job that is signed cannot be verified, and
    /// one that is not needs no more.
    pub keys: Option<KeySet>,
    /// What becomes of other jobs.
    pub on_failure: OnFailure,
    /// Whether the agent's log gets what was signed, at its level `debug`. That may hold secrets.
    pub debug: bool,
}

/// What there is to say of a job.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing is signed and nothing has to be.
    Unsigned,
    /// It is what was signed.
    Verified,
    /// It is not.
    Failed(Failure),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error(
        "cannot verify signature. JWK for pipeline verification is not configured; set \
         --verification-jwks-file"
    )]
    NoKeys,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// What cannot be understood never runs.
    #[error("{0}")]
    Misread(#[from] Misread),
}

impl Accepted {
    /// Verifies the job and tells its log.
    pub(super) async fn verify(&self, log: &Log) -> Result<(), NotRun> {
        let check = &self.settings.checks.signature;
        let verdict = check.judge(&self.job);
        let id = &self.job.id;
        let (blocks, text) = match &verdict {
            Verdict::Unsigned => return Ok(()),
            Verdict::Verified => {
                tracing::info!(job = %id, "the job's signature is verified");
                (false, "~~~ ✅ Job signature verified\n".to_owned())
            }
            Verdict::Failed(failure) => {
                let blocks = check.blocks(failure);
                tracing::warn!(job = %id, blocks, "the job's signature is not verified: {failure}");
                let mark = if blocks { "⛔" } else { "⚠️" };
                let head = format!("+++ {mark} Job signature verification failed");
                (blocks, format!("{head}\nerror: {failure}\n"))
            }
        };
        let mut text = text + &signature_line(&self.job);
        if matches!(verdict, Verdict::Failed(_)) && !blocks {
            text.push_str("Job will be run without verification\n");
        }
        log.say(&text).await;
        if blocks {
            Err(NotRun::SignatureRejected)
        } else {
            Ok(())
        }
    }
}

impl SignatureCheck {
    fn judge(&self, job: &Job) -> Verdict {
        let signed = job
            .step
            .get("signature")
            .is_some_and(|value| !value.is_null());
        let Some(keys) = &self.keys else {
            return if signed {
                Verdict::Failed(Failure::NoKeys)
            } else {
                Verdict::Unsigned
            };
        };
        match self.verify(job, keys) {
            Ok(()) => Verdict::Verified,
            Err(failure) => Verdict::Failed(failure),
        }
    }

    fn verify(&self, job: &Job, keys: &KeySet) -> Result<(), Failure> {
        let step = Step::read(&job.step)?;
        let values: Permutation = permutation(&job.matrix_permutation)?;
        if let Some(signature) = step.signature().filter(|_| self.debug) {
            let payload = signed_payload(&step, signature, &job.env)?;
            let payload = String::from_utf8_lossy(&payload);
            tracing::debug!(job = %job.id, "signed step: {payload}");
        }
        Ok(shared_signing::verify(&step, &job.env, &values, keys)?)
    }

    fn blocks(&self, failure: &Failure) -> bool {
        matches!(failure, Failure::Misread(_)) || self.on_failure == OnFailure::Block
    }
}

/// The signature, for whoever looks into a failure. An odd one could forge lines of the log.
fn signature_line(job: &Job) -> String {
    let value = job.step.pointer("/signature/value");
    match value.and_then(serde_json::Value::as_str) {
        Some(value) if value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            format!("signature: {value}\n")
        }
        Some(_) => "signature: (not printable)\n".to_owned(),
        None => "no signature in job\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = r#"{"alg":"EdDSA","crv":"Ed25519","kty":"OKP","x":"NzUF4-X0hVbGqi9c25C2frexZ2zOpS9QoIuC2Od6d8A"}"#;

    fn job(step: Value) -> Job {
        Job {
            step,
            ..Job::default()
        }
    }

    fn check(keys: bool) -> SignatureCheck {
        SignatureCheck {
            keys: keys.then(|| KeySet::parse(KEY).unwrap()),
            ..SignatureCheck::default()
        }
    }

    #[test]
    fn without_keys_only_signed_jobs_are_a_problem() {
        let signed = json!({"signature": {"algorithm": "EdDSA", "signed_fields": [], "value": ""}});
        for (step, verdict) in [
            (json!(null), Verdict::Unsigned),
            (json!({"signature": null}), Verdict::Unsigned),
            (json!({"env": "odd"}), Verdict::Unsigned),
            (signed.clone(), Verdict::Failed(Failure::NoKeys)),
            (
                json!({"signature": "odd"}),
                Verdict::Failed(Failure::NoKeys),
            ),
        ] {
            assert_eq!(check(false).judge(&job(step.clone())), verdict, "{step}");
        }
    }

    #[test]
    fn a_warning_is_enough_for_a_bad_signature_and_not_for_nonsense() {
        let warns = SignatureCheck {
            on_failure: OnFailure::Warn,
            ..check(true)
        };
        for (step, blocks) in [
            (json!(null), false),
            (json!({"signature": {}}), false),
            (json!({"signature": {"value": null}}), false),
            (
                json!({"signature": {"algorithm": "EdDSA", "signed_fields": [], "value": ""}}),
                false,
            ),
            (json!({"env": "odd"}), true),
            (json!({"signature": "odd"}), true),
        ] {
            let Verdict::Failed(failure) = warns.judge(&job(step.clone())) else {
                panic!("{step}");
            };
            assert_eq!(warns.blocks(&failure), blocks, "{step}");
            assert!(check(true).blocks(&failure), "{step}");
        }
    }

    #[test]
    fn a_signature_cannot_forge_lines_of_the_log() {
        let line = |value| signature_line(&job(json!({"signature": {"value": value}})));
        assert_eq!(line("a..b"), "signature: a..b\n");
        assert_eq!(line("a\n+++ b"), "signature: (not printable)\n");
    }
}
