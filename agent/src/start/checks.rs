//! What jobs have to pass, from settings. The keys that they must be signed with are read once; a
//! job is verified without asking anybody.

use std::path::Path;

use agent_runner::check::Checks;
use agent_runner::check::hook::HookSettings;
use agent_runner::check::signature::SignatureCheck;
use shared_signing::KeySet;

use crate::config::resolve::{JobsConfig, KeySource, VerificationConfig};

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    /// The file.
    #[error("--{flag} {path}: {why}")]
    File {
        flag: &'static str,
        path: String,
        why: String,
    },
    /// The key service.
    #[error("--{flag}: {why}")]
    Service { flag: &'static str, why: String },
}

/// What jobs of these settings have to pass.
pub(super) fn checks(config: &VerificationConfig, jobs: &JobsConfig) -> Result<Checks, KeysError> {
    Ok(Checks {
        signature: SignatureCheck {
            keys: keys(config)?,
            on_failure: config.on_failure,
            debug: config.debug,
        },
        allowed: config.allowed.clone(),
        hook: HookSettings {
            folder: jobs.hooks.clone(),
            shell: jobs.hooks_shell.clone(),
        },
    })
}

/// Reads the keys that the settings name; `None` when jobs need not be signed.
fn keys(config: &VerificationConfig) -> Result<Option<KeySet>, KeysError> {
    if let Some(file) = &config.signing_file {
        read("signing-jwks-file", file)?;
    }
    match &config.keys {
        KeySource::None => Ok(None),
        KeySource::File(file) => read("verification-jwks-file", file).map(Some),
        KeySource::Aws(_) => Err(not_yet("signing-aws-kms-key")),
        KeySource::Google(_) => Err(not_yet("signing-gcp-kms-key")),
    }
}

fn read(flag: &'static str, file: &Path) -> Result<KeySet, KeysError> {
    let failed = |why: String| KeysError::File {
        flag,
        path: file.display().to_string(),
        why,
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| failed(format!("{error}; correct the path or the file's rights")))?;
    KeySet::parse(&text).map_err(|error| failed(error.to_string()))
}

fn not_yet(flag: &'static str) -> KeysError {
    let why = "not supported by this version; remove it".to_owned();
    KeysError::Service { flag, why }
}
