//! Variables that the agent reads from its environment and that are no settings. Whoever makes it
//! read another one adds a row; `docs/configuration.md` is made from them.

/// Name, and what it does.
#[rustfmt::skip] // one variable a line
pub const OTHER_VARIABLES: &[(&str, &str)] = &[
    ("HOME", "where `~` is"),
    ("TMPDIR", "folder for temporary files; `/tmp` without it"),
    ("HTTP_PROXY", "proxy for addresses that begin with `http:`; lower case is understood, too"),
    ("HTTPS_PROXY", "proxy for addresses that begin with `https:`; lower case is understood, too"),
    ("NO_PROXY", "hosts that are reached without a proxy, as `http:` addresses of this one always are; lower case is understood, too"),
    ("SSL_CERT_FILE", "file of CA certificates, in the place of the system's"),
    ("SSL_CERT_DIR", "folder of CA certificates, in the place of the system's"),
    ("NO_COLOR", "when set: no colours, as with `no-color`"),
    ("TRIREME_STATE_DIR", "set by the launcher: folder of the host's state"),
    ("TRIREME_STANDBY", "set by the launcher: start without taking jobs"),
    ("TRIREME_AGENT_DIGEST", "set by the launcher: sha256 of the agent's file"),
    ("TRIREME_RELEASE_SERIAL", "set by the launcher: serial of the release the agent came with"),
    ("TRIREME_DEFAULT_ENDPOINT", "set by the launcher: endpoint of its server, used when no setting names one"),
    ("TRIREME_PLUGINS", "set by the launcher: archive of native plugins"),
];
