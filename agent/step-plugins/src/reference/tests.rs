//! What references name, what they must not name, and that none leads out of its folder.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Reference {
    Reference::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// Reference, repository, path inside it, short name, name in headers, folder.
const KNOWN: [[&str; 6]; 19] = [
    [
        "github.com/fleet/winch-buildkite-plugin#v1.2",
        "https://github.com/fleet/winch-buildkite-plugin",
        "",
        "winch",
        "winch-buildkite-plugin",
        "github-com-fleet-winch-buildkite-plugin-v1-2",
    ],
    [
        "https://github.com/fleet/winch-buildkite-plugin.git#v1",
        "https://github.com/fleet/winch-buildkite-plugin.git",
        "",
        "winch",
        "winch-buildkite-plugin",
        "github-com-fleet-winch-buildkite-plugin-git-v1",
    ],
    [
        "github.com/fleet/plugins/masts/fore",
        "https://github.com/fleet/plugins",
        "masts/fore",
        "fore",
        "plugins/masts/fore",
        "github-com-fleet-plugins-masts-fore",
    ],
    [
        "bitbucket.org/fleet/plugins/fore#main",
        "https://bitbucket.org/fleet/plugins",
        "fore",
        "fore",
        "plugins/fore",
        "bitbucket-org-fleet-plugins-fore-main",
    ],
    [
        "gitlab.com/fleet/sub/plugins",
        "https://gitlab.com/fleet/sub/plugins",
        "",
        "plugins",
        "plugins",
        "gitlab-com-fleet-sub-plugins",
    ],
    [
        "git.boat.test/fleet/plugins.git/fore",
        "https://git.boat.test/fleet/plugins.git",
        "fore",
        "fore",
        "plugins/fore",
        "git-boat-test-fleet-plugins-git-fore",
    ],
    [
        "https://git.boat.test:8443/winch",
        "https://git.boat.test:8443/winch",
        "",
        "winch",
        "winch",
        "git-boat-test-8443-winch",
    ],
    [
        "ssh://git@boat.test/fleet/winch.git#v1",
        "ssh://git@boat.test/fleet/winch.git",
        "",
        "winch-git",
        "winch",
        "boat-test-fleet-winch-git-v1",
    ],
    [
        "https://me:pass@boat.test/fleet/winch",
        "https://me:pass@boat.test/fleet/winch",
        "",
        "winch",
        "winch",
        "boat-test-fleet-winch",
    ],
    [
        "http://boat.test/winch",
        "http://boat.test/winch",
        "",
        "winch",
        "winch",
        "boat-test-winch",
    ],
    [
        "git://boat.test/winch",
        "git://boat.test/winch",
        "",
        "winch",
        "winch",
        "boat-test-winch",
    ],
    [
        "file:///srv/winch#v1",
        "/srv/winch",
        "",
        "winch",
        "winch",
        "srv-winch-v1",
    ],
    [
        "ssh:///srv/ssh://-x",
        "/srv/ssh://-x",
        "",
        "-x",
        "-x",
        "srv-ssh-x",
    ],
    [
        "/srv/rig.git/masts/fore",
        "/srv/rig.git",
        "masts/fore",
        "fore",
        "fore",
        "srv-rig-git-masts-fore",
    ],
    [
        "/srv/Big-Winch-buildkite-plugin.git/",
        "/srv/Big-Winch-buildkite-plugin.git",
        "",
        "big-winch",
        "big-winch",
        "srv-Big-Winch-buildkite-plugin-git",
    ],
    [
        "/srv/.hidden",
        "/srv/.hidden",
        "",
        "hidden",
        "hidden",
        "srv-hidden",
    ],
    [
        "/srv/a  b_ü",
        "/srv/a  b_ü",
        "",
        "a-b--",
        "a-b--",
        "srv-a-b",
    ],
    [
        "winch/deck",
        "https://winch/deck",
        "",
        "deck",
        "deck",
        "winch-deck",
    ],
    [
        "github.com/fleet/plugins/../../x",
        "https://github.com/fleet/plugins",
        "../../x",
        "x",
        "plugins/../../x",
        "github-com-fleet-plugins-x",
    ],
];

#[test]
fn a_reference_gives_repository_path_names_and_folder() {
    for [text, repository, subdirectory, name, display_name, folder] in KNOWN {
        let reference = read(text);
        let source = Source::Git {
            repository: repository.into(),
            subdirectory: subdirectory.into(),
        };
        assert_eq!(reference.source(), Ok(source), "{text}");
        assert_eq!(reference.name(), name, "{text}");
        assert_eq!(reference.display_name(), display_name, "{text}");
        assert_eq!(reference.folder().as_deref(), Ok(folder), "{text}");
    }
}

#[test]
fn a_path_with_a_dot_lies_in_the_checkout() {
    for (text, name) in [
        ("./.buildkite/plugins/Deck-Crane", "deck-crane"),
        ("../crane", "crane"),
        (".\\plugins\\crane", "crane"),
        (".crane", "crane"),
    ] {
        let reference = read(text);
        assert_eq!(reference.source(), Ok(Source::Vendored(text.into())));
        assert_eq!(reference.name(), name);
        assert_eq!(reference.display_name(), name);
    }
}

#[test]
fn an_archive_comes_from_a_file_or_over_http() {
    for (text, archive, name) in [
        (
            "zip+file:///srv/w.zip",
            Archive::File("/srv/w.zip".into()),
            "w-zip",
        ),
        (
            "zip+https://me:pass@boat.test/a/w.zip#sha256:00",
            Archive::Http("https://me:pass@boat.test/a/w.zip".into()),
            "w-zip",
        ),
        (
            "zip+http://boat.test/w",
            Archive::Http("http://boat.test/w".into()),
            "w",
        ),
    ] {
        let reference = read(text);
        assert_eq!(reference.source(), Ok(Source::Zip(archive)));
        assert_eq!(reference.name(), name);
    }
}

