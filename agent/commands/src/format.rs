//! The forms that answers are printed in.

use serde::Serialize;

use crate::error::CommandError;
use crate::given::Given;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    Json,
    JsonPretty,
    Quiet,
}

/// The forms of a flag, and the same in words.
pub(crate) struct Formats(&'static [(&'static str, Format)], &'static str);

/// For commands that show something.
pub(crate) const SHOWN: Formats = Formats(
    &[
        ("plain", Format::Plain),
        ("json", Format::Json),
        ("json-pretty", Format::JsonPretty),
    ],
    "plain, json or json-pretty",
);

/// For commands that show only JSON.
pub(crate) const JSON_ONLY: Formats = Formats(
    &[("json", Format::Json), ("json-pretty", Format::JsonPretty)],
    "json or json-pretty",
);

/// For commands that do something.
pub(crate) const DONE: Formats = Formats(
    &[
        ("plain", Format::Plain),
        ("json", Format::Json),
        ("json-pretty", Format::JsonPretty),
        ("quiet", Format::Quiet),
    ],
    "plain, json, json-pretty or quiet",
);

impl Format {
    /// The form that a flag asks for.
    pub(crate) fn asked(
        given: &Given,
        flag: &str,
        formats: &Formats,
    ) -> Result<Self, CommandError> {
        let found = formats.0.iter().find(|(name, _)| *name == given.text(flag));
        found
            .map(|(_, format)| *format)
            .ok_or_else(|| given.wrong(flag, formats.1))
    }

    /// The text of an answer; `plain` makes that of the plain form.
    pub(crate) fn show(self, answer: &impl Serialize, plain: impl FnOnce() -> String) -> String {
        let json = match self {
            Self::Plain => return plain(),
            Self::Quiet => return String::new(),
            Self::Json => serde_json::to_string(answer),
            Self::JsonPretty => serde_json::to_string_pretty(answer),
        };
        let mut json = json.expect("answers have text for keys");
        json.push('\n');
        json
    }
}
