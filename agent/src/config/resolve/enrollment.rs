//! Who the host is when it has no token.

use std::path::PathBuf;

use super::Values;

/// Files of a host without a token.
#[derive(Debug)]
pub struct EnrollmentConfig {
    /// Its identity; in the host's state folder unless said otherwise.
    pub identity: Option<PathBuf>,
    /// The file with a key; in the host's state folder unless said otherwise.
    pub properties: Option<PathBuf>,
}

pub(super) fn enrollment(values: &Values<'_>) -> EnrollmentConfig {
    EnrollmentConfig {
        identity: values.path("identity-file"),
        properties: values.path("auto-register-file"),
    }
}
