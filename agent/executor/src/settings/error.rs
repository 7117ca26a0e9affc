//! What is wrong with settings.

use agent_flags::FlagError;

use crate::words::WordsError;

/// Why a job cannot even be looked at. The executor ends with status 1 before anything runs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    Flags(#[from] FlagError),
    #[error("unexpected argument {0:?}; `agent bootstrap` takes flags only")]
    Argument(String),
    #[error("missing {flag}: set --{flag} or {variable}")]
    Missing {
        flag: &'static str,
        variable: &'static str,
    },
    #[error("--{flag} ({variable}) is {value:?}, which is not {wanted}")]
    Invalid {
        flag: &'static str,
        variable: &'static str,
        value: String,
        wanted: &'static str,
    },
    #[error("--{flag} ({variable}) cannot be split into words: {error}")]
    Words {
        flag: &'static str,
        variable: &'static str,
        error: WordsError,
    },
}
