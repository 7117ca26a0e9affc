//! The script that a POSIX shell runs in the place of a hook, so that what the hook did to the shell
//! can be carried over. For other interpreters see [`crate::windows`].
//!
//! It sources the hook and then writes the environment to a file. A hook that ends the shell
//! leaves the file as it was: empty.

use std::path::Path;

use crate::Shebang;

/// Status of the hook, in the wrapper.
pub(crate) const EXIT_STATUS: &str = "BUILDKITE_HOOK_EXIT_STATUS";
/// In the written environment: where the hook ended.
pub const WORKING_DIR: &str = "BUILDKITE_HOOK_WORKING_DIR";
/// In the written environment: the version of bash, empty in other shells.
pub const BASH: &str = "BUILDKITE_HOOK_BASH";

/// What a wrapper needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Posix<'a> {
    /// The hook's first line, for those that start the wrapper as a program.
    pub shebang: Option<&'a Shebang>,
    /// The hook's file; an absolute path.
    pub hook: &'a Path,
    /// A file for what `env` writes before the hook; see [`crate::changes_environment`].
    pub before: Option<&'a Path>,
    /// A program whose option `-0` writes the environment, see [`crate::Dump::parse`].
    pub env: &'a Path,
    /// A file that is there already, for what `env` writes.
    pub dump: &'a Path,
    /// The agent's own program, and the file for what its `env dump` writes, see
    /// [`crate::Dump::parse_json`]. It is asked only where `env` does not know its option.
    pub own: Option<(&'a Path, &'a Path)>,
}

impl Posix<'_> {
    /// The text of the wrapper.
    ///
    /// The hook may have left anything behind: `noclobber` (so `>|`), `nounset` (so `${…-}`), tracing,
    /// another `PATH` or `IFS`. The last two variables exist for `env` alone; no child of the hook
    /// sees them. An environment that cannot be written must not pass for one without changes.
    ///
    /// It is all one command, which a shell reads as a whole: no alias of the hook, no `set -v` and
    /// no closed file changes what comes after it.
    pub fn text(self) -> Vec<u8> {
        const GIVE: &[u8] =
            b"BUILDKITE_HOOK_WORKING_DIR=\"${PWD-}\" BUILDKITE_HOOK_BASH=\"${BASH_VERSION-}\" ";
        let [hook, env, dump] = [self.hook, self.env, self.dump].map(quoted);
        let mut text = Vec::with_capacity(512);
        if let Some(shebang) = self.shebang {
            text.extend(format!("{shebang}\n").into_bytes());
        }
        text.extend(b"{\n");
        if let Some(before) = self.before {
            text.extend(
                [
                    &env,
                    &b" -0 >|"[..],
                    &quoted(before),
                    b" 2>/dev/null || :\n",
                ]
                .concat(),
            );
        }
        text.extend([b". ", &hook[..]].concat());
        text.extend(b"\n{ BUILDKITE_HOOK_EXIT_STATUS=$?; set +x; } 2>/dev/null\n");
        text.extend([GIVE, &env, b" -0 >|", &dump].concat());
        if let Some((own, json)) = self.own {
            let [own, json] = [own, json].map(quoted);
            text.extend(b" 2>/dev/null ||\n");
            text.extend([GIVE, &own, b" env dump >|", &json].concat());
        }
        text.extend(b" || {\n");
        text.extend(b"echo 'What this hook changed cannot be written down, so it fails' >&2\n");
        text.extend(b"exit 125\n}\nexit \"$BUILDKITE_HOOK_EXIT_STATUS\"\n}\n");
        text
    }
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
