//! Command line and environment, parsed once into what the rest of the program needs.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use shared_control::policy::Mode;
use shared_fetch::Options;
use shared_handover::exit::Exit;
use tracing::level_filters::LevelFilter;

use crate::run;

/// The shortest time that can be set.
const SHORTEST: Duration = Duration::from_millis(50);

/// The longest time that can be set.
const LONGEST: Duration = Duration::from_hours(24 * 365);

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
    /// Apply a delta, for the launcher that runs; not meant for people.
    #[command(hide = true)]
    ApplyDelta {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
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
    #[arg(long, env = "TRIREME_POLL_INTERVAL", value_name = "SECONDS")]
    #[arg(default_value = "300", value_parser = parse_seconds)]
    pub(crate) poll_interval: Duration,
    /// Seconds that a new version must live and answer before it is committed.
    #[arg(long, env = "TRIREME_GATE_SECONDS", value_name = "SECONDS")]
    #[arg(default_value = "60", value_parser = parse_seconds)]
    pub(crate) gate_seconds: Duration,
    /// What happens to a newer release: auto, window, pin or off. `policy.json` in the state folder
    /// counts for more.
    #[arg(long, env = "TRIREME_UPDATE_MODE", value_name = "MODE")]
    #[arg(default_value = "auto", value_parser = parse_mode)]
    pub(crate) update_mode: Mode,
    /// Address of a copy of the release tree nearby, asked before the server; may be given several
    /// times.
    #[arg(
        long = "mirror",
        env = "TRIREME_MIRRORS",
        value_name = "URL",
        value_delimiter = ','
    )]
    #[arg(value_parser = parse_url)]
    pub(crate) mirrors: Vec<String>,
    /// Folder with a copy of the release tree, looked into before any server; `drop` in the state
    /// folder if it is not given.
    #[arg(long, env = "TRIREME_DROP_DIR", value_name = "DIR")]
    pub(crate) drop_dir: Option<PathBuf>,
    /// Proxy for all downloads; otherwise `HTTPS_PROXY` and its like, then the system decide.
    #[arg(long, env = "TRIREME_PROXY", value_name = "URL", value_parser = parse_url)]
    proxy: Option<String>,
    /// PEM file of certificates to trust beside those of the system.
    #[arg(long, env = "TRIREME_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Most bytes per second that a download may take.
    #[arg(long, env = "TRIREME_MAX_DOWNLOAD_RATE", value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    max_download_rate: Option<u64>,
    /// Seconds over which the hosts that follow a release are spread.
    #[arg(long, env = "TRIREME_SPREAD", value_name = "SECONDS")]
    #[arg(default_value = "0", value_parser = parse_spread)]
    pub(crate) spread: Duration,
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

    /// How files are fetched.
    pub(crate) fn fetch_options(&self, stamp: &str) -> Options {
        Options {
            proxy: self.proxy.clone(),
            ca_file: self.ca_file.clone(),
            bandwidth: self.max_download_rate,
            ..Options::new(format!("trireme-launcher/{stamp}"))
        }
    }
}

/// The program: `stamp` is its version. Arguments come from the process.
pub fn main(stamp: &'static str) -> ExitCode {
    match parse(stamp, std::env::args_os()) {
        Ok(Command::Run(settings)) => run::start(&settings, stamp).into(),
        Ok(Command::ApplyDelta { arguments }) => shared_delta::child::main(arguments),
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
) -> Result<Command, clap::Error> {
    let matches = Line::command().version(stamp).try_get_matches_from(args)?;
    Ok(Line::from_arg_matches(&matches)?.command)
}

/// A time in decimal seconds: long enough not to spin, short enough to be meant.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| (SHORTEST..=LONGEST).contains(time))
        .ok_or_else(|| {
            let (least, most) = (SHORTEST.as_secs_f64(), LONGEST.as_secs());
            format!("it must be a number of seconds from {least} to {most}")
        })
}

/// As [`parse_seconds`], or nothing at all.
fn parse_spread(text: &str) -> Result<Duration, String> {
    match text {
        "0" => Ok(Duration::ZERO),
        text => parse_seconds(text),
    }
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    match text {
        "auto" => Ok(Mode::Auto),
        "window" => Ok(Mode::Window),
        "pin" => Ok(Mode::Pin),
        "off" => Ok(Mode::Off),
        _ => Err("it must be auto, window, pin or off".to_owned()),
    }
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
        match parse("1.2.3", args.map(OsString::from)) {
            Ok(Command::Run(settings)) => Ok(*settings),
            Ok(Command::ApplyDelta { .. }) => Err("another command".to_owned()),
            Err(error) => Err(error.to_string()),
        }
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
        assert_eq!(settings.poll_interval, Duration::from_mins(5));
        assert_eq!(settings.gate_seconds, Duration::from_mins(1));
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
            (&["--poll-interval", "0"], "0.05"),
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
        let Err(error) = parse("1.2.3", ["launcher", "--version"].map(OsString::from)) else {
            panic!("it runs");
        };
        assert_eq!(error.to_string(), "launcher 1.2.3\n");
    }
}
