//! A plugin as a step names it: where it comes from, what logs and folders call it.

use std::fmt;

use crate::address::{self, Address, AddressError};

/// Longest reference, in bytes. Longer ones cannot be the name of a folder anyway.
pub const MOST_BYTES: usize = 4096;

/// Longest name of a folder, in bytes, on every file system in use.
const FOLDER_BYTES: usize = 255;

/// Longest name of a person or robot that hosts of repositories give, in bytes. Tokens are longer.
const LONGEST_USER: usize = 19;

/// Schemes that git hands to helpers which run what the address says, or read what others opened.
const RUNNING_SCHEMES: [&str; 2] = ["ext", "fd"];

/// Which plugin a step wants.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    location: String,
    version: Option<String>,
    scheme: String,
    user: String,
}

/// How a plugin is got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It lies in the checkout, at this path from its root.
    Vendored(String),
    /// It is cloned.
    Git {
        /// As git takes it. May hold a password.
        repository: String,
        /// Where the plugin lies in it; empty if it is the whole of it.
        subdirectory: String,
    },
    /// It is downloaded and unpacked; the plugin is the whole of it.
    Zip(Archive),
}

/// Where an archive comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// A file of this host.
    File(String),
    /// An address for an HTTP client. May hold a password.
    Http(String),
}

/// Why a reference cannot be used. Nothing was done with it then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It is no address at all.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// More than [`MOST_BYTES`], or too long for a folder.
    #[error("it is too long")]
    TooLong,
    /// Two versions.
    #[error("it has more than one #, so its version is not clear")]
    TwoVersions,
    /// There is no place in it, as in `x:y` or an empty text.
    #[error("it names no place")]
    NoPlace,
    /// A host without a repository.
    #[error("its path is incomplete; write host/owner/repository")]
    Incomplete,
    /// Something that git would take for a flag.
    #[error("{0:?} begins with a dash and could be taken for a flag")]
    Flag(String),
    /// A scheme of which git runs a part as a command.
    #[error("plugins are not fetched with {0}:")]
    Scheme(String),
    /// A decoded control character.
    #[error("it contains an encoded control character")]
    Control,
}

/// Without user and password.
impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.scheme.is_empty() { "" } else { "://" };
        write!(f, "{}{place}{}", self.scheme, self.label())
    }
}

