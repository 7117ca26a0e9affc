//! The form of a line for programs: one JSON object, all of whose values are texts.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::parts::{Parts, of_spans, parts};

/// Writes `{"ts":"…","level":"…","msg":"…","field":"value"}`.
pub(crate) struct Objects {
    now: fn() -> Timestamp,
}

impl Objects {
    /// `now` is asked once per line.
    pub(crate) const fn new(now: fn() -> Timestamp) -> Self {
        Self { now }
    }
}

impl<S, N> FormatEvent<S, N> for Objects
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
        let texts: Texts = parts(|visit| event.record(visit));
        let (now, level) = ((self.now)().strftime("%FT%TZ"), event.metadata().level());
        write!(
            to,
            r#"{{"ts":"{now}","level":"{level}","msg":"{}""#,
            texts.message
        )?;
        of_spans(context, |fields| to.write_str(fields))?;
        writeln!(to, "{}}}", texts.fields)
    }
}

/// Writes the fields of a span as further members of an object: `,"name":"value"` each.
pub(crate) struct Members;

impl<'writer> FormatFields<'writer> for Members {
    fn format_fields<R: RecordFields>(&self, mut to: Writer<'writer>, fields: R) -> fmt::Result {
        let texts: Texts = parts(|visit| fields.record(visit));
        to.write_str(&texts.fields)
    }
}

/// Message and fields of an event, escaped.
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
        let _ = write!(self.fields, r#","{name}":""#);
        escape(&mut self.fields, value);
        self.fields.push('"');
    }
}

/// What stands between the quotes of a JSON text.
fn escape(to: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => to.extend(['\\', c]),
            '\n' => to.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(to, "\\u{:04x}", u32::from(c));
            }
            c => to.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{error, info, info_span, warn};
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::sinks::Sink;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let written = Kept::default();
        let layer = fmt::layer()
            .event_format(Objects::new(|| Timestamp::UNIX_EPOCH))
            .fmt_fields(Members)
            .with_writer(Sink::new(written.clone()));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_is_an_object_whose_values_are_texts() {
        let text = logged(|| {
            let _worker = info_span!("worker", agent = "host-1", spawn = 2).entered();
            info!(exit = 0, job = "j1", "finished");
            warn!("no job");
        });
        let start = r#"{"ts":"1970-01-01T00:00:00Z","level":"#;
        let wanted = [
            r#""INFO","msg":"finished","agent":"host-1","spawn":"2","exit":"0","job":"j1"}"#,
            r#""WARN","msg":"no job","agent":"host-1","spawn":"2"}"#,
        ];
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines, wanted.map(|rest| format!("{start}{rest}")));
    }

    #[test]
    fn nothing_logged_can_break_its_object() {
        let text = logged(|| error!(cause = "a\n\"b\"\\\u{1b}[2J", "bad\"\nnews"));
        let wanted = r#""msg":"bad\"\nnews","cause":"a\n\"b\"\\\u001b[2J"}"#;
        assert!(text.ends_with(&format!("{wanted}\n")), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
