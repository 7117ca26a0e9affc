//! Bare repositories, each made by one run of `git fast-import`: the same input gives the same
//! commits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::case::{Commit, File, Made, Repository};
use super::text::Names;

const AUTHOR: &str = "Ada Main <ada@example.test>";
/// Seconds since 1970 of the first commit; each later one is a minute younger.
const FIRST: usize = 1_700_000_000;

/// Makes the repository and names its commits `commit:REPO:ID` and `short:REPO:ID`.
pub(super) fn make(
    folder: &Path,
    name: &str,
    repository: &Repository,
    git: &[&str],
    names: &mut Names,
) {
    let path = folder.join(name);
    let run = || {
        let mut command = Command::new(git[0]);
        command
            .args(&git[1..])
            .current_dir(folder)
            .stdout(Stdio::null());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", folder);
        command
    };
    let status = run()
        .args(["init", "-q", "--bare", "--template=", "-b", "main", name])
        .status();
    assert!(status.expect("git").success(), "git init {name}");
    let (input, marks) = stream(repository, names);
    let mut import = run();
    import.current_dir(&path).stdin(Stdio::piped());
    import.args(["fast-import", "--quiet", "--force", "--export-marks=marks"]);
    let mut child = import.spawn().expect("git");
    let mut stdin = child.stdin.take().expect("pipe");
    stdin.write_all(input.as_bytes()).expect("fast-import");
    drop(stdin);
    assert!(child.wait().expect("git").success(), "fast-import {name}");
    let table = std::fs::read_to_string(path.join("marks")).expect("marks");
    let ids: BTreeMap<&str, &str> = table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    for (id, mark) in marks {
        let commit = ids[format!(":{mark}").as_str()];
        names.set(&format!("commit:{name}:{id}"), commit);
        names.set(&format!("short:{name}:{id}"), &commit[..7]);
        if name == "main" {
            names.set(&format!("commit:{id}"), commit);
            names.set(&format!("short:{id}"), &commit[..7]);
        }
    }
}

/// The input of fast-import, and the mark of each commit by its id.
fn stream(repository: &Repository, names: &Names) -> (String, BTreeMap<String, usize>) {
    let (mut out, mut marks) = (String::new(), BTreeMap::new());
    if repository.commits.is_empty() {
        let _ = write!(
            out,
            "commit refs/heads/main\nmark :1\n{}",
            who_and_why(AUTHOR, "c1", 0)
        );
        changes(&mut out, &repository.files, names);
        marks.insert("c1".to_owned(), 1);
    }
    for (number, commit) in repository.commits.iter().enumerate() {
        marks.insert(commit.id.clone(), number + 1);
        let before = number
            .checked_sub(1)
            .map(|at| repository.commits[at].id.clone());
        one(&mut out, commit, number, before, &marks, names);
    }
    for (name, id) in &repository.refs {
        let _ = write!(out, "reset {name}\nfrom :{}\n\n", marks[id]);
    }
    for (name, id) in &repository.tags {
        let _ = write!(out, "reset refs/tags/{name}\nfrom :{}\n\n", marks[id]);
    }
    (out, marks)
}

fn one(
    out: &mut String,
    commit: &Commit,
    number: usize,
    before: Option<String>,
    marks: &BTreeMap<String, usize>,
    names: &Names,
) {
    let message = commit.message.as_deref().unwrap_or(&commit.id);
    let author = commit.author.as_deref().unwrap_or(AUTHOR);
    let head = who_and_why(author, message, number);
    let _ = write!(
        out,
        "commit refs/heads/{}\nmark :{}\n{head}",
        commit.branch, marks[&commit.id]
    );
    if let Some(parent) = commit.parent.clone().or(before) {
        let _ = writeln!(out, "from :{}", marks[&parent]);
    }
    for other in &commit.merge {
        let _ = writeln!(out, "merge :{}", marks[other]);
    }
    changes(out, &commit.files, names);
}

fn who_and_why(author: &str, message: &str, number: usize) -> String {
    let when = FIRST + number * 60;
    let length = message.len();
    format!(
        "author {author} {when} +0000\ncommitter {author} {when} +0000\ndata {length}\n{message}\n"
    )
}

fn changes(out: &mut String, files: &BTreeMap<String, File>, names: &Names) {
    for (path, file) in files {
        let (mode, text) = match file {
            File::Text(text) | File::Made(Made::Plain(text)) => ("100644", text),
            File::Made(Made::Executable(text)) => ("100755", text),
            File::Made(Made::Link(target)) => ("120000", target),
            File::Made(Made::Submodule(commit)) => {
                let id = names
                    .get(&format!("commit:{commit}"))
                    .expect("a commit made before");
                let _ = writeln!(out, "M 160000 {id} {path}");
                continue;
            }
            File::Made(Made::Gone(gone)) => {
                assert!(gone, "{path}: gone or not named at all");
                let _ = writeln!(out, "D {path}");
                continue;
            }
            File::Made(Made::Program(_)) => panic!("{path}: a commit holds text only"),
        };
        let text = names.fill(text);
        let _ = writeln!(out, "M {mode} inline {path}\ndata {}\n{text}", text.len());
    }
    out.push('\n');
}
