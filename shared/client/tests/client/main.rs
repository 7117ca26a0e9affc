//! The client as its users see it: retry rules as tables, and every route against an endpoint
//! played in this process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endpoint;
mod retry;
mod trouble;
mod wire;
