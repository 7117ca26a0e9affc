//! The agent's own small HTTP server: is it alive, what does it do, and its numbers.
//!
//! It only reads: what workers, jobs and log streams publish. Nothing can be changed through it.
