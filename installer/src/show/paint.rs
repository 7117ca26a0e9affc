//! Colours: a few, and never the only carrier of a meaning.

use console::Style;

/// Paints, or does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    pub(crate) const fn new(on: bool) -> Self {
        Self { on }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with(&Style::new().green(), text)
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.with(&Style::new().yellow(), text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with(&Style::new().red().bold(), text)
    }

    pub(crate) fn label(self, text: &str) -> String {
        self.with(&Style::new().bold(), text)
    }

    fn with(self, style: &Style, text: &str) -> String {
        let style = style.clone().force_styling(self.on);
        style.apply_to(text).to_string()
    }
}
