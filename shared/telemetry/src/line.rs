//! The form of a line.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::parts::{Parts, of_spans, parts};

/// Writes `YYYY-MM-DD HH:MM:SS LEVEL  message field=value`.
pub(crate) struct Lines {
    now: fn() -> Timestamp,
}

impl Lines {
    /// `now` is asked once per line.
    pub(crate) const fn new(now: fn() -> Timestamp) -> Self {
        Self { now }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(to, "{} ", (self.now)().strftime("%F %T"))?;
        write_level(&mut to, *event.metadata().level())?;
        let texts: Texts = parts(|visit| event.record(visit));
        to.write_str(&texts.message)?;
        of_spans(context, |fields| write!(to, " {fields}"))?;
        writeln!(to, "{}", texts.fields)
    }
}

/// Writes the fields of a span like those of an event, and never in colour: both outputs share
/// what is written here.
pub(crate) struct PlainFields;

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(&self, mut to: Writer<'writer>, fields: R) -> fmt::Result {
        let texts: Texts = parts(|visit| fields.record(visit));
        to.write_str(texts.fields.trim_start())
    }
}

fn write_level(to: &mut Writer<'_>, level: Level) -> fmt::Result {
    if !to.has_ansi_escapes() {
        return write!(to, "{level:<5} ");
    }
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 2,
    };
    write!(to, "\x1b[{colour}m{level:<5}\x1b[0m ")
}

/// Message and fields of an event, as text without line breaks.
#[derive(Default)]
struct Texts {
    message: String,
    fields: String,
}

impl Parts for Texts {
    fn message(&mut self, text: &str) {
        escape(&mut self.message, text);
    }

    fn field(&mut self, name: &str, value: &str) {
        let _ = write!(self.fields, " {name}=");
        if value.is_empty() || value.contains([' ', '"', '=']) {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            self.fields.push('"');
            escape(&mut self.fields, &quoted);
            self.fields.push('"');
        } else {
            escape(&mut self.fields, value);
        }
    }
}

/// Keeps an event on its line, and control sequences out of terminals: what is logged may come
/// from a job or a server.
fn escape(to: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            to.extend(c.escape_default());
        } else {
            to.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::{error, info, info_span, warn};
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::sinks::Sink;

    /// Remembers what is written, and says that it failed.
    #[derive(Clone, Default)]
    struct Broken(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Lines that `log` leaves in a sink that fails at each of them.
    fn logged(colour: bool, log: impl FnOnce()) -> String {
        let written = Broken::default();
        let layer = fmt::layer()
            .event_format(Lines::new(|| Timestamp::UNIX_EPOCH))
            .fmt_fields(PlainFields)
            .with_ansi(colour)
            .log_internal_errors(false)
            .with_writer(Sink::new(written.clone()));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_time_level_message_and_fields() {
        let text = logged(false, || {
            info!(from = "0.1.0", to = %"0.2.0", gap_ms = 12, "agent switched");
            warn!("no agent");
        });
        assert_eq!(
            text,
            "1970-01-01 00:00:00 INFO  agent switched from=0.1.0 to=0.2.0 gap_ms=12\n\
             1970-01-01 00:00:00 WARN  no agent\n"
        );
    }

    #[test]
    fn fields_of_spans_come_before_those_of_the_event() {
        let text = logged(false, || {
            let _worker = info_span!("worker", agent = "host-1").entered();
            let _job = info_span!("job", job = 7).entered();
            info!(exit = 0, "finished");
        });
        assert!(
            text.contains("finished agent=host-1 job=7 exit=0\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_logged_can_break_its_line_or_reach_the_terminal() {
        let text = logged(false, || {
            error!(cause = "a\n\x1b[2J\"b\"", empty = "", "bad\nnews");
        });
        let expected = r#"ERROR bad\nnews cause="a\n\u{1b}[2J\"b\"" empty="""#;
        assert!(text.ends_with(&format!("{expected}\n")), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn only_a_terminal_gets_colours() {
        let log = || warn!("x");
        assert!(logged(true, log).contains("\x1b[33mWARN \x1b[0m x"));
        assert!(!logged(false, log).contains('\x1b'));
    }
}
