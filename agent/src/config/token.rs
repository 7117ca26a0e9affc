//! The registration token: written out, in a file, or in an open descriptor.

use std::io::Read as _;
use std::path::PathBuf;

use shared_protocol::Secret;

use crate::os;

/// Longest token that is read from a file or descriptor, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// None was given.
    #[error(
        "missing token; set it with --token, BUILDKITE_AGENT_TOKEN, or `token=` in the config file"
    )]
    Missing,
    /// The file or descriptor cannot be read.
    #[error("token cannot be read from {0}: {1}")]
    Unreadable(String, std::io::Error),
    /// The file or descriptor holds nothing, or too much to be a token.
    #[error("what was read from {0} is no token: {1}")]
    NoToken(String, &'static str),
}

/// Reads the token that `text` means.
pub fn read(text: &str) -> Result<Secret, TokenError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TokenError::Missing);
    }
    let file = if let Some(path) = text.strip_prefix("file://") {
        std::fs::File::open(PathBuf::from(path))
    } else if let Some(number) = text.strip_prefix("fd://") {
        os::inherited_file(number)
    } else {
        return Ok(Secret::new(text));
    };
    let mut token = String::new();
    file.and_then(|file| file.take(LIMIT + 1).read_to_string(&mut token))
        .map_err(|error| TokenError::Unreadable(text.to_owned(), error))?;
    let no_token = |why| Err(TokenError::NoToken(text.to_owned(), why));
    match token.trim() {
        "" => no_token("it is empty"),
        _ if token.len() as u64 > LIMIT => no_token("it is longer than 64 KiB"),
        token => Ok(Secret::new(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_each_place_and_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "  from-a-file\n\n").unwrap();
        let from_file = read(&format!("file://{}", file.display())).unwrap();
        assert_eq!(from_file.expose(), "from-a-file");
        assert_eq!(read(" plain ").unwrap().expose(), "plain");
    }

    #[test]
    fn what_is_no_token_is_said_so_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            read(&format!("file://{}", file.display()))
                .unwrap_err()
                .to_string()
        };
        assert!(write("empty", "\n").contains("it is empty"));
        assert!(write("long", &"x".repeat(65 * 1024)).contains("longer than"));
        assert!(read("").unwrap_err().to_string().contains("missing token"));
        assert!(
            read("file:///no/such/file")
                .unwrap_err()
                .to_string()
                .contains("/no/such")
        );
        assert!(read("fd://x").is_err());
    }
}
