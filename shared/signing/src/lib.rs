//! Signatures of steps: which fields are signed, in which form, with which keys, and whether a job
//! is what was signed.
//!
//! Agents verify, whoever uploads a pipeline signs. Pure: keys and values in, verdicts out; no
//! files, no network.