impl Reference {
    /// Reads a reference: `host/owner/repository#version`, an address, a path of this host, or a
    /// path that begins with a dot for one in the checkout.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > MOST_BYTES {
            return Err(ReferenceError::TooLong);
        }
        let Address {
            scheme,
            user,
            host,
            path,
            fragment,
        } = address::split(text)?;
        let location = host + &path;
        if fragment.contains('#') {
            return Err(ReferenceError::TwoVersions);
        }
        if [&location, &fragment, &user]
            .iter()
            .any(|part| part.chars().any(char::is_control))
        {
            return Err(ReferenceError::Control);
        }
        Ok(Self {
            location,
            version: Some(fragment).filter(|version| !version.is_empty()),
            scheme,
            user,
        })
    }

    /// Branch, tag or commit; the digest of an archive.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// User and password for the place it comes from; never part of a name or label.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What logs must not show: the password for the place it comes from, or the token that stands
    /// there in the place of a user.
    pub fn secret(&self) -> Option<&str> {
        let is_web = self.scheme.is_empty() || self.scheme.contains("http");
        match self.user.split_once(':') {
            Some((user, "" | "x-oauth-basic")) => Some(user),
            Some((_, password)) => Some(password),
            None if is_web && self.user.len() > LONGEST_USER => Some(&self.user),
            None => None,
        }
    }

    /// Whether it lies in the checkout.
    pub fn is_vendored(&self) -> bool {
        self.location.starts_with('.')
    }

    /// Location and version, as they are written.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}#{version}", self.location),
            None => self.location.clone(),
        }
    }

    /// As [`Reference::label`], without slashes and dots that lead nowhere.
    pub fn place_and_version(&self) -> String {
        let label = self.label();
        let (place, version) = label.split_at(self.location.len());
        let root = if place.starts_with('/') { "/" } else { "" };
        let parts = place
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<&str> = parts.collect();
        format!("{root}{}{version}", parts.join("/"))
    }

    /// The short name, of which variables are made: the last part of the location in small letters,
    /// without the suffix that plugins share.
    pub fn name(&self) -> String {
        let location = self.location.replace('\\', "/");
        let last = location.trim_end_matches('/').rsplit('/').next();
        let last = last
            .unwrap_or_default()
            .trim_start_matches('.')
            .to_lowercase();
        let mut name = String::with_capacity(last.len());
        let mut in_blanks = false;
        for character in last.chars() {
            let blank = character.is_ascii_whitespace();
            if !(blank && in_blanks) {
                let plain = character.is_ascii_alphanumeric();
                name.push(if plain { character } else { '-' });
            }
            in_blanks = blank;
        }
        name.replace("-buildkite-plugin-git", "")
            .replace("-buildkite-plugin", "")
    }

    /// As headers in the log name it: repository and subdirectory, or the short name for a path.
    pub fn display_name(&self) -> String {
        let is_path = self.location.starts_with(['/', '.']) || self.location.contains('\\');
        let Some((host, subdirectory)) = self.split_location().ok().filter(|_| !is_path) else {
            return self.name();
        };
        let repository = host.rsplit('/').next().unwrap_or(host);
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        match subdirectory {
            "" => repository.to_owned(),
            inner => format!("{repository}/{inner}"),
        }
    }

    /// The folder it is kept in: letters, digits and single dashes only, so that it can never
    /// name another place.
    pub fn folder(&self) -> Result<String, ReferenceError> {
        let label = self.label();
        let parts = label.split(|c: char| !c.is_ascii_alphanumeric());
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        let folder = parts.join("-");
        match folder.len() {
            0 => Err(ReferenceError::NoPlace),
            1..=FOLDER_BYTES => Ok(folder),
            _ => Err(ReferenceError::TooLong),
        }
    }

    /// How it is got. Nothing in the answer can be taken for a flag or runs by itself.
    pub fn source(&self) -> Result<Source, ReferenceError> {
        if self.is_vendored() {
            return Ok(Source::Vendored(self.location.clone()));
        }
        let (host, subdirectory) = self.split_location()?;
        for part in self
            .version
            .as_deref()
            .into_iter()
            .chain([host, &self.user])
        {
            if part.starts_with('-') {
                return Err(ReferenceError::Flag(part.to_owned()));
            }
        }
        if let Some(scheme) = self.scheme.strip_prefix("zip+") {
            return self.archive(scheme).map(Source::Zip);
        }
        if RUNNING_SCHEMES.contains(&self.scheme.as_str()) {
            return Err(ReferenceError::Scheme(self.scheme.clone()));
        }
        let repository = self.with_user(host);
        let repository = match self.scheme.as_str() {
            _ if repository.starts_with('/') => repository,
            "" => format!("https://{repository}"),
            scheme => format!("{scheme}://{repository}"),
        };
        Ok(Source::Git {
            repository,
            subdirectory: subdirectory.to_owned(),
        })
    }

    fn archive(&self, scheme: &str) -> Result<Archive, ReferenceError> {
        match scheme {
            "file" => Ok(Archive::File(self.location.clone())),
            "http" | "https" => {
                let place = self.with_user(&self.location);
                Ok(Archive::Http(format!("{scheme}://{place}")))
            }
            _ => Err(ReferenceError::Scheme(self.scheme.clone())),
        }
    }

    fn with_user(&self, place: &str) -> String {
        match self.user.as_str() {
            "" => place.to_owned(),
            user => format!("{user}@{place}"),
        }
    }

    /// The repository without scheme and user, and the path inside it. Which part of a path is
    /// which depends on the host.
    fn split_location(&self) -> Result<(&str, &str), ReferenceError> {
        let location = self.location.as_str();
        if location.is_empty() {
            return Err(ReferenceError::NoPlace);
        }
        let mut ends = location
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([location.len()]);
        let first = location.split('/').next().unwrap_or_default();
        let end = match first {
            _ if !location.contains('/') => return Err(ReferenceError::Incomplete),
            "github.com" | "bitbucket.org" => ends.nth(2).ok_or(ReferenceError::Incomplete)?,
            "gitlab.com" => ends
                .nth(2)
                .map(|_| location.len())
                .ok_or(ReferenceError::Incomplete)?,
            _ => ends
                .find(|end| location.as_bytes()[..*end].ends_with(b".git"))
                .unwrap_or(location.len()),
        };
        let inner = location[end..].trim_start_matches('/');
        Ok((
            &location[..end],
            inner.strip_suffix(".git").unwrap_or(inner),
        ))
    }
}

#[cfg(test)]
mod tests;
