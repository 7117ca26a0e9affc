//! What a data file may say: the fields of a case, parts that cases share, rows of a table.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

/// Text by name; names are unique and compared in order.
pub(super) type Texts = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) claim: String,
    #[serde(default)]
    pub(super) job: Texts,
    #[serde(default)]
    pub(super) unset: Vec<String>,
    #[serde(default)]
    pub(super) flags: Vec<String>,
    #[serde(default)]
    pub(super) hooks: BTreeMap<String, File>,
    #[serde(default)]
    pub(super) more_hooks: Vec<BTreeMap<String, File>>,
    #[serde(default)]
    pub(super) repos: BTreeMap<String, Repository>,
    #[serde(default)]
    pub(super) files: BTreeMap<String, File>,
    #[serde(default)]
    pub(super) zips: BTreeMap<String, Texts>,
    #[serde(default)]
    pub(super) locked: Vec<String>,
    #[serde(default)]
    pub(super) before: Vec<Before>,
    #[serde(default)]
    pub(super) git_rules: Vec<GitRule>,
    #[serde(default)]
    pub(super) programs: BTreeMap<String, Answer>,
    pub(super) own: Option<Vec<OwnRule>>,
    #[serde(default)]
    pub(super) signals: Vec<Signal>,
    pub(super) endpoint: Option<Vec<Route>>,
    #[serde(default = "told_only")]
    pub(super) watch: Vec<String>,
    pub(super) wants: Wants,
}

fn told_only() -> Vec<String> {
    vec!["told".to_owned()]
}

/// A file: its text, or how it is made.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum File {
    Text(String),
    Made(Made),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Made {
    /// Text with the execute bit as said, whatever is usual at that place.
    Plain(String),
    Executable(String),
    /// Target of a symbolic link.
    Link(String),
    /// A copy of an installed program.
    Program(String),
    /// Commit of another repository that a submodule stands at: `repository:commit`.
    Submodule(String),
    /// Taken away by this commit.
    Gone(bool),
}

/// A bare repository; `files` alone stands for one commit `c1` of `main`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) files: BTreeMap<String, File>,
    #[serde(default)]
    pub(super) commits: Vec<Commit>,
    #[serde(default)]
    pub(super) tags: Texts,
    #[serde(default)]
    pub(super) refs: Texts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commit {
    pub(super) id: String,
    #[serde(default = "main_branch")]
    pub(super) branch: String,
    /// The commit before it in the list, if not said.
    pub(super) parent: Option<String>,
    #[serde(default)]
    pub(super) merge: Vec<String>,
    pub(super) message: Option<String>,
    pub(super) author: Option<String>,
    #[serde(default)]
    pub(super) files: BTreeMap<String, File>,
}

fn main_branch() -> String {
    "main".to_owned()
}

/// What happens on the host before the job: shell code, or a whole earlier job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Before {
    Sh(String),
    Job(Texts),
}

/// Shell code run in front of git when its arguments contain `has` (they stand between blanks).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GitRule {
    pub(super) has: String,
    #[serde(default = "once")]
    pub(super) times: u32,
    pub(super) run: String,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) prints: String,
    #[serde(default)]
    pub(super) exit: u8,
}

/// Answer of the stand-in for our own executable to arguments that begin with `starts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnRule {
    pub(super) starts: String,
    #[serde(default)]
    pub(super) prints: String,
    #[serde(default)]
    pub(super) exit: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    /// Name of the event it follows.
    pub(super) after: String,
    /// `TERM`, `INT`, `HUP` or `QUIT`; to the group of the executor.
    pub(super) send: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default = "fine")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) json: String,
}

fn fine() -> u16 {
    200
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wants {
    pub(super) exit: Option<i32>,
    pub(super) signal: Option<String>,
    #[serde(default)]
    pub(super) events: Vec<Event>,
    #[serde(default)]
    pub(super) any_order: bool,
    pub(super) headers: Option<Vec<String>>,
    pub(super) lines: Option<Vec<String>>,
    #[serde(default)]
    pub(super) files: BTreeMap<String, State>,
    pub(super) requests: Option<Vec<String>>,
    #[serde(default)]
    pub(super) log_has: Vec<String>,
    #[serde(default)]
    pub(super) log_lacks: Vec<String>,
    #[serde(default)]
    pub(super) raw_has: Vec<String>,
}

/// One event: exactly one of `told`, `git`, `ran` and `own` says what kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) told: Option<String>,
    pub(super) git: Option<Words>,
    pub(super) ran: Option<String>,
    pub(super) own: Option<Words>,
    pub(super) args: Option<Words>,
    #[serde(default)]
    pub(super) env: Texts,
    #[serde(default)]
    pub(super) unset: Vec<String>,
    pub(super) stdin: Option<String>,
    /// The checkout folder, if not said.
    #[serde(rename = "in")]
    pub(super) folder: Option<String>,
}

/// Arguments: a list, or a text that is split at blanks.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

/// What a path is after the job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum State {
    Plain(String),
    Executable(String),
    Link(String),
    /// The names in a folder, without `.git`.
    Folder(Vec<String>),
    Absent,
}

/// Reads a data file: parts are merged into the cases that use them, rows become cases.
pub(super) fn read(text: &str) -> Vec<Case> {
    let mut file: Table = text.parse().expect("the data is TOML");
    let parts = file.remove("parts").map(into_table).unwrap_or_default();
    let Some(Value::Array(cases)) = file.remove("case") else {
        panic!("a data file holds [[case]]");
    };
    assert!(file.is_empty(), "unknown in a data file: {file:?}");
    cases
        .into_iter()
        .flat_map(|case| rows(into_table(case), &parts))
        .map(|table| {
            let claim = table["claim"].clone();
            let case = Value::Table(table).try_into();
            case.unwrap_or_else(|error| panic!("{claim}: {error}"))
        })
        .collect()
}

fn into_table(value: Value) -> Table {
    match value {
        Value::Table(table) => table,
        other => panic!("a table is wanted, not {other}"),
    }
}

fn rows(mut case: Table, parts: &Table) -> Vec<Table> {
    let rows = case.remove("rows");
    let claim = case["claim"].as_str().expect("a claim").to_owned();
    let Some(Value::Array(rows)) = rows else {
        return vec![with_parts(case, parts)];
    };
    rows.into_iter()
        .map(|row| {
            let mut row = into_table(row);
            let own = row["claim"].as_str().expect("a claim").to_owned();
            row.insert("claim".into(), Value::String(format!("{claim}: {own}")));
            let mut merged = case.clone();
            merge(&mut merged, row);
            with_parts(merged, parts)
        })
        .collect()
}

fn with_parts(mut case: Table, parts: &Table) -> Table {
    let mut base = Table::new();
    if let Some(Value::Array(names)) = case.remove("use") {
        for name in names {
            let name = name.as_str().expect("a name");
            let part = parts.get(name).unwrap_or_else(|| panic!("no part {name}"));
            merge(&mut base, into_table(part.clone()));
        }
    }
    merge(&mut base, case);
    base
}

/// Tables are merged name by name; anything else is replaced.
fn merge(base: &mut Table, over: Table) {
    for (name, value) in over {
        match (base.get_mut(&name), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => merge(inner, value),
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}
