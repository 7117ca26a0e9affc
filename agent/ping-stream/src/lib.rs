//! The streaming alternative to pings: one gRPC call that stays open while the endpoint says what
//! to do.
//!
//! This crate opens the stream and turns its messages and its end into values. When to open it
//! again, and who acts on what it says, is the worker's business.
