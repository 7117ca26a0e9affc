//! `trireme doctor`: one line per check, with advice where something is wrong.

mod folder;
mod processes;
mod release;

use serde::Serialize;
use shared_handover::exit::Exit;
use std::fmt::Write as _;

use crate::output::Output;
use crate::place::Host;
use crate::show::rows::wrap;
use crate::update::{Known, known};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// As it should be.
    Ok,
    /// It works, and will not for long, or not as well as it could.
    Warn,
    /// It does not work.
    Bad,
}

/// A check that was made.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    /// What was looked at; stays the same for programs.
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    /// What was found.
    pub(crate) found: String,
    /// What to do; empty if there is nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) advice: String,
}

impl Check {
    pub(crate) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Ok,
            found: found.into(),
            advice: String::new(),
        }
    }

    pub(crate) fn warn(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Warn,
            advice: advice.into(),
            ..Self::ok(name, found)
        }
    }

    pub(crate) fn bad(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Bad,
            advice: advice.into(),
            ..Self::ok(name, found)
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: &'a str,
    healthy: bool,
    checks: &'a [Check],
}

pub(crate) fn run(host: &Host, output: &Output, stamp: &str) -> Exit {
    let known = known(host);
    let checks = checks(host, &known);
    let bad = checks
        .iter()
        .filter(|check| check.outcome == Outcome::Bad)
        .count();
    output.document(&Document {
        version: stamp,
        healthy: bad == 0,
        checks: &checks,
    });
    for check in &checks {
        output.text(&line(check, output));
    }
    output.text(&match bad {
        0 => "\nnothing stands against this host\n".to_owned(),
        1 => "\n1 check failed\n".to_owned(),
        bad => format!("\n{bad} checks failed\n"),
    });
    if bad == 0 {
        Exit::Success
    } else {
        Exit::Failure
    }
}

fn checks(host: &Host, known: &Known) -> Vec<Check> {
    let mut checks = folder::checks(host);
    checks.extend(processes::checks(host, known));
    checks.extend(release::checks(host, known));
    checks
}

fn line(check: &Check, output: &Output) -> String {
    let mark = match check.outcome {
        Outcome::Ok => output.paint.good("ok  "),
        Outcome::Warn => output.paint.warn("warn"),
        Outcome::Bad => output.paint.bad("BAD "),
    };
    let label = output.paint.label(check.name);
    let gap = 15_usize.saturating_sub(check.name.len());
    let room = output.width.saturating_sub(21);
    let mut text = String::new();
    for (place, line) in wrap(&check.found, room).iter().enumerate() {
        let _ = match place {
            0 => writeln!(text, "{mark} {label}{:gap$} {line}", ""),
            _ => writeln!(text, "{:21}{line}", ""),
        };
    }
    if !check.advice.is_empty() {
        for (place, line) in wrap(&check.advice, room.saturating_sub(3))
            .iter()
            .enumerate()
        {
            let arrow = if place == 0 { "-> " } else { "   " };
            let _ = writeln!(text, "{:21}{arrow}{line}", "");
        }
    }
    text
}
