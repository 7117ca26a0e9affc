//! Names and attributes of spans.

use std::borrow::Cow;

use agent_otel::Attribute;

/// A span that is about to begin.
#[derive(Debug)]
pub(crate) struct Span {
    name: Cow<'static, str>,
    /// The name that users of Datadog know, where it is another one.
    in_datadog: Option<&'static str>,
    attributes: Vec<Attribute>,
}

impl Span {
    /// A span of this name.
    pub(crate) fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            in_datadog: None,
            attributes: Vec::new(),
        }
    }

    /// With this name in Datadog.
    pub(crate) fn in_datadog(self, name: &'static str) -> Self {
        let in_datadog = Some(name);
        Self { in_datadog, ..self }
    }

    /// With one more attribute.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute::new(name, value.into()));
        self
    }

    /// What it is called, and what is known of it. Every span of the peer has the first attribute.
    pub(super) fn named(self, datadog: bool) -> (Cow<'static, str>, Vec<Attribute>) {
        let name = match self.in_datadog {
            Some(name) if datadog => name.into(),
            _ => self.name,
        };
        let first = Attribute::new("analytics.event", "true");
        let attributes = std::iter::once(first).chain(self.attributes);
        (name, attributes.collect())
    }
}
