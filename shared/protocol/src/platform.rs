//! Operating systems and architectures in Go's spelling, which is the Agent API's. Pure.
//!
//! Source: `go tool dist list`.

/// This program's operating system, such as `linux` or `darwin`.
pub fn system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// This program's architecture, such as `amd64`.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        other => other,
    }
}
