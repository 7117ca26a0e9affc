//! Which jobs this host runs: what is allowed, and whose signatures count.

use std::path::PathBuf;

use agent_runner::check::allow_list::{AllowList, AllowLists, BadPattern};
use agent_runner::check::signature::OnFailure;

use super::{BadValue, ConfigError, Values};

/// Which jobs this host runs.
#[derive(Debug)]
pub struct VerificationConfig {
    /// Repositories, variables and plugins.
    pub allowed: AllowLists,
    /// Where the keys are that jobs must be signed with.
    pub keys: KeySource,
    /// The file of keys that jobs sign with what they upload. It is only looked at, so that a
    /// mistake shows when the agent starts.
    pub signing_file: Option<PathBuf>,
    /// What becomes of jobs that are not signed as they should be.
    pub on_failure: OnFailure,
    /// Whether to log what was signed.
    pub debug: bool,
}

/// Where the keys are that jobs must be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Nowhere: jobs need not be signed.
    None,
    /// In a file.
    File(PathBuf),
    /// A key of AWS KMS, by id, alias or ARN.
    Aws(String),
    /// A version of a key of Google Cloud KMS, by its resource name.
    Google(String),
}

pub(super) fn verification(
    values: &Values<'_>,
    no_plugins: bool,
) -> Result<VerificationConfig, ConfigError> {
    let behaviors = [("block", OnFailure::Block), ("warn", OnFailure::Warn)];
    Ok(VerificationConfig {
        allowed: allowed(values, no_plugins)?,
        keys: keys(values),
        signing_file: values.path("signing-jwks-file"),
        on_failure: values.one_of("verification-failure-behavior", &behaviors)?,
        debug: values.switch("debug-signing")?,
    })
}

/// A key of a service both signs and verifies, and comes before a file.
fn keys(values: &Values<'_>) -> KeySource {
    let text = |name| Some(values.text(name)).filter(|text| !text.is_empty());
    let aws = text("signing-aws-kms-key").map(KeySource::Aws);
    let google = text("signing-gcp-kms-key").map(KeySource::Google);
    let file = values.path("verification-jwks-file").map(KeySource::File);
    aws.or(google).or(file).unwrap_or(KeySource::None)
}

fn allowed(values: &Values<'_>, no_plugins: bool) -> Result<AllowLists, ConfigError> {
    let switch = "enable-environment-variable-allowlist";
    let names = "allowed-environment-variables";
    let variables = match (values.switch(switch)?, values.list(names)) {
        (true, patterns) => Some(compiled(values, names, AllowList::of_variables(&patterns))?),
        (false, patterns) if patterns.is_empty() => None,
        (false, _) => {
            return Err(ConfigError::Conflict(
                "--allowed-environment-variables restricts nothing on its own; add \
                 --enable-environment-variable-allowlist",
            ));
        }
    };
    // A bad pattern is an error also where plugins are off and nobody would ask it.
    let plugins = list(values, "allowed-plugins")?;
    Ok(AllowLists {
        repositories: list(values, "allowed-repositories")?,
        variables,
        plugins: plugins.filter(|_| !no_plugins),
    })
}

fn list(values: &Values<'_>, name: &str) -> Result<Option<AllowList>, BadValue> {
    let patterns = values.list(name);
    if patterns.is_empty() {
        return Ok(None);
    }
    compiled(values, name, AllowList::compile(&patterns)).map(Some)
}

fn compiled(
    values: &Values<'_>,
    name: &str,
    list: Result<AllowList, BadPattern>,
) -> Result<AllowList, BadValue> {
    list.map_err(|error| values.complain(name, &format!("cannot be used: {error}")))
}
