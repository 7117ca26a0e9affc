//! Everything that can go wrong while fetching.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use shared_delta::DeltaError;
use shared_slots::Digest;

/// Why a fetch failed. The texts fit after "… failed: " and name what was seen.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be made; a broken system proxy or certificate store.
    #[error("cannot set up HTTP: {0}")]
    Setup(String),
    /// No answer: name, address, connection, TLS, or too many redirects.
    #[error("cannot reach {url}: {cause}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// The innermost cause.
        cause: String,
    },
    /// The server answered with a status that is no success.
    #[error("{url} answered {status}")]
    Server {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The answer is a web page: a captive portal, or a wrong address.
    #[error("{url} answered with a web page; is the address right, and the network logged in?")]
    NotTheFile {
        /// What was asked for.
        url: String,
    },
    /// The answer is compressed on its way, which nobody asked for; what comes out of it has no
    /// bound.
    #[error("{url} answered in the encoding {encoding}, which was not asked for")]
    Encoded {
        /// What was asked for.
        url: String,
        /// Its `Content-Encoding`.
        encoding: String,
    },
    /// More bytes than there may be.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The size that was promised, or the most that is accepted.
        limit: u64,
    },
    /// The server says that it sent all, and it is too little.
    #[error("it is truncated: {received} of {size} bytes")]
    TooShort {
        /// Bytes that are there.
        received: u64,
        /// Bytes there should be.
        size: u64,
    },
    /// The connection ended in the middle.
    #[error("the connection broke after {received} bytes: {cause}")]
    BrokenOff {
        /// Bytes that are there, those of earlier tries included.
        received: u64,
        /// The innermost cause.
        cause: String,
    },
    /// The connection is open, and nothing comes.
    #[error("no byte came for {seconds} s, after {received}")]
    Stalled {
        /// The stall limit.
        seconds: u64,
        /// Bytes that are there, those of earlier tries included.
        received: u64,
    },
    /// Bytes come, but so few that the file might never be whole.
    #[error("only {bytes} bytes came within {seconds} s, after {received}")]
    Trickles {
        /// Bytes that came in that time.
        bytes: u64,
        /// The time.
        seconds: u64,
        /// Bytes that are there, those of earlier tries included.
        received: u64,
    },
    /// A document comes, but so slowly that it might never end.
    #[error("it did not come within {seconds} s")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The server answered a range request with another range.
    #[error("the server sent bytes {found} when asked for those from {wanted}")]
    WrongRange {
        /// Its `Content-Range`.
        found: String,
        /// The offset that was asked for.
        wanted: u64,
    },
    /// All bytes are there, and they are not the ones that were promised.
    #[error("its sha256 is {found}, not {wanted}")]
    WrongDigest {
        /// Digest of what came.
        found: Digest,
        /// Digest that was promised.
        wanted: Digest,
    },
    /// The wanted file cannot be made from what was fetched.
    #[error("{0}")]
    Patch(#[from] DeltaError),
    /// There is no address to ask.
    #[error("the release names no address for it")]
    NoSource,
    /// The partial file cannot be read or written.
    #[error("cannot use {}: {cause}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
}

impl FetchError {
    /// How long the server asks to be left alone, if it does.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the next try may fare better, and costs little because it goes on where this one
    /// stopped. Otherwise the server has the wrong bytes or this disk has no room for them, and
    /// all of them would come again for nothing.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Server { .. }
            | Self::BrokenOff { .. }
            | Self::Stalled { .. }
            | Self::Trickles { .. }
            | Self::TooSlow { .. } => true,
            Self::Setup(_)
            | Self::NotTheFile { .. }
            | Self::Encoded { .. }
            | Self::Patch(_)
            | Self::NoSource
            | Self::TooLong { .. }
            | Self::TooShort { .. }
            | Self::WrongRange { .. }
            | Self::WrongDigest { .. }
            | Self::Disk { .. } => false,
        }
    }

    /// Whether the disk has no room for it.
    pub fn is_disk_full(&self) -> bool {
        let full = [
            std::io::ErrorKind::StorageFull,
            std::io::ErrorKind::QuotaExceeded,
        ];
        match self {
            Self::Disk { cause, .. } | Self::Patch(DeltaError::Disk { cause, .. }) => {
                full.contains(&cause.kind())
            }
            _ => false,
        }
    }

    /// Whether the address has something else than the wanted bytes, so that asking it again would
    /// bring them again.
    pub(crate) const fn is_wrong_bytes(&self) -> bool {
        matches!(
            self,
            Self::NotTheFile { .. }
                | Self::Encoded { .. }
                | Self::TooLong { .. }
                | Self::TooShort { .. }
                | Self::WrongRange { .. }
                | Self::WrongDigest { .. }
        )
    }

    pub(crate) fn disk(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Disk { path, cause }
    }
}

/// An address for people: without the user and password that may stand in it.
pub(crate) fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            // They fail for addresses that can have neither.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.into()
        }
        _ => url.to_owned(),
    }
}

/// The text at the bottom of an error chain: the one that says what happened.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
