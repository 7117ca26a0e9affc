//! A status as text.

use shared_control::Status;
use shared_control::policy::Mode;
use shared_control::status::{Component, LastError, Phase, Until, Version, Waiting};
use std::fmt::Write as _;

use super::progress::sentence;
use super::rows::Rows;
use super::units;
use crate::output::Output;
use crate::place::Host;
use crate::update::Known;

/// What runs: a screen at most.
pub(crate) fn overview(known: &Known, host: &Host, output: &Output) -> String {
    let status = &known.status;
    let mut rows = Rows::default();
    rows.add("Host", host.state.root().display().to_string());
    tiers(&mut rows, known, output);
    agents(&mut rows, status, output);
    for (name, component) in &status.components {
        if let Some(doing) = doing(component, host, output) {
            rows.add("Upgrade", format!("{name}: {doing}"));
        }
    }
    release(&mut rows, status, host, output);
    policy(&mut rows, status, host, output);
    if let Some(disk) = &status.disk {
        let (free, total) = (units::bytes(disk.free), units::bytes(disk.total));
        rows.add("Disk", format!("{free} free of {total}"));
    }
    rows.render(0, output)
}

/// Where upgrades stand: a paragraph per component.
pub(crate) fn detail(known: &Known, host: &Host, output: &Output) -> String {
    let status = &known.status;
    let mut rows = Rows::default();
    if !known.live {
        tiers(&mut rows, known, output);
    }
    release(&mut rows, status, host, output);
    if let Some(next) = status.next_check {
        rows.add("Next check", units::time(next, &host.now));
    }
    policy(&mut rows, status, host, output);
    if let Some(skew) = status.clock_skew.filter(|skew| skew.abs() > 60) {
        let text = format!(
            "differs from the server's by {}",
            units::span(skew.unsigned_abs())
        );
        rows.add("Clock", output.paint.warn(&text));
    }
    let mut text = rows.render(0, output);
    for (name, component) in &status.components {
        let _ = writeln!(text, "\n{}", output.paint.label(&capital(name)));
        text += &paragraph(component, host, output).render(2, output);
    }
    text
}

fn tiers(rows: &mut Rows, known: &Known, output: &Output) {
    for tier in &known.status.tiers {
        let mut text = match tier.version.as_str() {
            "" => "runs".to_owned(),
            version => version.to_owned(),
        };
        if tier.pid != 0 {
            let _ = write!(text, ", process {}", tier.pid);
        }
        if tier.uptime != 0 {
            let _ = write!(text, ", up {}", units::span(tier.uptime));
        }
        rows.add(capital(&tier.name), text);
    }
    let runs = known
        .status
        .tiers
        .iter()
        .any(|tier| tier.name == "launcher");
    if !known.live && runs {
        rows.add(
            "",
            output
                .paint
                .bad("the launcher does not answer; this is what the files say"),
        );
    } else if !known.live {
        rows.add(
            "Launcher",
            output.paint.bad("does not run; this is what the files say"),
        );
    }
}

fn agents(rows: &mut Rows, status: &Status, output: &Output) {
    if status.agents.is_empty() {
        rows.add("Agent", output.paint.bad("none runs"));
    }
    for agent in &status.agents {
        let mut text = format!("{}, process {}", named(&agent.version), agent.pid);
        if !agent.phase.is_empty() {
            let (jobs, workers) = (
                units::count(agent.busy.into(), "job"),
                units::count(agent.workers.into(), "worker"),
            );
            let _ = write!(text, ", {}, {jobs} on {workers}", agent.phase);
        }
        if agent.role == "trial" {
            text += ", on trial";
        }
        rows.add("Agent", text);
    }
}

fn release(rows: &mut Rows, status: &Status, host: &Host, output: &Output) {
    let mut text = match (status.channel.as_str(), status.serial) {
        ("", None) => "none known yet".to_owned(),
        (channel, None) => format!("{channel}, none known yet"),
        (channel, Some(serial)) => format!("{channel}, serial {serial}"),
    };
    if let Some(root) = status.root_version {
        let _ = write!(text, ", root {root}");
    }
    rows.add("Release", text);
    if let Some(expires) = status
        .expires
        .filter(|expires| *expires < host.now.timestamp())
    {
        let text = format!("expired {}", units::time(expires, &host.now));
        rows.add("", output.paint.warn(&text));
    }
    if let Some(trouble) = &status.server_trouble {
        rows.add("Server", output.paint.warn(&error(trouble, host)));
    }
}

fn policy(rows: &mut Rows, status: &Status, host: &Host, output: &Output) {
    let policy = &status.policy;
    let mut text = match policy.mode {
        Mode::Auto => "auto: releases are adopted as they come",
        Mode::Window => "window: releases are adopted while a window is open",
        Mode::Pin => "pin: only pinned versions are adopted",
        Mode::Off => "off: releases are adopted by hand only",
        Mode::Unknown => "a mode that this version does not know",
    }
    .to_owned();
    if let Some(trouble) = &policy.trouble {
        text = output.paint.bad(trouble);
    }
    rows.add("Policy", text);
    if let Some(hold) = &policy.hold {
        rows.add(
            "",
            output.paint.warn(&format!("held{}", waiting(hold, host))),
        );
    }
    for (component, version) in &policy.pins {
        rows.add("", format!("{component} is pinned to {version}"));
    }
}

