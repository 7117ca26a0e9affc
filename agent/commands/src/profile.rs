//! `--profile` of a subcommand.

use std::io::Write as _;

use agent_profile::Profile;

/// Does the work under the profile that is asked for, if any. What becomes of the profile is said
/// on standard error, and changes nothing else.
pub(crate) fn during<T>(kind: &str, work: impl FnOnce() -> T) -> T {
    if kind.is_empty() {
        return work();
    }
    let profile = Profile::begin(kind, &std::env::temp_dir());
    let done = work();
    let text = match profile.map(Profile::finish) {
        Ok(Ok(written)) => format!("CPU profile written to {}", written.path.display()),
        Ok(Err(error)) => format!("the CPU profile cannot be written: {error}"),
        Err(error) => error.to_string(),
    };
    let _ = writeln!(std::io::stderr(), "buildkite-agent: {text}");
    done
}
