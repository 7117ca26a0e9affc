//! The report for a terminal: what somebody set stands out, the rest is dim.

use std::fmt::Write as _;

use super::report::{Report, Row};
use crate::config::origin::Origin;

/// Widest value that leaves the places after it in one column.
const VALUE: usize = 34;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The whole page.
pub(super) fn page(report: &Report, colour: bool) -> String {
    let paint = Paint(colour);
    let file = report.file.as_ref();
    let file = file.map_or_else(
        || "none found".to_owned(),
        |file| file.display().to_string(),
    );
    let mut page = format!("Config file: {file}\n");
    let longest = report.rows().map(|row| row.name.len()).max().unwrap_or(0);
    for (title, rows) in &report.topics {
        page.extend(["\n", &paint.with(BOLD, title), "\n"]);
        page.extend(rows.iter().map(|row| line(row, longest, paint)));
    }
    page.push('\n');
    for note in &report.notes {
        page.extend([&paint.with(YELLOW, "note:"), " ", note, "\n"]);
    }
    for wrong in &report.wrong {
        page.extend([&paint.with(RED, "error:"), " ", wrong, "\n"]);
    }
    page.push_str(&summary(report, paint));
    page
}

fn line(row: &Row, longest: usize, paint: Paint) -> String {
    let name = format!("{:longest$}", row.name);
    // What is pasted into a terminal must not steer it.
    let value: String = row.value.chars().flat_map(printable).collect();
    if matches!(row.origin, Origin::Default(_)) {
        let line = format!("{name}  {value:VALUE$}  default");
        return format!("  {}\n", paint.with(DIM, &line));
    }
    let origin = match &row.origin {
        Origin::File(_, number) => format!("line {number} of the config file"),
        other => other.to_string(),
    };
    let colour = if row.problem.is_some() { RED } else { GREEN };
    let value = paint.with(colour, &format!("{value:VALUE$}"));
    let mut line = format!("  {name}  {value}  {}", paint.with(DIM, &origin));
    if let Some(problem) = &row.problem {
        let indent = longest + 4;
        let _ = write!(
            line,
            "\n{:indent$}{} {problem}",
            "",
            paint.with(RED, "error:")
        );
    }
    line.push('\n');
    line
}

fn printable(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = escaped.is_none().then_some(c);
    plain.into_iter().chain(escaped.into_iter().flatten())
}

fn summary(report: &Report, paint: Paint) -> String {
    let wrong = report.rows().filter(|row| row.problem.is_some()).count() + report.wrong.len();
    let rows = report.rows();
    let set = rows
        .filter(|row| !matches!(row.origin, Origin::Default(_)))
        .count();
    let text = match (wrong, set) {
        (0, 1) => "1 setting, no errors; all others have their defaults.".to_owned(),
        (0, set) => format!("{set} settings, no errors; all others have their defaults."),
        (1, _) => "1 error: `agent start` would not start.".to_owned(),
        (wrong, _) => format!("{wrong} errors: `agent start` would not start."),
    };
    let colour = if wrong > 0 { RED } else { GREEN };
    paint.with(colour, &text) + "\n"
}
