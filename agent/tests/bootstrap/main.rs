//! `agent bootstrap`, the real binary, with real git, shells and hooks in a folder of its own.

mod world;

mod batch;
mod cancel;
mod cancel_hooks;
mod cases;
mod checkout;
mod checkout_mirrors;
mod checkout_sparse;
mod checkout_trouble;
mod command;
mod exits;
mod hooks;
mod hooks_environment;
mod job_api;
mod plugins;
mod plugins_archive;
mod plugins_refused;
mod plugins_vendored;
mod plugin_fixtures;
mod redaction;
mod refusal;
mod ssh;
mod terminal;
mod verification;
