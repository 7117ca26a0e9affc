//! The script that a shell runs in the place of a hook, so that what the hook did to the shell can
//! be carried over.
//!
//! It sources the hook and then writes the environment to a file. A hook that ends the shell
//! leaves the file as it was: empty.

use std::path::Path;

/// Status of the hook, in the wrapper.
pub(crate) const EXIT_STATUS: &str = "BUILDKITE_HOOK_EXIT_STATUS";
/// In the written environment: where the hook ended.
pub const WORKING_DIR: &str = "BUILDKITE_HOOK_WORKING_DIR";
/// In the written environment: the version of bash, empty in other shells.
pub const BASH: &str = "BUILDKITE_HOOK_BASH";

/// The wrapper for POSIX shells. `env` is the path of a program whose option `-0` writes the
/// environment; `dump` is a file that exists.
///
/// The hook may have left anything behind: `noclobber` (so `>|`), `nounset` (so `${…-}`), another
/// `PATH` or `IFS`. The two variables exist for `env` alone and are not the hook's to see.
pub fn posix(hook: &Path, env: &Path, dump: &Path) -> Vec<u8> {
    let [hook, env, dump] = [hook, env, dump].map(quoted);
    [
        b". ".as_slice(),
        &hook,
        b"\nBUILDKITE_HOOK_EXIT_STATUS=$?\n",
        b"BUILDKITE_HOOK_WORKING_DIR=\"${PWD-}\" BUILDKITE_HOOK_BASH=\"${BASH_VERSION-}\" ",
        &env,
        b" -0 >|",
        &dump,
        b" || exit 125\nexit \"$BUILDKITE_HOOK_EXIT_STATUS\"\n",
    ]
    .concat()
}

/// The path as a shell reads it back, whatever bytes it has.
fn quoted(path: &Path) -> Vec<u8> {
    let mut text = vec![b'\''];
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\'' => text.extend_from_slice(b"'\\''"),
            other => text.push(*other),
        }
    }
    text.push(b'\'');
    text
}
