//! What was wanted beside what was seen: every difference as one line.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fmt, fs};

use super::case::{Case, Event as WantedEvent, State, Words};
use super::events::Event;
use super::host::Host;
use super::run::Seen;
use super::text::Names;

/// Every difference between the case and what happened; none is a pass.
pub(super) fn compare(case: &Case, host: &Host, seen: &Seen) -> Vec<String> {
    let (wants, names) = (&case.wants, &host.names);
    let mut found = Vec::new();
    let end = match (&wants.signal, wants.exit) {
        (Some(name), None) => format!("signal {name}"),
        (None, code) => format!("exit {}", code.unwrap_or(0)),
        _ => panic!("{}: exit or signal", case.claim),
    };
    if end != seen.end {
        found.push(format!("wanted {end}, got {}", seen.end));
    }
    let events = seen
        .events
        .iter()
        .filter(|event| case.watch.contains(&event.kind));
    compare_events(case, names, events.cloned().collect(), &mut found);
    let log = Log::new(&seen.log);
    compare_lists(
        "headers",
        wants.headers.as_ref(),
        &log.headers(),
        names,
        &mut found,
    );
    compare_lists(
        "lines",
        wants.lines.as_ref(),
        &log.marked(),
        names,
        &mut found,
    );
    compare_lists(
        "requests",
        wants.requests.as_ref(),
        &seen.requests,
        names,
        &mut found,
    );
    let has = |text: &String, log: &str| names.pattern(text).is_in(log);
    for text in wants.log_has.iter().filter(|text| !has(text, &log.plain)) {
        found.push(format!("the log lacks {text:?}"));
    }
    for text in wants.log_lacks.iter().filter(|text| has(text, &log.plain)) {
        found.push(format!("the log has {text:?}"));
    }
    for text in wants.raw_has.iter().filter(|text| !has(text, &seen.log)) {
        found.push(format!("the log as written lacks {text:?}"));
    }
    for (path, state) in &wants.files {
        compare_file(path, state, names, &mut found);
    }
    found.iter().map(|line| names.short(line)).collect()
}

/// The log without colours and other escapes, one line feed per line.
struct Log {
    plain: String,
}

impl Log {
    fn new(raw: &str) -> Self {
        let mut plain = String::new();
        let mut rest = raw;
        while let Some(at) = rest.find('\x1b') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = match rest.bytes().next() {
                Some(b'[') => rest.find(|one: char| one.is_ascii_alphabetic()),
                Some(b'_' | b']') => rest.find('\x07'),
                _ => None,
            };
            rest = end.map_or(rest, |end| &rest[end + 1..]);
        }
        plain.push_str(rest);
        let plain = plain.replace("\r\n", "\n").replace('\r', "\n");
        Self { plain }
    }

    /// Lines by which a reader of the log folds it.
    fn headers(&self) -> Vec<String> {
        let is_header = |line: &&str| {
            ["~~~", "---", "+++", "^^^"]
                .iter()
                .filter_map(|mark| line.strip_prefix(mark))
                .any(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.plain
            .lines()
            .filter(is_header)
            .map(str::to_owned)
            .collect()
    }

    /// What follows `out:` in lines that start with it.
    fn marked(&self) -> Vec<String> {
        let lines = self
            .plain
            .lines()
            .filter_map(|line| line.strip_prefix("out:"));
        lines.map(str::to_owned).collect()
    }
}

fn compare_lists(
    what: &str,
    wanted: Option<&Vec<String>>,
    got: &[String],
    names: &Names,
    found: &mut Vec<String>,
) {
    let Some(wanted) = wanted else { return };
    let same = wanted.len() == got.len()
        && wanted
            .iter()
            .zip(got)
            .all(|(wanted, got)| names.pattern(wanted).is(got));
    if !same {
        found.push(format!(
            "{what}:\n      wanted {wanted:?}\n      got    {got:?}"
        ));
    }
}

fn compare_events(case: &Case, names: &Names, mut got: Vec<Event>, found: &mut Vec<String>) {
    let mut missing = Vec::new();
    for (number, wanted) in case.wants.events.iter().enumerate() {
        if case.wants.any_order {
            match got
                .iter()
                .position(|got| differ(wanted, got, names).is_none())
            {
                Some(at) => _ = got.remove(at),
                None => missing.push(wanted),
            }
            continue;
        }
        let Some(event) = got.get(number) else {
            missing.push(wanted);
            continue;
        };
        if let Some(how) = differ(wanted, event, names) {
            return found.push(format!("event {}: {how}\n      got    {event}", number + 1));
        }
    }
    let expected = if case.wants.any_order {
        0
    } else {
        case.wants.events.len()
    };
    for wanted in missing {
        found.push(format!("missing event: {wanted}"));
    }
    for event in got.iter().skip(expected) {
        found.push(format!("unexpected event: {event}"));
    }
}

/// How an event differs from the one wanted, if it does.
fn differ(wanted: &WantedEvent, got: &Event, names: &Names) -> Option<String> {
    let (kind, name, args) = wanted.parts();
    if (kind, name) != (got.kind.as_str(), got.name.as_str()) {
        return Some(format!("wanted {wanted}"));
    }
    let folder = wanted.folder.as_deref().unwrap_or("@checkout@");
    if !names.pattern(folder).is(&got.folder) {
        return Some(format!("wanted in {folder}, got {}", got.folder));
    }
    let same_args = args.len() == got.args.len()
        && args
            .iter()
            .zip(&got.args)
            .all(|(wanted, got)| names.pattern(wanted).is(got));
    if !same_args {
        return Some(format!("wanted arguments {args:?}, got {:?}", got.args));
    }
    let stdin = |text: &String| {
        got.stdin
            .as_ref()
            .is_some_and(|got| names.pattern(text).is(got))
    };
    if wanted
        .stdin
        .as_ref()
        .map_or(got.stdin.is_some(), |text| !stdin(text))
    {
        return Some(format!(
            "wanted input {:?}, got {:?}",
            wanted.stdin, got.stdin
        ));
    }
    for (name, value) in &wanted.env {
        match got.env.get(name) {
            Some(Some(got)) if names.pattern(value).is(got) => {}
            other => return Some(format!("wanted {name}={value:?}, got {other:?}")),
        }
    }
    for name in &wanted.unset {
        if got.env.get(name) != Some(&None) {
            return Some(format!("wanted no {name}, got {:?}", got.env.get(name)));
        }
    }
    let known = |name: &&String| wanted.env.contains_key(*name) || wanted.unset.contains(name);
    let more = got.env.keys().find(|name| !known(name))?;
    Some(format!("unexpected {more}={:?}", got.env[more]))
}

/// As a reader of a failure needs it.
impl fmt::Display for WantedEvent {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, args) = self.parts();
        write!(
            to,
            "{kind} {name} {args:?} in {}",
            self.folder.as_deref().unwrap_or("@checkout@")
        )?;
        write!(to, " {:?} unset {:?}", self.env, self.unset)
    }
}

