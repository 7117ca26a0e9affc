//! Every setting with its value, its place and what is wrong with it. Pure.

use std::path::PathBuf;

use crate::config::flags::{Flag, Kind, START, Support};
use crate::config::origin::Origin;
use crate::config::raw::{Raw, Renamed};
use crate::config::resolve::{self, ConfigError, Place};
use crate::config::values::Values;

/// What is shown of all settings.
pub(super) struct Report {
    /// The config file that was read.
    pub(super) file: Option<PathBuf>,
    /// Settings by topic.
    pub(super) topics: Vec<(&'static str, Vec<Row>)>,
    /// What is odd, but no reason to stop.
    pub(super) notes: Vec<String>,
    /// What is wrong with the settings as a whole.
    pub(super) wrong: Vec<String>,
}

/// One setting.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Its value, unless it is secret.
    pub(super) value: String,
    pub(super) origin: Origin,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
}

impl Report {
    /// What `agent start` would find in `place`.
    pub(super) fn new(raw: &Raw, place: &Place) -> Self {
        let values = Values::new(raw, &place.around);
        let rows = |flags: &'static [Flag]| {
            let rows = flags.iter().map(|flag| row(flag, raw, &values, place));
            rows.collect()
        };
        let topics = START.iter().map(|topic| (topic.title, rows(topic.flags)));
        let mut report = Self {
            file: raw.file.clone(),
            topics: topics.collect(),
            notes: notes(raw),
            wrong: Vec::new(),
        };
        if !report.is_wrong() {
            let wrong = resolve::resolve(raw, place).err();
            report.wrong.extend(wrong.map(|error| error.to_string()));
        }
        report
    }

    /// All settings.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.topics.iter().flat_map(|(_, rows)| rows)
    }

    /// Whether an agent would not start like this.
    pub(super) fn is_wrong(&self) -> bool {
        !self.wrong.is_empty() || self.rows().any(|row| row.problem.is_some())
    }
}

fn row(flag: &'static Flag, raw: &Raw, values: &Values<'_>, place: &Place) -> Row {
    let said = raw.get(flag.name);
    let is_default = matches!(said.origin, Origin::Default(_));
    let value = match place.default_of(flag.name).filter(|_| is_default) {
        Some(value) => value,
        None if flag.kind == Kind::Secret => masked(&said.text),
        None => said.text,
    };
    let problem = resolve::check(flag, values).err().map(|error| match error {
        ConfigError::Value(bad) => bad.problem,
        other => other.to_string(),
    });
    Row {
        name: flag.name,
        value,
        origin: said.origin,
        problem,
    }
}

/// A secret's place is none.
fn masked(secret: &str) -> String {
    let secret = secret.trim();
    let is_place = secret.starts_with("file://") || secret.starts_with("fd://");
    if is_place || secret.is_empty() {
        secret.to_owned()
    } else {
        "********".to_owned()
    }
}

fn notes(raw: &Raw) -> Vec<String> {
    let renamed = raw.renamed.iter();
    let renamed = renamed.map(|Renamed { name, origin, now }| {
        format!("{name} is called {now} by now; rename it ({origin})")
    });
    let keys = raw.unknown_keys.iter();
    let unknown = keys.map(|key| format!("the config file's key {key} is unknown and ignored"));
    let idle = raw
        .said()
        .filter(|(flag, said)| flag.support == Support::Idle && said.text != flag.default);
    let idle = idle.map(|(flag, said)| {
        let name = flag.name;
        format!("{name} has no effect in this version ({})", said.origin)
    });
    renamed.chain(unknown).chain(idle).collect()
}
