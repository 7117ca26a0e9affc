//! The command line. By hand: its few flags are not worth a library in a file this small.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use shared_handover::exit::Exit;

const HELP: &str = "\
Keeps the launcher of Trireme running, whatever happens to it.

Usage: bootstrapper --state-dir DIR [FLAGS] [-- LAUNCHER ARGUMENTS]

  --state-dir DIR       folder of this host: versions, locks, logs; made if it is not there
  --launcher FILE       launcher to begin with when none is installed; without this flag the
                        one embedded in this program, else the file `launcher` beside it
  --once                run the launcher once, in the foreground, and exit with its status
  --stop-grace TIME     time for running jobs to end after SIGTERM or SIGINT, before all that
                        runs is killed (default 600); a second signal cancels the jobs
  --trial-limit TIME    time for a new launcher to report that it is healthy, before the one
                        before it is put back (default 1800)
  --restart-delay TIME  delay before a launcher that ended is started again (default 1); grows
                        to 60 times that, and starts over when a launcher ran 600 times that
  --version             print the version
  --help                print this text

TIME is in seconds, such as 600 or 0.25, or in milliseconds as in 500ms. What it does is
written to DIR/logs/bootstrapper.log.

Exit codes:
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Keep a launcher running.
    Run(Options),
}

/// How to keep it running.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The host's folder.
    pub(crate) state_dir: PathBuf,
    /// A launcher to begin with.
    pub(crate) launcher: Option<PathBuf>,
    /// One run in the foreground.
    pub(crate) once: bool,
    /// From the first signal until everything is killed.
    pub(crate) stop_grace: Duration,
    /// From the start of a trial until it must have reported.
    pub(crate) trial_limit: Duration,
    /// The shortest delay between two runs; the others are multiples of it.
    pub(crate) restart_delay: Duration,
    /// Handed to the launcher as they are.
    pub(crate) launcher_args: Vec<OsString>,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    UnknownFlag(String),
    UnexpectedArgument(String),
    MissingValue(&'static str),
    SuperfluousValue(&'static str),
    NotATime(&'static str, String),
    NoTime(&'static str),
    MissingStateDir,
}

/// Reads the arguments behind the program's name.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, Wrong> {
    let mut args = args;
    let mut state_dir = None;
    let mut options = Options {
        state_dir: PathBuf::new(),
        launcher: None,
        once: false,
        stop_grace: Duration::from_mins(10),
        trial_limit: Duration::from_mins(30),
        restart_delay: Duration::from_secs(1),
        launcher_args: Vec::new(),
    };
    while let Some(arg) = args.next() {
        let (flag, mut value) = split(arg);
        let mut take = |name| {
            let value = value.take().or_else(|| args.next());
            value
                .filter(|value| !value.is_empty())
                .ok_or(Wrong::MissingValue(name))
        };
        match flag.to_str().unwrap_or_default() {
            "--state-dir" => state_dir = Some(take("--state-dir")?.into()),
            "--launcher" => options.launcher = Some(take("--launcher")?.into()),
            "--stop-grace" => options.stop_grace = time("--stop-grace", &take("--stop-grace")?)?,
            "--trial-limit" => {
                options.trial_limit = some_time("--trial-limit", &take("--trial-limit")?)?;
            }
            "--restart-delay" => {
                options.restart_delay = some_time("--restart-delay", &take("--restart-delay")?)?;
            }
            "--once" => {
                no_value("--once", value.as_ref())?;
                options.once = true;
            }
            "--help" | "-h" => return Ok(Command::Help),
            "--version" | "-V" => return Ok(Command::Version),
            "--" if value.is_none() => {
                options.launcher_args = args.collect();
                break;
            }
            text if text.starts_with('-') => return Err(Wrong::UnknownFlag(text.into())),
            _ => return Err(Wrong::UnexpectedArgument(flag.to_string_lossy().into())),
        }
    }
    options.state_dir = state_dir.ok_or(Wrong::MissingStateDir)?;
    Ok(Command::Run(options))
}

/// Takes `--flag=value` apart.
fn split(arg: OsString) -> (OsString, Option<OsString>) {
    let bytes = arg.as_encoded_bytes();
    let Some(place) = bytes.iter().position(|byte| *byte == b'=') else {
        return (arg, None);
    };
    if !bytes.starts_with(b"--") {
        return (arg, None);
    }
    let (flag, value) = crate::os::split_at(&arg, place);
    (flag, Some(value))
}

fn no_value(flag: &'static str, value: Option<&OsString>) -> Result<(), Wrong> {
    match value {
        None => Ok(()),
        Some(_) => Err(Wrong::SuperfluousValue(flag)),
    }
}

fn time(flag: &'static str, value: &OsString) -> Result<Duration, Wrong> {
    let text = value.to_str().unwrap_or_default();
    let parsed = match text.strip_suffix("ms") {
        Some(millis) => number(millis).map(Duration::from_millis),
        None => decimal(text),
    };
    parsed.ok_or_else(|| Wrong::NotATime(flag, value.to_string_lossy().into()))
}

/// Seconds, with up to three digits behind a point.
fn decimal(text: &str) -> Option<Duration> {
    let Some((whole, part)) = text.split_once('.') else {
        return number(text).map(Duration::from_secs);
    };
    let digits = u32::try_from(part.len())
        .ok()
        .filter(|digits| (1..=3).contains(digits))?;
    let millis = number(part)? * 10_u64.pow(3 - digits);
    Some(Duration::from_secs(number(whole)?) + Duration::from_millis(millis))
}

/// At most nine digits: more than thirty years, and no sum of such times overflows.
fn number(text: &str) -> Option<u64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn some_time(flag: &'static str, value: &OsString) -> Result<Duration, Wrong> {
    let time = time(flag, value)?;
    if time.is_zero() {
        return Err(Wrong::NoTime(flag));
    }
    Ok(time)
}

/// The text of `--help`.
pub(crate) fn help() -> String {
    Exit::ALL.iter().fold(HELP.to_owned(), |text, exit| {
        format!("{text}{:5} {}\n", exit.code(), exit.meaning().trim())
    })
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFlag(flag) => {
                write!(
                    f,
                    "unknown flag {flag}: what is meant for the launcher goes behind `--`"
                )
            }
            Self::UnexpectedArgument(arg) => {
                write!(
                    f,
                    "unexpected argument {arg}: what is meant for the launcher goes behind `--`"
                )
            }
            Self::MissingValue(flag) => write!(f, "{flag} needs a value"),
            Self::SuperfluousValue(flag) => write!(f, "{flag} takes no value"),
            Self::NotATime(flag, value) => write!(
                f,
                "{flag} {value}: not a time, which is seconds such as 600 or 0.25, or 500ms"
            ),
            Self::NoTime(flag) => write!(f, "{flag} must be more than 0"),
            Self::MissingStateDir => f.write_str("--state-dir DIR is missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, Wrong> {
        parse(args.iter().map(OsString::from))
    }

    fn options(args: &[&str]) -> Options {
        match parsed(args) {
            Ok(Command::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_flag_is_taken_in_both_spellings() {
        let spaced = options(&[
            "--state-dir",
            "/s",
            "--launcher",
            "/l",
            "--once",
            "--stop-grace",
            "5",
            "--trial-limit",
            "6",
            "--restart-delay",
            "50ms",
            "--",
            "--once",
            "--x=y",
        ]);
        let equal = options(&[
            "--launcher=/l",
            "--once",
            "--stop-grace=5",
            "--trial-limit=6",
            "--restart-delay=50ms",
            "--state-dir=/s",
            "--",
            "--once",
            "--x=y",
        ]);
        assert_eq!(spaced, equal);
        let expected = Options {
            state_dir: "/s".into(),
            launcher: Some("/l".into()),
            once: true,
            stop_grace: Duration::from_secs(5),
            trial_limit: Duration::from_secs(6),
            restart_delay: Duration::from_millis(50),
            launcher_args: vec!["--once".into(), "--x=y".into()],
        };
        assert_eq!(spaced, expected);
    }

    #[test]
    fn times_may_be_parts_of_a_second() {
        for (text, millis) in [("0.05", 50), ("1.5", 1500), ("0.125", 125), ("2", 2000)] {
            let delay = options(&["--state-dir=/s", "--restart-delay", text]).restart_delay;
            assert_eq!(delay, Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let defaults = options(&["--state-dir", "/a=b"]);
        assert_eq!(defaults.state_dir, PathBuf::from("/a=b"));
        assert_eq!(defaults.stop_grace, Duration::from_mins(10));
        assert_eq!(defaults.trial_limit, Duration::from_mins(30));
        assert_eq!(defaults.restart_delay, Duration::from_secs(1));
        let help = help();
        for default in ["(default 600)", "(default 1800)", "(default 1)"] {
            assert!(help.contains(default), "{default}");
        }
        for exit in Exit::ALL {
            assert!(help.contains(&format!("{:5} ", exit.code())));
        }
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        assert_eq!(parsed(&["--help"]), Ok(Command::Help));
        assert_eq!(parsed(&["--once", "-h"]), Ok(Command::Help));
        assert_eq!(parsed(&["--version"]), Ok(Command::Version));
    }

    #[test]
    fn each_wrong_turn_is_told_apart() {
        let wrong = |args: &[&str]| match parsed(args) {
            Err(wrong) => wrong.to_string(),
            Ok(other) => panic!("{args:?}: {other:?}"),
        };
        for (args, text) in [
            (&[][..], "--state-dir DIR is missing"),
            (&["--state-dir"], "--state-dir needs a value"),
            (&["--state-dir="], "--state-dir needs a value"),
            (&["--launcher"], "--launcher needs a value"),
            (&["--once=yes"], "--once takes no value"),
            (
                &["--on"],
                "unknown flag --on: what is meant for the launcher goes behind `--`",
            ),
            (
                &["--on=1"],
                "unknown flag --on: what is meant for the launcher goes behind `--`",
            ),
            (
                &["-x"],
                "unknown flag -x: what is meant for the launcher goes behind `--`",
            ),
            (
                &["run"],
                "unexpected argument run: what is meant for the launcher goes behind `--`",
            ),
            (&["--trial-limit", "0"], "--trial-limit must be more than 0"),
            (
                &["--restart-delay", "0ms"],
                "--restart-delay must be more than 0",
            ),
            (
                &["--restart-delay", "0.0"],
                "--restart-delay must be more than 0",
            ),
        ] {
            assert_eq!(wrong(args), text);
        }
        for time in [
            "ten",
            "-1",
            "1.",
            ".5",
            "1.5555",
            "1.-5",
            "1.5.5",
            "",
            "ms",
            "1.5ms",
            "1h",
            "9999999999",
            "+5",
        ] {
            let text = wrong(&["--stop-grace", time]);
            assert!(text.starts_with("--stop-grace"), "{time}: {text}");
        }
    }
}
