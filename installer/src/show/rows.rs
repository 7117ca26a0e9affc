//! Rows of a label and a text, wrapped behind the label.

use std::fmt::Write as _;

use console::measure_text_width;

use crate::output::Output;

/// Rows that stand together: their texts begin in one column.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<(String, String)>,
}

impl Rows {
    /// Adds a row; a label that is empty continues the row above.
    pub(crate) fn add(&mut self, label: impl Into<String>, text: impl Into<String>) {
        self.rows.push((label.into(), text.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, `indent` columns from the left.
    pub(crate) fn render(&self, indent: usize, output: &Output) -> String {
        let labels = self.rows.iter().map(|(label, _)| measure_text_width(label));
        let column = indent + labels.max().unwrap_or(0) + 2;
        let room = output.width.saturating_sub(column).max(16);
        let mut text = String::new();
        for (label, value) in &self.rows {
            let gap = column - indent - measure_text_width(label);
            let label = output.paint.label(label);
            for (place, line) in wrap(value, room).iter().enumerate() {
                let _ = match place {
                    0 => writeln!(text, "{:indent$}{label}{:gap$}{line}", "", ""),
                    _ => writeln!(text, "{:column$}{line}", ""),
                };
            }
        }
        text
    }
}

/// Breaks a text at spaces, so that no line is wider than `room` unless one word is.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        let width = measure_text_width(line) + 1 + measure_text_width(word);
        if line.is_empty() {
            word.clone_into(line);
        } else if width <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_never_inside_a_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
