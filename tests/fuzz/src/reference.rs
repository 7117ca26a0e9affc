//! References to plugins, which strangers write: one that is accepted can only lead to a folder of
//! its own, and nothing of it can be taken for a flag or a command.

use agent_step_plugins::{Archive, Reference, Source};

/// Parts of references.
pub(crate) const WORDS: &[&str] = &[
    "https://",
    "ssh://",
    "file://",
    "zip+https://",
    "ext::",
    "fd::",
    "git@",
    "user:pass@",
    "github.com/",
    "gitlab.com/",
    "host:22/",
    "org/",
    "-buildkite-plugin",
    ".git",
    "/",
    "//",
    "..",
    "../",
    "./",
    "#",
    "#v1.2.3",
    "%2e%2e",
    "%2F",
    "%23",
    "%0a",
    "%00",
    "%",
    "--upload-pack=",
    "-",
    "\\",
    "?",
    "?x=1",
    " ",
    "\u{130}",
    "é",
];

/// Reads a reference and follows everything that is made of it.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(reference) = Reference::parse(&text) else {
        return;
    };
    let name = reference.name();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(name.chars().all(plain), "the name {name:?}");
    let label = reference.label();
    assert!(!label.chars().any(char::is_control), "the label {label:?}");
    if let Ok(folder) = reference.folder() {
        assert!((1..=255).contains(&folder.len()), "the folder {folder:?}");
        let letters = folder
            .split('-')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
        assert!(letters, "the folder {folder:?}");
    }
    match reference.source() {
        Ok(Source::Vendored(path)) => assert!(path.starts_with('.'), "{path:?}"),
        Ok(Source::Git {
            repository,
            subdirectory,
        }) => {
            no_flag(&reference, &repository);
            let location = reference.label();
            let place = without_user(&repository, reference.user());
            let rest = location
                .strip_prefix(place)
                .unwrap_or_else(|| panic!("{repository:?} is not the place of {location:?}"));
            assert!(
                rest.trim_start_matches('/').starts_with(&subdirectory),
                "{subdirectory:?} in {rest:?}"
            );
            assert!(!subdirectory.starts_with('/'), "{subdirectory:?}");
        }
        Ok(Source::Zip(Archive::Http(address))) => {
            assert!(
                address.starts_with("http://") || address.starts_with("https://"),
                "{address:?}"
            );
        }
        Ok(Source::Zip(Archive::File(_))) | Err(_) => {}
    }
}

/// What follows the scheme and the user, which is how a label begins.
fn without_user<'a>(repository: &'a str, user: &str) -> &'a str {
    if repository.starts_with('/') {
        return repository;
    }
    let place = repository.split_once("://").map_or("", |(_, place)| place);
    let host = place
        .strip_prefix(user)
        .and_then(|rest| rest.strip_prefix('@'));
    host.filter(|_| !user.is_empty()).unwrap_or(place)
}

/// git takes what begins with a dash for a flag, `helper::address` for a program to run, and hands
/// a host to ssh as an argument.
fn no_flag(reference: &Reference, repository: &str) {
    let scheme = repository.split_once("://").map(|(scheme, _)| scheme);
    let known = |scheme: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain)
    };
    assert!(
        repository.starts_with('/') || scheme.is_some_and(known),
        "{repository:?}"
    );
    assert!(!matches!(scheme, Some("ext" | "fd")), "{repository:?}");
    for part in [
        repository,
        without_user(repository, reference.user()),
        reference.user(),
    ] {
        assert!(!part.starts_with('-'), "{part:?} of {repository:?}");
    }
    assert!(
        !reference
            .version()
            .is_some_and(|version| version.starts_with('-'))
    );
    assert!(!repository.chars().any(char::is_control), "{repository:?}");
}
