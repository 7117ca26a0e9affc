//! Signatures of steps: which fields are signed, in which form, with which keys, and whether a job
//! is what was signed.
//!
//! Agents [`verify()`], whoever uploads a pipeline signs ([`sign()`]). Pure: keys and values in,
//! verdicts out; no files, no network.

mod algorithm;
mod jwk;
mod jws;
mod matrix;
mod payload;
mod plugin;
mod read;
mod sign;
mod step;
mod verify;

pub use algorithm::Algorithm;
pub use jwk::{KeyError, KeySet};
pub use matrix::{MatrixError, Permutation, permutation};
pub use plugin::{Plugin, climbs};
pub use read::Misread;
pub use sign::{CannotSign, Prepared, SigningKey, prepare, sign};
pub use step::{Signature, Step};
pub use verify::{Rejection, signed_payload, verify};
