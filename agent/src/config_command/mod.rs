//! `agent config`: what the settings are, for whoever wrote them. Starts nothing, changes nothing
//! and needs no token.

mod json;
mod markdown;
mod report;
mod text;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use shared_handover::layout::StateDir;
use shared_protocol::env;

use self::report::Report;
use crate::config::raw::RawError;
use crate::config::values::Values;
use crate::start::environ::{Environ, place, settings};
use crate::{fatal, print};

const USAGE: &str = "\
Usage: agent config show [--json] [flags of start]

Prints what each flag of `agent start` is set to with these flags, this environment and the config
file, and where it comes from. Secrets are hidden. Ends with 1 if `agent start` would refuse them.
";

/// Runs `agent config` with the arguments after that word.
pub(crate) fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut args = args.peekable();
    let help = ["--help", "-help", "-h"];
    let what = args.next().unwrap_or_default();
    match what.to_str() {
        // Not in the usage: it is how docs/configuration.md is made.
        Some("markdown") if args.peek().is_none() => print(&markdown::page()),
        Some("show") => {
            let args: Vec<_> = args.collect();
            if args.iter().any(|arg| help.iter().any(|help| arg == help)) {
                return print(USAGE);
            }
            show(&args).unwrap_or_else(|error| fatal(&error))
        }
        Some("" | "--help" | "-help" | "-h" | "help") => print(USAGE),
        _ => fatal("unknown command; `agent config --help` says what there is"),
    }
}

fn show(args: &[OsString]) -> Result<ExitCode, RawError> {
    let is_json = |arg: &OsString| arg == "--json" || arg == "-json";
    let json = args.iter().any(is_json);
    let args: Vec<_> = args.iter().filter(|arg| !is_json(arg)).cloned().collect();
    let environ = Environ::read();
    let raw = settings(&args, &environ)?;
    let state = environ.get(env::TRIREME_STATE_DIR).map(StateDir::new);
    // Only the path of the bootstrap script's default depends on it, which is not shown.
    let executable = std::env::current_exe().unwrap_or_else(|_| Path::new("agent").to_owned());
    let place = place(&raw, &environ, &executable, state.as_ref());
    let report = Report::new(&raw, &place);
    let printed = if json {
        print(&json::page(&report))
    } else {
        let no_color = Values::new(&raw, &place.around).switch("no-color");
        let colour = std::io::stdout().is_terminal()
            && environ.get("NO_COLOR").is_none()
            && !no_color.unwrap_or(false);
        print(&text::page(&report, colour))
    };
    Ok(if report.is_wrong() {
        ExitCode::FAILURE
    } else {
        printed
    })
}
