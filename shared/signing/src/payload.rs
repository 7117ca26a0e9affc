//! What a signature is over: an algorithm and the values of fields, in canonical JSON (RFC 8785).
//! Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// Variables of the pipeline are signed one by one, as fields with this before their names.
pub(crate) const ENV: &str = "env::";

pub(crate) fn payload(algorithm: &str, values: &BTreeMap<String, Value>) -> Vec<u8> {
    canonical(&serde_json::json!({"alg": algorithm, "values": values}))
}

/// The one form that equal values have.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("values of JSON have finite numbers")
}
