//! Named points between "this is durable" and "now act on it", where a test may end the process.
//!
//! Built only with the feature `checkpoints`, and then only for the name in `TRIREME_KILL_AT`.

/// Every name, in the order in which an upgrade passes them.
pub(crate) const ALL: [&str; 6] = [
    "manifest-kept",
    "staged",
    "armed",
    "try-counted",
    "settled",
    "swept",
];

/// Ends the process here, as a power cut would, if a test asked for it.
#[cfg(feature = "checkpoints")]
pub(crate) fn reached(name: &'static str) {
    debug_assert!(ALL.contains(&name), "{name} is not in the list");
    if std::env::var_os("TRIREME_KILL_AT").is_some_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing, in a release.
#[cfg(not(feature = "checkpoints"))]
pub(crate) fn reached(name: &'static str) {
    debug_assert!(ALL.contains(&name), "{name} is not in the list");
}