/// What is under way, or stands against it; nothing if all is well.
fn doing(component: &Component, host: &Host, output: &Output) -> Option<String> {
    if let Some(wait) = &component.waiting {
        let to = component.to.as_ref().map(named).unwrap_or_default();
        return Some(
            output
                .paint
                .warn(&format!("{to} waits{}", waiting(wait, host))),
        );
    }
    if !matches!(component.phase, Phase::Idle | Phase::Unknown) {
        return Some(step(component));
    }
    let trouble = component.last_error.as_ref()?;
    Some(output.paint.warn(&error(trouble, host)))
}

fn step(component: &Component) -> String {
    let mut text = sentence(component.phase, "");
    if let Some(to) = &component.to {
        let _ = write!(text, " {}", named(to));
    }
    if let Some(percent) = component.percent {
        let _ = write!(text, ", {percent} %");
    }
    if component.attempt > 1 {
        let _ = write!(text, ", attempt {}", component.attempt);
    }
    text
}

fn paragraph(component: &Component, host: &Host, output: &Output) -> Rows {
    let mut rows = Rows::default();
    let none = output.paint.bad("none");
    let version = |version: &Option<Version>| version.as_ref().map(named);
    rows.add("Committed", version(&component.committed).unwrap_or(none));
    if let Some(previous) = version(&component.previous) {
        rows.add("Previous", previous);
    }
    if let Some(trial) = &component.trial {
        let tries = match trial.tries_left {
            1 => "1 try".to_owned(),
            tries => format!("{tries} tries"),
        };
        rows.add(
            "On trial",
            format!("{}, {tries} left", named(&trial.version)),
        );
    }
    if component.phase != Phase::Idle {
        rows.add("Now", step(component));
    }
    if let Some(wait) = &component.waiting {
        rows.add(
            "Waits",
            output
                .paint
                .warn(waiting(wait, host).trim_start_matches([':', ',', ' '])),
        );
    }
    let came = component.bytes.iter().filter(|(_, bytes)| **bytes > 0);
    let came: Vec<String> = came
        .map(|(source, bytes)| format!("{} {source}", units::bytes(*bytes)))
        .collect();
    if !came.is_empty() {
        rows.add("Came in", came.join(", "));
    }
    if let Some(gate) = &component.gate {
        for (place, (fact, holds)) in gate.facts.iter().enumerate() {
            let mark = if *holds {
                output.paint.good("yes")
            } else {
                "not yet".to_owned()
            };
            let label = if place == 0 { "Gate" } else { "" };
            rows.add(label, format!("{fact}: {mark}"));
        }
    }
    if let Some(trouble) = &component.last_error {
        rows.add("Last error", output.paint.warn(&error(trouble, host)));
    }
    marks(&mut rows, component, host, output);
    rows
}

fn marks(rows: &mut Rows, component: &Component, host: &Host, output: &Output) {
    for mark in &component.marks {
        let failed = match (mark.until, mark.count) {
            // For such a mark one reason is enough, which need not be a failure.
            (Until::NextRelease, _) => String::new(),
            (_, 1) => " failed once".to_owned(),
            (_, count) => format!(" failed {count} times"),
        };
        let until = match mark.until {
            Until::Over => "may be tried again".to_owned(),
            Until::At(at) => format!("left alone until {}", units::time(at, &host.now)),
            Until::NextRelease => "left alone until another release names it".to_owned(),
        };
        let version = named(&mark.version);
        let text = format!("{version}{failed}: {}; {until}", mark.reason);
        rows.add("Marked", output.paint.warn(&text));
    }
}

fn waiting(wait: &Waiting, host: &Host) -> String {
    let mut text = String::new();
    if let Some(until) = wait.until {
        let _ = write!(text, " until {}", units::time(until, &host.now));
    }
    if !wait.why.is_empty() {
        let _ = write!(text, ": {}", wait.why);
    }
    text
}

fn error(error: &LastError, host: &Host) -> String {
    match error.at {
        Some(at) => format!("{} ({})", error.detail, units::time(at, &host.now)),
        None => error.detail.clone(),
    }
}

/// A version and enough of its digest to tell builds apart.
pub(crate) fn named(version: &Version) -> String {
    let digest = version.digest.get(..12).unwrap_or(&version.digest);
    match (version.version.as_str(), digest) {
        ("", "") => "of unknown version".to_owned(),
        ("", digest) => digest.to_owned(),
        (version, "") => version.to_owned(),
        (version, digest) => format!("{version} ({digest})"),
    }
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
