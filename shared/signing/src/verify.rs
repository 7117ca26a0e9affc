//! Whether a job is what was signed. Pure.
//!
//! Two questions in turn: is this signature of this step good, and is the job, as its variables
//! tell it, the step (or, of a matrix, the one job of it that it says it is)?

use std::collections::BTreeMap;

use serde_json::Value;

use crate::jwk::KeySet;
use crate::jws;
use crate::matrix::{MatrixError, Permutation};
use crate::payload::{ENV, canonical, payload};
use crate::step::{Signature, Step};

/// The variable that a job's plugins are in.
const PLUGINS: &str = "BUILDKITE_PLUGINS";
/// The variable that a job's command is in.
const COMMAND: &str = "BUILDKITE_COMMAND";
/// The variable that a job's repository is in.
const REPOSITORY: &str = "BUILDKITE_REPO";

/// What settings of a step for its checkout are called in a job: the path in the step, the variable.
const CHECKOUT: [(&str, &str); 7] = [
    ("/skip", "BUILDKITE_SKIP_CHECKOUT"),
    ("/submodules", "BUILDKITE_GIT_SUBMODULES"),
    ("/commit_verification", "BUILDKITE_GIT_COMMIT_VERIFICATION"),
    ("/flags/clone", "BUILDKITE_GIT_CLONE_FLAGS"),
    ("/flags/fetch", "BUILDKITE_GIT_FETCH_FLAGS"),
    ("/flags/checkout", "BUILDKITE_GIT_CHECKOUT_FLAGS"),
    ("/flags/clean", "BUILDKITE_GIT_CLEAN_FLAGS"),
];

/// Why a job is not what was signed. Texts name fields and variables, never their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing was signed.
    #[error("job had no signature to verify")]
    NoSignature,
    /// The signature is of nothing.
    #[error("invalid signature: it covers no fields")]
    NoFields,
    /// A field has to be signed and is not.
    #[error("invalid signature: the field {0:?} is not signed")]
    NotSigned(String),
    /// A field is signed that nobody knows or that is not there.
    #[error("invalid signature: the signed field {0:?} is not known here or not in the job")]
    NoSuchField(String),
    /// No key made this signature of these values.
    #[error("invalid signature: signature verification failed")]
    Wrong,
    /// The job is not one of the step's matrix.
    #[error("invalid signature: job does not match signed step: {0}")]
    Matrix(#[from] MatrixError),
    /// A part of the job is not that of the step.
    #[error("invalid signature: job does not match signed step: {} differs", .0.escape_debug())]
    Differs(String),
}

/// Verifies the signature of the step of a job with these variables and these values of a matrix.
pub fn verify(
    step: &Step,
    job: &BTreeMap<String, String>,
    permutation: &Permutation,
    keys: &KeySet,
) -> Result<(), Rejection> {
    let signature = step.signature().ok_or(Rejection::NoSignature)?;
    let payload = signed_payload(step, signature, job)?;
    if !jws::verifies(&signature.value, &payload, keys) {
        return Err(Rejection::Wrong);
    }
    consistent(&step.for_job(permutation)?, signature, job)
}

/// The values that the signature has to be of, in canonical JSON.
pub fn signed_payload(
    step: &Step,
    signature: &Signature,
    job: &BTreeMap<String, String>,
) -> Result<Vec<u8>, Rejection> {
    let signed = &signature.signed_fields;
    if signed.is_empty() {
        return Err(Rejection::NoFields);
    }
    let missing = step
        .required()
        .find(|field| !signed.iter().any(|name| name == field));
    if let Some(field) = missing {
        return Err(Rejection::NotSigned(field.to_owned()));
    }
    let mut values = BTreeMap::new();
    for name in signed {
        let value = value(step, job, name).ok_or_else(|| Rejection::NoSuchField(name.clone()))?;
        values.insert(name.clone(), value);
    }
    Ok(payload(&signature.algorithm, &values))
}

/// The value that a signed field has in a job.
fn value(step: &Step, job: &BTreeMap<String, String>, field: &str) -> Option<Value> {
    match field.strip_prefix(ENV) {
        // A variable of the step is not the pipeline's, whatever the signature says.
        Some(name) if step.env.contains_key(name) => None,
        Some(name) => job.get(name).map(|value| value.as_str().into()),
        None => step.field(field, text(job, REPOSITORY)),
    }
}

fn text<'a>(job: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    job.get(name).map_or("", String::as_str)
}

/// Whether the job is the step. `env::` fields and the address of the repository were taken from
/// the job to begin with, secrets are handed out as the step says, and the matrix is in the others.
fn consistent(
    step: &Step,
    signature: &Signature,
    job: &BTreeMap<String, String>,
) -> Result<(), Rejection> {
    let differs = |what: &str| Err(Rejection::Differs(what.to_owned()));
    if step.command != text(job, COMMAND) {
        return differs(COMMAND);
    }
    for (name, value) in &step.env {
        if job.get(name) != Some(value) {
            return differs(name);
        }
    }
    if !same_plugins(step, text(job, PLUGINS)) {
        return differs(PLUGINS);
    }
    if signature
        .signed_fields
        .iter()
        .any(|name| name == "checkout")
    {
        for (path, variable) in CHECKOUT {
            if !same_setting(step, path, job.get(variable)) {
                return differs(variable);
            }
        }
    }
    Ok(())
}

/// Nothing, null and an empty list all are no plugins.
fn same_plugins(step: &Step, job: &str) -> bool {
    let none = matches!(job, "" | "null" | "[]");
    if none || step.plugins.is_empty() {
        return none && step.plugins.is_empty();
    }
    let job = serde_json::from_str::<Value>(job);
    job.is_ok_and(|job| canonical(&job) == canonical(&step.plugins()))
}

/// A setting of the checkout that the step makes may be missing in the job, but is not another.
fn same_setting(step: &Step, path: &str, job: Option<&String>) -> bool {
    let mut value = None;
    for (depth, name) in path.trim_start_matches('/').split('/').enumerate() {
        value = match depth {
            0 => step.checkout.get(name),
            _ => value.and_then(|value: &Value| value.get(name)),
        };
    }
    let wanted = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(value)) => value.to_string(),
        _ => return true,
    };
    job.is_none_or(|job| *job == wanted)
}
