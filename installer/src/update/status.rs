//! `trireme status` and `trireme update status`.

use shared_control::Event;
use shared_control::event::MAX_BYTES;
use shared_handover::exit::Exit;
use shared_slots::{Fs as _, OsFs};
use std::fmt::Write as _;

use super::{Known, known};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Host;
use crate::show::rows::Rows;
use crate::show::{standing, units};

/// Events that are shown to people.
const EVENTS: usize = 40;

pub(crate) fn overview(host: &Host, output: &Output) -> Exit {
    let known = known(host);
    output.text(&standing::overview(&known, host, output));
    end(&known, output)
}

pub(crate) fn detail(host: &Host, only_events: bool, output: &Output) -> Result<Exit, Failure> {
    if only_events {
        return events(host, output);
    }
    let known = known(host);
    output.text(&standing::detail(&known, host, output));
    Ok(end(&known, output))
}

/// A status is given in any case; the exit code says whether a launcher stands behind it.
fn end(known: &Known, output: &Output) -> Exit {
    output.document(&known.status);
    match (known.live, &known.trouble) {
        (true, _) => Exit::Success,
        (false, None) => Exit::Unavailable,
        (false, Some(trouble)) => {
            output.remark(&format!("trireme: {trouble}"));
            trouble.exit()
        }
    }
}

fn events(host: &Host, output: &Output) -> Result<Exit, Failure> {
    let path = host.state.events();
    let text = match OsFs.read("events.read", &path, 2 * MAX_BYTES as u64) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::file("cannot read", path)(error)),
    };
    let events: Vec<Event> = Event::decode_all(&text).collect();
    output.document(&events);
    if events.is_empty() {
        output.text("no upgrade has moved yet\n");
    }
    let mut rows = Rows::default();
    for event in &events[events.len().saturating_sub(EVENTS)..] {
        let at = event.at.map_or_else(String::new, |at| {
            let local = at.to_zoned(host.now.time_zone().clone());
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        });
        let mut line = format!("{} {}", event.component, event.to.name());
        if !event.version.version.is_empty() {
            let _ = write!(line, " {}", event.version.version);
        }
        let _ = write!(
            line,
            ", after {} {}",
            units::millis(event.ms),
            event.from.name()
        );
        for more in [&event.outcome, &event.detail] {
            if !more.is_empty() {
                let _ = write!(line, ": {more}");
            }
        }
        rows.add(at, line);
    }
    output.text(&rows.render(0, output));
    Ok(Exit::Success)
}
