//! What workers register with: a token, or what the host is let in with.

use agent_enrollment::{Enrollment, Facts, IdentityFile};
use agent_worker::host::HostFacts;
use shared_handover::layout::StateDir;
use shared_protocol::{Secret, env};

use super::environ::Environ;
use crate::config::resolve::Config;
use crate::config::token::{self, TokenError};

/// File names in the host's state folder.
const IDENTITY: &str = "identity";
const PROPERTIES: &str = "autoregister.properties";

/// What there is.
pub(super) enum Credentials {
    /// A registration token.
    Token(Secret),
    /// None: the host asks to be let in.
    Enrollment(Enrollment),
}

/// A token if there is one. Without one a host asks Trireme's server, when a launcher has named it
/// or the user has named a file for the host's identity; no other endpoint knows of that.
pub(super) fn credentials(
    stamp: &str,
    config: &Config,
    environ: &Environ,
    state: Option<&StateDir>,
) -> Result<Credentials, TokenError> {
    let missing = match token::read(&config.token) {
        Ok(token) => return Ok(Credentials::Token(token)),
        Err(TokenError::Missing) => TokenError::Missing,
        Err(error) => return Err(error),
    };
    let files = &config.enrollment;
    let is_ours = environ.get(env::TRIREME_DEFAULT_ENDPOINT).is_some() && !config.endpoint_is_set;
    let identity = match (&files.identity, state) {
        (Some(file), _) => file.clone(),
        (None, Some(state)) if is_ours => state.root().join(IDENTITY),
        _ => return Err(missing),
    };
    let properties = match (&files.properties, state) {
        (Some(file), _) => file.clone(),
        (None, Some(state)) => state.root().join(PROPERTIES),
        (None, None) => identity.with_file_name(PROPERTIES),
    };
    Ok(Credentials::Enrollment(Enrollment {
        identity: IdentityFile::at(identity),
        properties,
        facts: Facts {
            hostname: HostFacts::read().name,
            version: stamp.to_owned(),
            location: config.jobs.build_path.clone(),
        },
    }))
}
