//! `agent bootstrap`, the real binary, with real git, shells and hooks in a folder of its own.

mod world;

mod artifacts;
mod bad_input;
mod batch;
mod cancel;
mod cancel_hooks;
mod cases;
mod checkout;
mod checkout_mirrors;
mod checkout_sparse;
mod checkout_trouble;
mod command;
mod debug;
mod docker;
mod exits;
mod experiments;
mod hooks;
mod hooks_environment;
mod job_api;
mod logs_to_collector;
mod plugin_fixtures;
mod plugins;
mod plugins_archive;
mod plugins_refused;
mod plugins_vendored;
mod redaction;
mod refusal;
mod secrets;
mod ssh;
mod terminal;
mod tracing;
mod tracing_trouble;
mod verification;
