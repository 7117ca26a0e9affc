//! Where text goes: what was asked for to standard output, everything else to standard error.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::failure::Failure;
use crate::show::paint::Paint;

/// Narrowest width that text is laid out for.
const NARROWEST: usize = 40;

/// Width where nobody says how wide the terminal is.
const USUAL: usize = 100;

/// How this process talks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether programs read it.
    pub(crate) json: bool,
    /// Columns that lines may have.
    pub(crate) width: usize,
    pub(crate) paint: Paint,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json,
            width: width(terminal).max(NARROWEST),
            paint: Paint::new(terminal && !plain && console::colors_enabled()),
        }
    }

    /// Prints text for people. A reader that is gone is no error: it has seen enough.
    pub(crate) fn text(&self, text: &str) {
        if !self.json {
            let _ = write!(std::io::stdout(), "{text}");
        }
    }

    /// Prints a document for programs.
    pub(crate) fn document(&self, document: &impl Serialize) {
        if self.json {
            let text =
                serde_json::to_string_pretty(document).expect("plain data always serialises");
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// Prints a line beside the result.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        #[derive(Serialize)]
        struct Document<'a> {
            error: &'a str,
            detail: String,
        }
        self.document(&Document {
            error: failure.word(),
            detail: failure.to_string(),
        });
        self.remark(&format!("trireme: {failure}"));
    }
}

fn width(terminal: bool) -> usize {
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    said.or_else(|| {
        let (_, columns) = console::Term::stdout().size_checked()?;
        terminal.then_some(usize::from(columns))
    })
    .unwrap_or(USUAL)
}
