//! The report for programs.

use serde_json::{Value, json};

use super::report::{Report, Row};
use crate::config::origin::Origin;

/// The whole report, with a line end.
pub(super) fn page(report: &Report) -> String {
    let settings: Vec<Value> = report.rows().map(setting).collect();
    let page = json!({
        "config_file": report.file.as_ref().map(|file| file.to_string_lossy()),
        "settings": settings,
        "notes": report.notes,
        "errors": report.wrong,
    });
    format!("{page:#}\n")
}

fn setting(row: &Row) -> Value {
    let origin = match &row.origin {
        Origin::Flag(name) => json!({"kind": "flag", "name": name}),
        Origin::Variable(name) => json!({"kind": "variable", "name": name}),
        Origin::File(file, line) => {
            json!({"kind": "file", "path": file.to_string_lossy(), "line": line})
        }
        Origin::Default(_) => json!({"kind": "default"}),
    };
    json!({"name": row.name, "value": row.value, "origin": origin, "error": row.problem})
}
