//! The agent's program against a scripted endpoint in the same process: real sockets, real child
//! processes, a shell script in the place of the executor.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod endpoint;
mod enrollment;
#[cfg(target_os = "linux")]
mod grpc;
mod streams;

mod acquire;
mod cancel;
mod command_line;
mod control;
#[cfg(feature = "faults")]
mod crash;
mod crowd;
mod jobs;
mod life_hooks;
mod limits;
mod locks;
mod logs;
mod moves;
mod own_log;
mod plugins;
#[cfg(target_os = "linux")]
mod profile;
mod recovery;
mod refusals;
#[cfg(target_os = "linux")]
mod secrecy;
mod settings;
mod status;
mod stop;
mod stream;
#[cfg(target_os = "linux")]
mod stream_grpc;
mod systemd;
mod tags;
mod tracing;
mod trouble;
mod verification;
mod worker_commands;
