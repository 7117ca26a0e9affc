//! What jobs have to pass, from settings. The keys that they must be signed with are read once; a
//! job is verified without asking anybody.

use std::path::Path;
use std::time::Duration;

use agent_cloud::kms;
use agent_cloud::surroundings::Surroundings;
use agent_runner::check::Checks;
use agent_runner::check::hook::HookSettings;
use agent_runner::check::signature::SignatureCheck;
use shared_signing::KeySet;

use super::environ::{Environ, clock};
use crate::config::resolve::{Config, KeySource, VerificationConfig};

/// Time for each request to a key service or to what gives credentials for it.
const PATIENCE: Duration = Duration::from_secs(10);

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
pub(super) async fn checks(config: &Config, environ: &Environ) -> Result<Checks, KeysError> {
    let verification = &config.verification;
    Ok(Checks {
        signature: SignatureCheck {
            keys: keys(verification, environ).await?,
            on_failure: verification.on_failure,
            debug: verification.debug,
        },
        allowed: verification.allowed.clone(),
        hook: HookSettings {
            folder: config.jobs.hooks.clone(),
            shell: config.life.shell.clone(),
        },
    })
}

/// Reads the keys that the settings name; `None` when jobs need not be signed.
async fn keys(config: &VerificationConfig, environ: &Environ) -> Result<Option<KeySet>, KeysError> {
    if let Some(file) = &config.signing_file {
        read("signing-jwks-file", file)?;
    }
    let around = || {
        let variables = environ.surroundings().variables;
        Surroundings::new(variables, PATIENCE, clock)
    };
    match &config.keys {
        KeySource::None => Ok(None),
        KeySource::File(file) => read("verification-jwks-file", file).map(Some),
        KeySource::Aws(key) => {
            let public = async { kms::aws::Key::new(key, around()?).await?.public().await };
            of_service("signing-aws-kms-key", public.await)
        }
        KeySource::Google(key) => {
            let public = async { kms::google::Key::new(key, around()?).await?.public().await };
            of_service("signing-gcp-kms-key", public.await)
        }
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

fn of_service(
    flag: &'static str,
    public: Result<Vec<u8>, agent_cloud::CloudError>,
) -> Result<Option<KeySet>, KeysError> {
    let failed = |why: String| KeysError::Service { flag, why };
    let public = public.map_err(|error| failed(error.to_string()))?;
    KeySet::of_service(&public)
        .map(Some)
        .map_err(|error| failed(error.to_string()))
}
