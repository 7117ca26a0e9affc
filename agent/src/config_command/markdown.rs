//! `docs/configuration.md`, made from the tables that the agent reads its settings by.

use std::fmt::Write as _;

use crate::config::flags::{Flag, Kind, START, Support};
use crate::config::other_names::{Age, OTHER_NAMES, OtherName, Says};
use crate::config::other_variables::OTHER_VARIABLES;
use crate::config::raw::search_paths;

const HEAD: &str = "\
<!-- Made by `cargo xtask docs --write` from the tables in agent/src/config; change those. -->

# Configuration of the agent

Every setting has one name: `--name` on the command line of `agent start`, `name` in the config file,
and a variable of the environment. Where it is set more than once, the command line wins over the
environment, and the environment over the config file. An empty variable or key says nothing, but for
the flags of git and for `redacted-vars`: there it means none, in the place of the default.
`agent config show`, with the flags of `agent start`, prints each value and where it comes from, says
what is wrong with it, and needs no token.

Flags are written `--name value`, `--name=value` or with one dash; a switch takes a value only after
`=`, as in `--debug=false`. Lists are separated by commas, and on the command line a list may be given
several times. Switches take `true`, `t`, `1` and `false`, `f`, `0`. Times have units: `10s`, `1m30s`.
In paths, `~` and `$NAME` are replaced.

The variables of settings do not reach jobs: each job gets what the agent made of them
([what a job sees](executor.md)).

## The config file

One `key=value` a line; `key: value` and `export key=value` are understood, too. Values may stand in
quotes. `#` begins a comment. Keys that are unknown are ignored, and the log names them. `--config`
names the file; without it the first one of these that exists is read:

";

const NAMES: &str = "
## Other names

Names that buildkite-agent gave up, and names of its version 4, mean the same settings. In one place,
a setting's own name wins over these. The log asks to replace those that were given up.

| name | variable | what it sets |
|---|---|---|
";

const VARIABLES: &str = "
## Other variables

Not settings, but read by the agent from its environment.

| variable | what it does |
|---|---|
";

/// The whole page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    let folders = search_paths(
        Some("FOLDER-OF-THE-PROGRAM/agent".as_ref()),
        Some("~".as_ref()),
    );
    for path in folders {
        let _ = writeln!(page, "1. `{}`", path.display());
    }
    for topic in START {
        let _ = write!(page, "\n## {}\n\n", topic.title);
        page.push_str("| flag and key | variable | takes | default | what it does |\n");
        page.push_str("|---|---|---|---|---|\n");
        for flag in topic.flags {
            row(&mut page, flag);
        }
    }
    page.push_str(NAMES);
    for name in OTHER_NAMES {
        name_row(&mut page, name);
    }
    page.push_str(VARIABLES);
    for (variable, help) in OTHER_VARIABLES {
        let _ = writeln!(page, "| `{variable}` | {} |", cell(help));
    }
    page
}

fn row(page: &mut String, flag: &Flag) {
    let Flag {
        name,
        kind,
        default,
        support,
        help,
        ..
    } = flag;
    let variables: Vec<_> = flag.variables().map(|name| format!("`{name}`")).collect();
    let default = match *default {
        "" | "false" => String::new(),
        default => format!("`{}`", cell(default).replace(',', ", ")),
    };
    let support = match support {
        Support::Full => "",
        Support::Idle => " (accepted, without effect in this version)",
        Support::Refused => " (refused: not in this version yet)",
    };
    let _ = writeln!(
        page,
        "| `{name}` | {} | {} | {default} | {}{support} |",
        variables.join(" "),
        takes(*kind),
        cell(help),
    );
}

fn takes(kind: Kind) -> String {
    let words = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        words.join(", ")
    };
    match kind {
        Kind::Switch => "on or off".to_owned(),
        Kind::SwitchOr(all) => format!("on, off, {}", words(all)),
        Kind::Choice(all) => words(all),
        Kind::Text | Kind::Arguments | Kind::Secret => "text".to_owned(),
        Kind::Number | Kind::Integer => "a number".to_owned(),
        Kind::Duration => "a time".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::List => "a list".to_owned(),
    }
}

fn name_row(page: &mut String, other: &OtherName) {
    let OtherName {
        name, env, means, ..
    } = other;
    let sets = match other.says {
        Says::TheSame => format!("`{means}`"),
        Says::WhenOn(word) => format!("`{means}` to `{word}`, when on"),
    };
    let age = match other.age {
        Age::Old => "given up",
        Age::New => "version 4",
    };
    let _ = writeln!(page, "| `{name}` | `{env}` | {sets} ({age}) |");
}

/// Text that leaves its table whole.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
