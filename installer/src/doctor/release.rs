//! Trust, clock, policy and server: what adopting a release needs.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use shared_control::Status;
use shared_slots::{Fs as _, OsFs};

use super::Check;
use crate::offline;
use crate::place::Host;
use crate::show::units;
use crate::trust::Trust;
use crate::update::Known;

/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// Differences of clocks that are not worth a word.
const SKEW: i64 = 120;

/// Longest status file that is read, in bytes.
const STATUS_MOST: u64 = 4 << 20;

pub(super) fn checks(host: &Host, known: &Known) -> Vec<Check> {
    vec![
        trust(host),
        clock(host, known),
        policy(host, known),
        server(host, known),
    ]
}

fn trust(host: &Host) -> Check {
    match Trust::load(&host.state) {
        Ok(trust) => {
            let serial = trust.manifest.as_ref().map_or_else(
                || "no release verified yet".to_owned(),
                |manifest| format!("{}, serial {}", manifest.channel, manifest.serial),
            );
            let text = format!("root {}, {serial}", trust.root.version());
            if trust.root.expires() < host.now.timestamp() {
                let advice = "the publisher should have published a newer root; upgrades go on";
                return Check::warn("trust", format!("{text}, expired"), advice);
            }
            Check::ok("trust", text)
        }
        Err(failure) => Check::bad(
            "trust",
            failure.to_string(),
            "stop the host and start it once with --trust-root FILE of its server",
        ),
    }
}

/// The newest signed time is a lower bound of the present.
fn clock(host: &Host, known: &Known) -> Check {
    let now = host.now.timestamp();
    let signed = Trust::load(&host.state).ok().and_then(|trust| trust.seen);
    if let Some(issued) = signed
        .map(|seen| seen.issued())
        .filter(|issued| now < *issued)
    {
        let behind = issued.duration_since(now).unsigned_abs().as_secs();
        let text = format!(
            "{now}: {} before the release was signed",
            units::span(behind)
        );
        return Check::warn(
            "clock",
            text,
            "set the clock; upgrades go by the signed time until then",
        );
    }
    match known.status.clock_skew {
        Some(skew) if skew.abs() > SKEW => {
            let text = format!("{} off the server's", units::span(skew.unsigned_abs()));
            Check::warn("clock", text, "set the clock: TLS and expiry depend on it")
        }
        _ => Check::ok("clock", now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    }
}

fn policy(host: &Host, known: &Known) -> Check {
    match offline::policy(&host.state) {
        Ok(_) => {
            let mode = serde_json::to_value(known.status.policy.mode).unwrap_or_default();
            Check::ok("policy", mode.as_str().unwrap_or("unknown"))
        }
        Err(failure) => Check::bad(
            "policy",
            failure.to_string(),
            "nothing is adopted until it is mended: `trireme update policy FILE` replaces it",
        ),
    }
}

fn server(host: &Host, known: &Known) -> Check {
    let address = match known.status.server.as_str() {
        "" => last_known(host),
        server => Some(server.to_owned()),
    };
    let Some(address) = address.filter(|address| !address.is_empty()) else {
        return Check::warn(
            "server",
            "not known yet",
            "the launcher says it once it has run",
        );
    };
    if let Some(trouble) = &known.status.server_trouble {
        let text = format!("{address}: {}", trouble.detail);
        return Check::warn(
            "server",
            text,
            "what is installed runs; upgrades wait for the server",
        );
    }
    match connect(&address) {
        Ok(()) => Check::ok("server", address),
        Err(why) => Check::warn(
            "server",
            format!("{address}: {why}"),
            "what is installed runs; look at network, proxy and firewall",
        ),
    }
}

/// What the launcher wrote for people while it ran. A decision it is not used for.
fn last_known(host: &Host) -> Option<String> {
    let bytes = OsFs
        .read("status.read", &host.state.status(), STATUS_MOST)
        .ok()?;
    Some(serde_json::from_slice::<Status>(&bytes).ok()?.server)
}

/// Whether somebody listens there. Proxies are not tried: the launcher's own trouble says more.
fn connect(url: &str) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").ok_or("it is no address")?;
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let port = if scheme == "https" { 443 } else { 80 };
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let name = if has_port {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    };
    let addresses = name
        .to_socket_addrs()
        .map_err(|error| format!("its name is not found: {error}"))?;
    let mut trouble = "its name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => trouble = error.to_string(),
        }
    }
    Err(trouble)
}
