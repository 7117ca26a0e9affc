//! Command line and environment, parsed once into what the rest of the program needs.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use shared_handover::exit::Exit;
use tracing::level_filters::LevelFilter;

use crate::run;

/// Keeps one Trireme agent running and upgrades it. Started by the bootstrapper.
#[derive(Parser)]
#[command(name = "launcher", disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until stopped.
    Run(Box<Settings>),
}

/// What `launcher run` was told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Folder with everything this host has installed.
    #[arg(long, env = "TRIREME_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: PathBuf,
    /// Address of the server; agents use its `/v3` unless configured otherwise.
    #[arg(long, env = "TRIREME_SERVER_URL", value_name = "URL", value_parser = parse_url)]
    pub(crate) server_url: String,
    /// Address of the release tree, if it is not `<server-url>/releases`.
    #[arg(long, env = "TRIREME_RELEASE_URL", value_name = "URL", value_parser = parse_url)]
    release_url: Option<String>,
    /// Stream of releases to follow.
    #[arg(
        long,
        env = "TRIREME_CHANNEL",
        value_name = "NAME",
        default_value = "stable"
    )]
    pub(crate) channel: String,
    /// Root file to trust; needed at the first start only.
    #[arg(long, env = "TRIREME_TRUST_ROOT", value_name = "FILE")]
    pub(crate) trust_root: Option<PathBuf>,
    /// Configuration file for the agent.
    #[arg(long, env = "TRIREME_AGENT_CONFIG", value_name = "FILE")]
    pub(crate) agent_config: Option<PathBuf>,
    /// Seconds between two checks for a release.
    #[arg(
        long,
        env = "TRIREME_POLL_INTERVAL",
        value_name = "SECONDS",
        default_value_t = 300
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    poll_interval: u32,
    /// Seconds that a new version must live and answer before it is committed.
    #[arg(
        long,
        env = "TRIREME_GATE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 60
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    gate_seconds: u32,
    /// Further argument for the agent; may be given several times.
    #[arg(long = "agent-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) agent_args: Vec<OsString>,
    /// Least important lines to log: off, error, warn, info, debug or trace.
    #[arg(
        long,
        env = "TRIREME_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    #[arg(value_parser = shared_telemetry::parse_level)]
    pub(crate) log_level: LevelFilter,
}

impl Settings {
    /// Where the release tree begins, without a slash at its end.
    pub(crate) fn release_base(&self) -> String {
        match &self.release_url {
            Some(url) => url.clone(),
            None => format!("{}/releases", self.server_url),
        }
    }

    /// Time between two checks.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_interval.into())
    }

    /// How long a new version must live and answer.
    pub(crate) fn gate(&self) -> Duration {
        Duration::from_secs(self.gate_seconds.into())
    }
}

/// The program: `stamp` is its version. Arguments come from the process.
pub fn main(stamp: &'static str) -> ExitCode {
    match parse(stamp, std::env::args_os()) {
        Ok(settings) => run::start(&settings, stamp).into(),
        Err(refusal) => {
            let text = refusal.render();
            if refusal.use_stderr() {
                let _ = write!(std::io::stderr(), "{text}");
                Exit::Usage.into()
            } else {
                let _ = write!(std::io::stdout(), "{text}");
                Exit::Success.into()
            }
        }
    }
}

fn parse(
    stamp: &'static str,
    args: impl IntoIterator<Item = OsString>,
) -> Result<Settings, clap::Error> {
    let matches = Line::command().version(stamp).try_get_matches_from(args)?;
    let Command::Run(settings) = Line::from_arg_matches(&matches)?.command;
    Ok(*settings)
}

/// An `http` or `https` address, without a slash at its end.
fn parse_url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or("it must begin with http:// or https://")?;
    if rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace) {
        return Err("it names no host".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Err("it must not have a query or fragment".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Settings, String> {
        let args = ["launcher", "run"].iter().chain(words);
        parse("1.2.3", args.map(OsString::from)).map_err(|error| error.to_string())
    }

    const NEEDED: [&str; 4] = ["--state-dir", "/s", "--server-url", "http://h:1/"];

    #[test]
    fn the_definition_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn defaults_stand_for_what_is_not_said() {
        let settings = parse_words(&NEEDED).unwrap();
        assert_eq!(settings.release_base(), "http://h:1/releases");
        assert_eq!(settings.poll(), Duration::from_mins(5));
        assert_eq!(settings.gate(), Duration::from_mins(1));
        assert_eq!(settings.channel, "stable");
    }

    #[test]
    fn agent_arguments_may_look_like_flags() {
        let mut words = NEEDED.to_vec();
        words.extend(["--agent-arg", "--spawn=2", "--agent-arg", "-x"]);
        assert_eq!(parse_words(&words).unwrap().agent_args, ["--spawn=2", "-x"]);
    }

    #[test]
    fn wrong_words_are_refused_by_name() {
        let cases: [(&[&str], &str); 5] = [
            (&["--server-url", "ftp://x"], "http://"),
            (&["--server-url", "http:///x"], "names no host"),
            (&["--poll-interval", "0"], "--poll-interval"),
            (&["--log-level", "loud"], "--log-level"),
            (&["--mood", "good"], "--mood"),
        ];
        for (words, named) in cases {
            let mut all = NEEDED.to_vec();
            if words[0] == "--server-url" {
                all.truncate(2);
            }
            all.extend(words);
            let error = parse_words(&all).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        let missing = parse_words(&NEEDED[..2]).unwrap_err();
        assert!(missing.contains("--server-url"), "{missing}");
    }

    #[test]
    fn the_version_is_the_stamp() {
        let error = parse("1.2.3", ["launcher", "--version"].map(OsString::from)).unwrap_err();
        assert_eq!(error.to_string(), "launcher 1.2.3\n");
    }
}
