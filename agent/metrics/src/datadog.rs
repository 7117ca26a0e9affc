//! Finished jobs, told to DogStatsD. Names and tags are the peer's.
//!
//! Recording leaves lines in a short queue; a task of its own sends them. Nobody waits for it, and
//! what the queue cannot take is dropped: a metric is not worth a job.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use cadence::prelude::*;
use cadence::{MetricSink, StatsdClient};
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;

use crate::{Event, JobFacts, Observer};

/// Before every name.
const PREFIX: &str = "buildkite";
/// Port of a host that names none.
const DEFAULT_PORT: u16 = 8125;
/// Lines that may wait, two for each job.
const LINES: usize = 1024;
/// Bytes of a packet, so that it passes an Ethernet in one piece.
const PACKET_BYTES: usize = 1432;

/// Where to send, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatadogSettings {
    /// Host and port; without a port it is 8125.
    pub host: String,
    /// Timings as distributions, which the server combines over all hosts.
    pub distributions: bool,
}

/// Makes lines of finished jobs.
#[derive(Debug)]
pub struct Datadog {
    client: StatsdClient,
    distributions: bool,
}

/// Sends the lines of a [`Datadog`].
#[derive(Debug)]
#[must_use]
pub struct DatadogDelivery {
    host: String,
    lines: mpsc::Receiver<String>,
}

/// The end of the queue that takes lines in.
#[derive(Debug)]
struct Queue(mpsc::Sender<String>);

impl MetricSink for Queue {
    fn emit(&self, line: &str) -> io::Result<usize> {
        let queued = self.0.try_send(line.to_owned());
        queued.map_err(|_| io::ErrorKind::WouldBlock)?;
        Ok(line.len())
    }
}

impl Datadog {
    /// The observer, and what has to [run](DatadogDelivery::run) for it.
    pub fn new(settings: &DatadogSettings) -> (Self, DatadogDelivery) {
        let (queue, lines) = mpsc::channel(LINES);
        let datadog = Self {
            client: StatsdClient::from_sink(PREFIX, Queue(queue)),
            distributions: settings.distributions,
        };
        let delivery = DatadogDelivery {
            host: with_port(&settings.host),
            lines,
        };
        (datadog, delivery)
    }

    fn exited(&self, job: &JobFacts, exit_status: i32, milliseconds: u64) {
        let (duration, count) = match exit_status {
            0 => ("jobs.duration.success", "jobs.success"),
            _ => ("jobs.duration.error", "jobs.failed"),
        };
        let tags = tags(job, exit_status);
        if self.distributions {
            let line = self.client.distribution_with_tags(duration, milliseconds);
            with(line, &tags).send();
        } else {
            let line = self.client.time_with_tags(duration, milliseconds);
            with(line, &tags).send();
        }
        with(self.client.count_with_tags(count, 1), &tags).send();
    }
}

impl Observer for Datadog {
    fn observe(&self, event: &Event<'_>) {
        if let Event::JobExited {
            job,
            exit_status,
            took,
            ..
        } = event
        {
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.exited(job, *exit_status, milliseconds);
        }
    }
}

type Tags = [(&'static str, String); 7];

/// Sorted by name.
fn tags(job: &JobFacts, exit_status: i32) -> Tags {
    [
        ("agent_name", tag_value(&job.agent_name)),
        ("branch", tag_value(&job.branch)),
        ("exit_code", tag_value(&exit_status.to_string())),
        ("org", tag_value(&job.organization)),
        ("pipeline", tag_value(&job.pipeline)),
        ("queue", tag_value(&job.queue)),
        ("source", tag_value(&job.source)),
    ]
}

/// A tag without a value says nothing and is left out.
fn with<'m, 'c, T>(
    line: cadence::MetricBuilder<'m, 'c, T>,
    tags: &'m Tags,
) -> cadence::MetricBuilder<'m, 'c, T>
where
    T: cadence::Metric + From<String>,
{
    let told = tags.iter().filter(|(_, value)| !value.is_empty());
    told.fold(line, |line, (name, value)| line.with_tag(name, value))
}

/// Letters, digits, `.` and `_` as they are; a run of anything else is one `_`.
fn tag_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut replaced = false;
    for c in text.chars() {
        let kept = c.is_ascii_alphanumeric() || c == '.' || c == '_';
        if kept {
            value.push(c);
        } else if !replaced {
            value.push('_');
        }
        replaced = !kept;
    }
    value
}

fn with_port(host: &str) -> String {
    if let Ok(address) = host.parse::<IpAddr>() {
        return SocketAddr::new(address, DEFAULT_PORT).to_string();
    }
    let port = host.rsplit_once(':').map(|(_, port)| port);
    match port.map(str::parse::<u16>) {
        Some(Ok(_)) => host.to_owned(),
        _ => format!("{host}:{DEFAULT_PORT}"),
    }
}

impl DatadogDelivery {
    /// Sends until the last [`Datadog`] is gone. One line in the log tells that packets do not get
    /// out, and none more until one does.
    pub async fn run(mut self) {
        let mut socket = None;
        let mut trouble = false;
        let mut lines = Vec::new();
        while self.lines.recv_many(&mut lines, LINES).await > 0 {
            for packet in packets(&lines) {
                let sent = send(&mut socket, &self.host, &packet).await;
                if let Err(error) = &sent
                    && !trouble
                {
                    tracing::warn!("failed to send metrics to {}: {error}", self.host);
                }
                trouble = sent.is_err();
            }
            lines.clear();
        }
    }
}

async fn send(socket: &mut Option<UdpSocket>, host: &str, packet: &str) -> io::Result<()> {
    let open = match socket.take() {
        Some(open) => open,
        None => connect(host).await?,
    };
    open.send(packet.as_bytes()).await?;
    // Only a socket that works is kept: the next packet looks the host up anew.
    *socket = Some(open);
    Ok(())
}

async fn connect(host: &str) -> io::Result<UdpSocket> {
    let address = lookup_host(host).await?.next();
    let address = address.ok_or_else(|| io::Error::other("the host has no address"))?;
    let local = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// As many lines in each packet as there is room for.
fn packets(lines: &[String]) -> Vec<String> {
    let mut packets: Vec<String> = Vec::new();
    for line in lines {
        match packets.last_mut() {
            Some(packet) if packet.len() + 1 + line.len() <= PACKET_BYTES => {
                packet.push('\n');
                packet.push_str(line);
            }
            _ => packets.push(line.clone()),
        }
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_the_server_can_read() {
        for (text, value) in [
            ("main", "main"),
            ("feature/a b", "feature_a_b"),
            ("a--|#,:é\nb", "a_b"),
            ("-1", "_1"),
            ("", ""),
        ] {
            assert_eq!(tag_value(text), value);
        }
    }

    #[test]
    fn a_host_without_a_port_has_the_usual_one() {
        for (host, whole) in [
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("dogstatsd", "dogstatsd:8125"),
            ("10.0.0.7", "10.0.0.7:8125"),
            ("::1", "[::1]:8125"),
            ("[::1]", "[::1]:8125"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(with_port(host), whole);
        }
    }

    #[test]
    fn packets_are_filled_and_no_line_is_cut() {
        let line = "x".repeat(700);
        let long = "y".repeat(2 * PACKET_BYTES);
        let lines = [line.clone(), line.clone(), line.clone(), long.clone()];
        let filled = format!("{line}\n{line}");
        assert_eq!(packets(&lines), [filled, line, long]);
    }
}
