//! Who runs, and whether the launcher can be asked.

use super::Check;
use crate::offline;
use crate::place::Host;
use crate::show::standing::named;
use crate::show::units;
use crate::update::Known;
use std::fmt::Write as _;

pub(super) fn checks(host: &Host, known: &Known) -> Vec<Check> {
    let bootstrapper = offline::holder(&host.state.bootstrapper_lock());
    let launcher = offline::holder(&host.state.launcher_lock());
    vec![
        match bootstrapper {
            Some(pid) => Check::ok("bootstrapper", running(known, "bootstrapper", pid)),
            None => Check::bad(
                "bootstrapper",
                "does not run",
                "start the service; nothing restarts a launcher that ends",
            ),
        },
        match launcher {
            Some(pid) => Check::ok("launcher", running(known, "launcher", pid)),
            None => Check::bad(
                "launcher",
                "does not run",
                "start the bootstrapper; logs/bootstrapper.log says why it ended",
            ),
        },
        socket(known, launcher.is_some()),
        agents(known),
    ]
}

fn running(known: &Known, name: &str, pid: u32) -> String {
    let tier = known.status.tiers.iter().find(|tier| tier.name == name);
    let version = tier.map_or("", |tier| tier.version.as_str());
    let uptime = tier.map_or(0, |tier| tier.uptime);
    let mut text = format!("process {pid}");
    if !version.is_empty() {
        text = format!("{version}, {text}");
    }
    if uptime > 0 {
        let _ = write!(text, ", up {}", units::span(uptime));
    }
    text
}

fn socket(known: &Known, runs: bool) -> Check {
    match (&known.trouble, known.live) {
        (_, true) => Check::ok("socket", "the launcher answers"),
        (Some(trouble), _) => Check::bad(
            "socket",
            trouble.to_string(),
            "the bootstrapper replaces a launcher that hangs; if not, restart the service",
        ),
        (None, false) if runs => Check::warn(
            "socket",
            "a launcher runs and has no socket",
            "it may be starting, or older than this command; try again",
        ),
        (None, false) => Check::warn("socket", "nobody listens", "start the bootstrapper"),
    }
}

fn agents(known: &Known) -> Check {
    let agents = &known.status.agents;
    let text: Vec<String> = agents
        .iter()
        .map(|agent| format!("{}, process {}", named(&agent.version), agent.pid))
        .collect();
    if text.is_empty() {
        return Check::bad("agent", "none runs", "logs/launcher.log says why");
    }
    Check::ok("agent", text.join("; "))
}