impl WantedEvent {
    /// Kind, name and arguments.
    fn parts(&self) -> (&'static str, &str, Vec<String>) {
        let list = |words: &Option<Words>| words.as_ref().map(Words::list).unwrap_or_default();
        match (&self.told, &self.git, &self.ran, &self.own) {
            (Some(name), None, None, None) => ("told", name, list(&self.args)),
            (None, Some(_), None, None) => ("git", "", list(&self.git)),
            (None, None, Some(name), None) => ("ran", name, list(&self.args)),
            (None, None, None, Some(_)) => ("own", "", list(&self.own)),
            _ => panic!("an event is one of told, git, ran and own: {self:?}"),
        }
    }
}

fn compare_file(path: &str, state: &State, names: &Names, found: &mut Vec<String>) {
    let full = names.fill(path);
    let at = Path::new(&full);
    let metadata = fs::symlink_metadata(at);
    let is = |pattern: &str, text: &str| names.pattern(pattern).is(text);
    let text = || fs::read_to_string(at).unwrap_or_default();
    let mode = metadata
        .as_ref()
        .map_or(0, |meta| meta.permissions().mode());
    let folder = metadata.as_ref().is_ok_and(fs::Metadata::is_dir);
    let fits = match state {
        State::Absent => metadata.is_err(),
        State::Link(target) => {
            fs::read_link(at).is_ok_and(|got| is(target, &got.to_string_lossy()))
        }
        State::Folder(wanted) => {
            let got = if folder {
                list(at)
            } else {
                vec!["(no folder)".to_owned()]
            };
            return compare_lists(path, Some(wanted), &got, names, found);
        }
        State::Plain(wanted) => metadata.is_ok() && mode & 0o111 == 0 && is(wanted, &text()),
        State::Executable(wanted) => !folder && mode & 0o111 != 0 && is(wanted, &text()),
    };
    if !fits {
        let got = if metadata.is_ok() {
            text()
        } else {
            "nothing".to_owned()
        };
        found.push(format!(
            "{path}: wanted {state:?}, got mode {mode:o}, {got:?}"
        ));
    }
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("folder").flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".git")
        .collect();
    names.sort();
    names
}
