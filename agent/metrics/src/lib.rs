//! What the agent counts and measures.
//!
//! Workers, runners and log streams record into one value; exporters read it. Recording never
//! waits and never fails.
