//! The command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use jiff::{SignedDuration, Timestamp, Zoned};
use shared_handover::exit::Exit;
use shared_handover::layout::Component;

/// Looks after the Trireme agent on this host.
#[derive(Debug, Parser)]
#[command(name = "trireme", disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Line {
    /// Folder with everything this host has installed [default: /var/lib/trireme]
    #[arg(long, global = true, env = "TRIREME_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Give up on a launcher that says nothing for so many seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "20")]
    #[arg(value_parser = parse_patience)]
    pub(crate) timeout: Duration,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what runs on this host
    Status,
    /// Look for what is wrong with this host, and say what to do about it
    Doctor,
    /// Look at upgrades, and order or hold them
    #[command(subcommand)]
    Update(Update),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Update {
    /// Show versions, what is under way, what failed, and the policy
    Status {
        /// Show the last transitions instead
        #[arg(long)]
        events: bool,
    },
    /// Ask the server for a release now
    Check,
    /// Bring this host to a release now, windows or not
    Apply {
        /// The version to come to, instead of the newest
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
    },
    /// Go back to the version before, and stay there
    Rollback {
        /// launcher or agent
        #[arg(value_parser = parse_component)]
        component: Component,
        /// Do not pin it: the next release may be adopted at once
        #[arg(long)]
        no_pin: bool,
    },
    /// Keep a component at a version
    Pin(PinArgs),
    /// Take pins back
    Unpin {
        /// launcher or agent; all pins if there is none
        #[arg(value_parser = parse_component)]
        component: Option<Component>,
    },
    /// Adopt nothing until the hold ends
    Hold(HoldArgs),
    /// Show when releases are adopted, or put a policy in force
    Policy {
        /// A policy.json to check and put in force
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Try versions again that failed here
    Retry {
        /// all, launcher, agent, or the beginning of a digest
        #[arg(value_name = "WHOSE", default_value = "all")]
        whose: String,
    },
    /// Hash every installed version again
    Verify,
    /// Remove versions that nothing needs any more
    Gc {
        /// Say only what would go
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a bundle of the release this host runs, for hosts without a network
    Export {
        /// The file to write
        #[arg(value_name = "BUNDLE")]
        bundle: PathBuf,
    },
    /// Check a bundle and lay it where the launcher looks before it asks a server
    Import {
        /// The file to read
        #[arg(value_name = "BUNDLE")]
        bundle: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// Such as agent=1.4.2; without a version, the one that runs
    #[arg(value_name = "COMPONENT[=VERSION]", value_parser = parse_pin)]
    pub(crate) what: (Component, Option<String>),
    /// When the pin ends: 2026-12-01, 2026-12-01T08:00Z, or 3d, 12h, 90m from now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<Timestamp>,
    /// Who wants it
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) owner: String,
}

#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// When the hold ends: 2026-12-01, 2026-12-01T08:00Z, or 3d, 12h, 90m from now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<Timestamp>,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// End the hold now
    #[arg(long, conflicts_with_all = ["until", "reason"])]
    pub(crate) end: bool,
}

/// The time, read once: everything else takes it as a value.
pub(crate) fn now() -> Zoned {
    Zoned::now()
}

pub(crate) fn parse(stamp: &'static str) -> Result<Line, clap::Error> {
    let matches = Line::command()
        .version(stamp)
        .try_get_matches_from(std::env::args_os())?;
    Line::from_arg_matches(&matches)
}

/// Prints help, the version, or what is wrong.
pub(crate) fn refuse(refusal: &clap::Error) -> ExitCode {
    let text = refusal.render();
    if refusal.use_stderr() {
        let _ = write!(std::io::stderr(), "{text}");
        Exit::Usage.into()
    } else {
        let _ = write!(std::io::stdout(), "{text}");
        Exit::Success.into()
    }
}

fn parse_component(text: &str) -> Result<Component, String> {
    Component::from_name(text).ok_or_else(|| "it must be launcher or agent".to_owned())
}

fn parse_pin(text: &str) -> Result<(Component, Option<String>), String> {
    let (component, version) = match text.split_once('=') {
        Some((_, "")) => return Err("the version behind = is missing".to_owned()),
        Some((component, version)) => (component, Some(version.to_owned())),
        None => (text, None),
    };
    Ok((parse_component(component)?, version))
}

fn parse_patience(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|patience| (0.05..=86_400.0).contains(&patience.as_secs_f64()))
        .ok_or_else(|| "it must be a number of seconds from 0.05 to 86400".to_owned())
}

/// A point in time: of its own, the beginning of a day here, or a while from now.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let now = now();
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    let while_from_now = days
        .and_then(|days: i64| SignedDuration::try_from_hours(days.checked_mul(24)?))
        .or_else(|| text.parse().ok());
    let time = if let Some(span) = while_from_now {
        now.timestamp().checked_add(span).ok()
    } else if let Ok(time) = text.parse::<Timestamp>() {
        Some(time)
    } else {
        let day: Option<jiff::civil::DateTime> = text.parse().ok();
        day.and_then(|day| day.to_zoned(now.time_zone().clone()).ok())
            .map(|day| day.timestamp())
    };
    match time {
        Some(time) if time > now.timestamp() => Ok(time),
        Some(time) => Err(format!("{time} has passed")),
        None => Err("it must be like 2026-12-01, 2026-12-01T08:00Z, 3d or 12h".to_owned()),
    }
}