#[test]
fn what_cannot_be_a_plugin_is_refused() {
    let flag = |text: &str| ReferenceError::Flag(text.into());
    let scheme = |text: &str| ReferenceError::Scheme(text.into());
    for (text, error) in [
        ("", ReferenceError::NoPlace),
        ("#v1", ReferenceError::NoPlace),
        ("ext::sh -c touch", ReferenceError::NoPlace),
        ("C:\\plugins", ReferenceError::NoPlace),
        ("winch", ReferenceError::Incomplete),
        ("github.com/fleet", ReferenceError::Incomplete),
        ("gitlab.com/fleet", ReferenceError::Incomplete),
        ("--upload-pack=touch", ReferenceError::Incomplete),
        ("--upload-pack=touch/x", flag("--upload-pack=touch/x")),
        (
            "ssh://-oProxyCommand=touch/x",
            flag("-oProxyCommand=touch/x"),
        ),
        ("ssh://-l@boat.test/x", flag("-l")),
        (
            "/srv/winch#--upload-pack=touch",
            flag("--upload-pack=touch"),
        ),
        ("/srv/winch#-x", flag("-x")),
        ("ext://sh/x", scheme("ext")),
        ("fd://7/x", scheme("fd")),
        ("zip+ssh://boat.test/x", scheme("zip+ssh")),
        ("zip+ext://boat.test/x", scheme("zip+ext")),
        ("a#b#c", ReferenceError::TwoVersions),
        ("/srv/x#a%23b", ReferenceError::TwoVersions),
        ("/srv/x%0a", ReferenceError::Control),
        ("/srv/x#%00", ReferenceError::Control),
        ("/a\0b", ReferenceError::Address(AddressError::Control)),
        (
            "git@boat.test:a/b.git",
            ReferenceError::Address(AddressError::Colon),
        ),
    ] {
        let refused = Reference::parse(text).and_then(|reference| reference.source());
        assert_eq!(refused, Err(error), "{text:?}");
    }
    let long = format!("/{}", "a".repeat(MOST_BYTES));
    assert_eq!(Reference::parse(&long), Err(ReferenceError::TooLong));
    assert_eq!(read(&long[..300]).folder(), Err(ReferenceError::TooLong));
    assert_eq!(read("/..//../").folder(), Err(ReferenceError::NoPlace));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_its_folder_names_no_other_place(text in hostile()) {
        let Ok(reference) = Reference::parse(&text) else { return Ok(()) };
        if let Ok(folder) = reference.folder() {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            prop_assert!(folder.chars().all(plain));
            prop_assert!(!folder.starts_with('-') && folder.len() <= FOLDER_BYTES);
        }
        let name = reference.name();
        prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        reference.display_name();
        match reference.source() {
            Ok(Source::Git { repository, .. }) => {
                prop_assert!(repository.starts_with('/') || repository.contains("://"));
                let place = repository.split_once("://").filter(|_| !repository.starts_with('/'));
                prop_assert!(!place.is_some_and(|(scheme, place)| scheme == "ext" || place.starts_with('-')));
                prop_assert!(!repository.chars().any(char::is_control));
            }
            Ok(Source::Vendored(path)) => prop_assert!(path.starts_with('.')),
            Ok(Source::Zip(_)) | Err(_) => {}
        }
        prop_assert!(!reference.version().is_some_and(|version| version.chars().any(char::is_control)));
    }
}

/// Texts with a liking for what matters in addresses.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "..",
        ".",
        "/",
        "\\",
        "#",
        "-",
        "--upload-pack=x",
        "ext::",
        "ssh://",
        "https://",
        "zip+",
        "file:///",
        "@",
        ":",
        "%",
        "%00",
        "%2e",
        "%2f",
        "github.com",
        "gitlab.com",
        ".git",
        "a",
        "Ü",
        " ",
        "\n",
        "?",
        "[",
        "]",
        "-buildkite-plugin",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(parts, 0..10).prop_map(|parts| parts.concat()),
    ]
}

#[test]
fn slashes_and_dots_that_lead_nowhere_make_no_other_plugin() {
    for (text, wanted) in [
        ("/srv//a/./b/#v/1", "/srv/a/b#v/1"),
        ("github.com/a/b#v1", "github.com/a/b#v1"),
        ("https://h/a/", "h/a"),
        ("/srv/a/../b", "/srv/a/../b"),
        ("/", "/"),
    ] {
        let reference = Reference::parse(text).expect("reference");
        assert_eq!(reference.place_and_version(), wanted, "{text}");
    }
}

#[test]
fn a_password_or_a_token_is_secret_and_a_user_is_not() {
    let token = "0123456789abcdef0123";
    for (user, secret) in [
        ("", None),
        ("git@", None),
        ("me:sesame@", Some("sesame")),
        ("me:a:b@", Some("a:b")),
        ("x-access-token:sesame@", Some("sesame")),
        ("sesame:x-oauth-basic@", Some("sesame")),
        ("sesame:@", Some("sesame")),
        ("0123456789abcdef0123@", Some(token)),
    ] {
        let reference = Reference::parse(&format!("https://{user}h/a/b")).expect("reference");
        assert_eq!(reference.secret(), secret, "{user}");
    }
    let long = format!("ssh://{token}@h/a/b");
    assert_eq!(Reference::parse(&long).expect("reference").secret(), None);
}
