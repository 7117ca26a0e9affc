//! Everything that can be wrong with a signed document.

use crate::root::Role;

/// Why a document is refused. The texts fit after "… refused: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The envelope is longer than [`crate::MAX_SIGNED`].
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The envelope is not of the form this crate reads.
    #[error("it is not a signed document: {0}")]
    NotAnEnvelope(String),
    /// Too few trusted keys signed the payload.
    #[error(
        "bad signature: {valid} of the {needed} {role} keys of root {root} it needs have signed it{}",
        Mismatch(mismatched)
    )]
    Signatures {
        /// The role whose keys were asked for.
        role: Role,
        /// Version of the root that lists them.
        root: u64,
        /// How many distinct keys of the role signed these bytes.
        valid: usize,
        /// How many must.
        needed: usize,
        /// Keys of the role whose signature is there but does not match the payload.
        mismatched: Vec<String>,
    },
    /// The payload is signed, and still makes no sense.
    #[error("its {part} cannot be used: {detail}")]
    Senseless {
        /// The field or part that is wrong.
        part: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The payload is of another type or format than the one asked for.
    #[error("it is a {found} document, not a {wanted}")]
    WrongType {
        /// What the payload says it is.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The manifest belongs to another channel.
    #[error("it is for channel {found}, not {wanted}")]
    WrongChannel {
        /// The manifest's channel.
        found: String,
        /// The channel that was asked for.
        wanted: String,
    },
    /// The manifest is older than one that was seen before.
    #[error("its serial {found} is older than {seen}, which this host has seen")]
    SerialRolledBack {
        /// The manifest's serial.
        found: u64,
        /// The highest serial seen in this channel.
        seen: u64,
    },
    /// Another manifest with the same serial was seen before.
    #[error("its serial {0} was already used for another manifest")]
    SerialReused(u64),
    /// A component goes backwards, and no signed `allow_downgrade` covers that.
    #[error(
        "{component} goes back from sequence {seen} to {found} without a signed allow_downgrade"
    )]
    SequenceRolledBack {
        /// Name of the component.
        component: String,
        /// The manifest's sequence number.
        found: u64,
        /// The highest one seen.
        seen: u64,
    },
    /// A root does not come right after the one it was to follow.
    #[error("it is root {found}, and only the one after {after} can follow root {after}")]
    RootOrder {
        /// The version it says it has.
        found: u64,
        /// The version that is trusted.
        after: u64,
    },
    /// A walk along the roots has taken all the steps it may.
    #[error("more than {} roots in one walk", crate::MAX_WALK)]
    WalkTooLong,
    /// The manifest was signed under a root that is newer than the trusted one.
    #[error(
        "it was signed under root {needs} and this host trusts root {has}; the roots between are needed first"
    )]
    RootBehind {
        /// The root it was signed under.
        needs: u64,
        /// The newest trusted root.
        has: u64,
    },
    /// The manifest was signed before its channel was reset, so it may be what made that necessary.
    #[error("it was signed under root {root}, before root {reset} reset its channel")]
    BeforeReset {
        /// The root it was signed under.
        root: u64,
        /// The root that reset the channel.
        reset: u64,
    },
    /// A key file cannot be read as a key.
    #[error("it is not a key: {0}")]
    NotAKey(&'static str),
}

impl Error {
    pub(crate) fn senseless(part: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Senseless {
            part,
            detail: detail.to_string(),
        }
    }
}

/// Names the keys that did not match, if any.
struct Mismatch<'a>(&'a [String]);

impl std::fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(
            f,
            "; the signature of key {} does not match",
            self.0.join(", ")
        )
    }
}
