//! What an event or a span says, as texts: the message and the fields, one after the other.

use std::error::Error;
use std::fmt;

use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::fmt::{FmtContext, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Takes them in.
pub(crate) trait Parts: Default {
    /// The text of an event.
    fn message(&mut self, text: &str);

    /// A field of an event or a span.
    fn field(&mut self, name: &str, value: &str);
}

/// Hands what is recorded to some parts.
struct Recorded<P>(P);

/// What `record` records.
pub(crate) fn parts<P: Parts>(record: impl FnOnce(&mut dyn Visit)) -> P {
    let mut recorded = Recorded(P::default());
    record(&mut recorded);
    recorded.0
}

impl<P: Parts> Recorded<P> {
    fn push(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.0.message(value),
            name => self.0.field(name, value),
        }
    }
}

impl<P: Parts> Visit for Recorded<P> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, &format!("{value:?}"));
    }
}

/// The fields of each span around an event, from the outermost on, as they were formatted.
pub(crate) fn of_spans<S, N>(
    context: &FmtContext<'_, S, N>,
    mut write: impl FnMut(&str) -> fmt::Result,
) -> fmt::Result
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let mut scope = context.event_scope().into_iter().flat_map(Scope::from_root);
    scope.try_for_each(|span| match span.extensions().get::<FormattedFields<N>>() {
        Some(fields) if !fields.is_empty() => write(fields),
        _ => Ok(()),
    })
}
