//! How settings are written, and which of two wins.

use super::*;

fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Raw, RawError> {
    Raw::read(args.iter().copied(), |name| {
        env.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

fn text(raw: &Raw, name: &str) -> String {
    raw.get(name).text
}

#[test]
fn lists_grow_and_other_flags_count_by_their_last_mention() {
    let raw = read(
        &[
            "--tags", "a=1,b=2", "--tags", "c=3", "--name", "x", "--name", "y",
        ],
        &[],
    );
    let raw = raw.unwrap();
    assert_eq!(text(&raw, "tags"), "a=1,b=2,c=3");
    assert_eq!(text(&raw, "name"), "y");
}

#[test]
fn command_line_beats_environment_beats_file_beats_default() {
    let file = "spawn=4\nname=file\nqueue=file\nunknown-key=1\n";
    let env = [
        ("BUILDKITE_AGENT_NAME", "env"),
        ("BUILDKITE_AGENT_QUEUE", "env"),
    ];
    let mut raw = read(&["--name", "flag"], &env).unwrap();
    raw.take_file_text(Path::new("/a.cfg"), file).unwrap();
    assert_eq!(raw.get("name").origin, Origin::Flag("name"));
    assert_eq!(
        raw.get("queue").origin,
        Origin::Variable("BUILDKITE_AGENT_QUEUE")
    );
    assert_eq!(raw.get("spawn").origin, Origin::File("/a.cfg".into(), 1));
    assert_eq!(raw.get("shell").origin, Origin::Default("shell"));
    assert_eq!(raw.unknown_keys, ["unknown-key"]);
    let all = ["name", "queue", "spawn"].map(|name| text(&raw, name));
    assert_eq!(all, ["flag", "env", "4"]);
}

#[test]
fn a_list_on_the_command_line_replaces_the_one_of_the_environment() {
    let raw = read(&["--tags", "a=1"], &[("BUILDKITE_AGENT_TAGS", "b=2")]).unwrap();
    assert_eq!(text(&raw, "tags"), "a=1");
}

#[test]
fn an_empty_variable_says_nothing() {
    let raw = read(&[], &[("BUILDKITE_AGENT_SPAWN", "")]).unwrap();
    assert_eq!(text(&raw, "spawn"), "1");
}

#[test]
fn a_switch_takes_its_value_after_an_equals_sign_only() {
    let raw = read(&["--debug", "--no-pty=false", "--name", "x"], &[]).unwrap();
    assert_eq!(text(&raw, "debug"), "true");
    assert_eq!(text(&raw, "no-pty"), "false");
    let error = read(&["--debug", "false"], &[]).unwrap_err();
    assert_eq!(error, RawError::UnexpectedArgument("false".into()));
}

#[test]
fn wrong_flags_are_named() {
    for (args, error) in [
        (["--nmae"].as_slice(), FlagError::Unknown("--nmae".into())),
        (&["--name"], FlagError::NoValue("--name".into())),
    ] {
        assert_eq!(read(args, &[]).unwrap_err(), RawError::Flags(error));
    }
}

#[test]
fn an_unreadable_config_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.cfg");
    let error = Raw::default().take_file(&missing).unwrap_err().to_string();
    assert!(error.contains("none.cfg"), "{error}");
    let broken = folder.path().join("broken.cfg");
    std::fs::write(&broken, "name=x\nnonsense\n").unwrap();
    let error = Raw::default().take_file(&broken).unwrap_err().to_string();
    assert!(
        error.contains("broken.cfg") && error.contains("line 2"),
        "{error}"
    );
}
