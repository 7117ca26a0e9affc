//! Bytes of a job to timestamped, numbered, uploaded chunks.
