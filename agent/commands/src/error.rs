//! Why a subcommand ends with 1.

use std::io;
use std::path::PathBuf;

use agent_flags::FlagError;
use agent_local_api::client::{CallError, LockError};
use shared_client::{ClientError, EndpointError, TransportError};

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("unknown command {0:?}; `buildkite-agent --help` lists all commands")]
    Unknown(String),
    #[error(transparent)]
    Flags(#[from] FlagError),
    #[error("--{flag} ({variable}) is {value:?}, which is not {wanted}")]
    Value {
        flag: &'static str,
        variable: &'static str,
        value: String,
        wanted: &'static str,
    },
    #[error("{0} is not valid UTF-8; correct it")]
    NotUnicode(&'static str),
    #[error("missing --{flag}; set it or {variable}")]
    Missing {
        flag: &'static str,
        variable: &'static str,
    },
    #[error("wrong number of arguments; usage: buildkite-agent {0}")]
    Arguments(&'static str),
    /// The number of a variable. Its text is not shown: it may be a line of a secret.
    #[error("variable {0} of those given is not of the form NAME=VALUE")]
    NoPair(usize),
    /// What the parser says of it is not shown: it quotes values, which may be secrets.
    #[error("{what} is not JSON of the form asked for, at line {} column {}", error.line(), error.column())]
    Json {
        what: &'static str,
        error: serde_json::Error,
    },
    #[error("not set: {0}")]
    NotSet(String),
    #[error("this is no job with a job API: {0} is not set")]
    NoJobApi(&'static str),
    #[error("the job API: {0}")]
    Call(#[from] CallError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("there is no home folder for the agent's sockets; set --sockets-path")]
    NoSockets,
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is not a folder", .0.display())]
    NoFolder(PathBuf),
    #[error("standard input: {0}")]
    Input(io::Error),
    #[error("standard output: {0}")]
    Output(io::Error),
    #[error("start to wait: {0}")]
    Runtime(io::Error),
}
