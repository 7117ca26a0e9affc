//! Names of HTTP headers that the Agent API gives a meaning.

/// `Buildkite-Timeout-Milliseconds`: how long the caller will still wait for this answer.
pub const TIMEOUT_MILLISECONDS: &str = "Buildkite-Timeout-Milliseconds";

/// `X-Buildkite-Lock-Acquire-Job`: `1` asks that a job be held for this worker before anybody may run
/// it.
pub const LOCK_ACQUIRE_JOB: &str = "X-Buildkite-Lock-Acquire-Job";

/// `X-Buildkite-Backoff-Sequence`: how often the same request was made before, from 0.
pub const BACKOFF_SEQUENCE: &str = "X-Buildkite-Backoff-Sequence";

/// Only server-specified headers whose name starts with this are kept and sent back.
pub const REQUEST_HEADER_PREFIX: &str = "Buildkite-";

/// `Trireme-Release-Serial`: in the answer to a ping, the serial of the release this worker's host
/// should run, as a decimal number. Endpoints other than Trireme's server do not send it.
pub const RELEASE_SERIAL: &str = "Trireme-Release-Serial";

/// Jobs get the headers that an endpoint asked for as variables whose names begin with this.
pub const REQUEST_HEADER_VARIABLE: &str = "BUILDKITE_REQUEST_HEADER_";

/// The variable that tells a job about a requested header.
pub fn variable_of_header(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace('-', "_");
    format!("{REQUEST_HEADER_VARIABLE}{name}")
}

/// The header that a variable tells about, if it tells about one.
///
/// Case means nothing in a header's name, so each word gets one capital letter.
pub fn header_of_variable(variable: &str) -> Option<String> {
    let words = variable.strip_prefix(REQUEST_HEADER_VARIABLE)?.split('_');
    let words = words.map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    });
    let name = words.collect::<Vec<_>>().join("-");
    name.starts_with(REQUEST_HEADER_PREFIX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requested_header_survives_the_way_through_a_variable() {
        let variable = variable_of_header("Buildkite-Shard-Key");
        assert_eq!(variable, "BUILDKITE_REQUEST_HEADER_BUILDKITE_SHARD_KEY");
        let header = header_of_variable(&variable);
        assert_eq!(header.as_deref(), Some("Buildkite-Shard-Key"));
    }

    #[test]
    fn no_other_variable_is_a_header() {
        for name in [
            "PATH",
            "BUILDKITE_REQUEST_HEADER_",
            "BUILDKITE_REQUEST_HEADER_AUTHORIZATION",
            "BUILDKITE_REQUEST_HEADER_BUILDKITE",
            "BUILDKITE_REQUEST_HEADER_\u{fc}_X",
        ] {
            assert_eq!(header_of_variable(name), None, "{name}");
        }
    }
}
