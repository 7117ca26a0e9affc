//! What can go wrong with a cloud.

/// Why a cloud did not give what was asked. Texts hold no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// There are no credentials anywhere.
    #[error("no credentials for {cloud}: {why}")]
    NoCredentials {
        /// Which cloud.
        cloud: &'static str,
        /// Where they were looked for, or what is wrong there.
        why: String,
    },
    /// Nobody says which region.
    #[error("no region for AWS; set AWS_REGION, or name the key by its ARN")]
    NoRegion,
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// Nobody answers.
    #[error("{0} does not answer: {1}")]
    Silent(String, String),
    /// The service says no.
    #[error("{place} answers {status}: {message}")]
    Refused {
        /// Who.
        place: String,
        /// Status of HTTP.
        status: u16,
        /// The beginning of what it says.
        message: String,
    },
    /// The answer cannot be understood.
    #[error("{0} answers with something that cannot be understood")]
    Nonsense(String),
    /// The key is of another kind than signatures of steps need.
    #[error("key {key} is {kind}, and has to be one that signs with ECDSA on P-256 and SHA-256")]
    WrongKey {
        /// Which.
        key: String,
        /// What it is.
        kind: String,
    },
    /// A request could not be signed.
    #[error("sign a request: {0}")]
    Sign(String),
}
