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
fn arguments_and_redacted_names_can_be_set_to_nothing_in_every_place() {
    let empty = [
        ("BUILDKITE_GIT_CLEAN_FLAGS", ""),
        ("BUILDKITE_REDACTED_VARS", ""),
    ];
    let raw = read(&["--git-fetch-flags="], &empty).unwrap();
    for name in ["git-clean-flags", "redacted-vars", "git-fetch-flags"] {
        assert_eq!(text(&raw, name), "", "{name}");
        assert_ne!(raw.get(name).origin, Origin::Default(name), "{name}");
    }
    let file = Path::new("/a.cfg");
    let mut raw = read(&[], &[]).unwrap();
    raw.take_file_text(file, "git-clone-flags=\"\"\nredacted-vars=\n")
        .unwrap();
    assert_eq!(text(&raw, "git-clone-flags"), "");
    assert_eq!(text(&raw, "redacted-vars"), "");
    assert_eq!(text(&raw, "git-clean-flags"), "-ffxdq");
}

#[test]
fn a_file_that_says_something_beats_a_variable_that_does_not() {
    let mut raw = read(&[], &[("BUILDKITE_GIT_CLEAN_FLAGS", "")]).unwrap();
    raw.take_file_text(Path::new("/a.cfg"), "git-clean-flags=-fdx\n")
        .unwrap();
    assert_eq!(text(&raw, "git-clean-flags"), "-fdx");
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

#[test]
fn a_setting_under_an_old_name_counts_and_is_noted() {
    let mut raw = read(&["--meta-data", "a=1", "--meta-data=b=2"], &[]).unwrap();
    assert_eq!(text(&raw, "tags"), "a=1,b=2");
    let file = "no-automatic-ssh-fingerprint-verification=true\nmeta-data-ec2=true\n";
    raw.take_file_text(Path::new("/a.cfg"), file).unwrap();
    assert_eq!(text(&raw, "no-ssh-keyscan"), "true");
    assert_eq!(text(&raw, "tags-from-ec2-meta-data"), "true");
    let noted: Vec<_> = raw.renamed.iter().map(|renamed| renamed.now).collect();
    let ssh = "no-ssh-keyscan";
    assert_eq!(noted, ["tags", "tags", ssh, "tags-from-ec2-meta-data"]);
}

#[test]
fn a_flags_own_name_beats_its_other_names_in_the_same_place_only() {
    let raw = read(&["--tags=own=1", "--meta-data=other=1"], &[]).unwrap();
    assert_eq!(text(&raw, "tags"), "own=1");
    let env = [("BUILDKITE_AGENT_TAGS", "own=1")];
    let raw = read(&["--meta-data=other=1"], &env).unwrap();
    assert_eq!(text(&raw, "tags"), "other=1");
}

#[test]
fn names_of_the_peers_next_version_are_understood_without_a_word() {
    let env = [("BUILDKITE_TELEMETRY_SERVICE_NAME", "builds")];
    let raw = read(&["--opentelemetry-tracing"], &env).unwrap();
    assert_eq!(text(&raw, "tracing-backend"), "opentelemetry");
    assert_eq!(text(&raw, "tracing-service-name"), "builds");
    assert!(raw.renamed.is_empty());
    let raw = read(&["--opentelemetry-tracing=false"], &[]).unwrap();
    let origin = raw.get("tracing-backend").origin;
    assert_eq!(origin, Origin::Default("tracing-backend"));
}

#[test]
fn in_each_folder_our_own_config_file_is_looked_for_first() {
    let paths = search_paths(Some(Path::new("/opt/agent")), Some(Path::new("/home/u")));
    let first: Vec<_> = paths.iter().take(4).map(PathBuf::as_path).collect();
    let wanted = [
        "/opt/trireme-agent.cfg",
        "/opt/buildkite-agent.cfg",
        "/home/u/.buildkite-agent/trireme-agent.cfg",
        "/home/u/.buildkite-agent/buildkite-agent.cfg",
    ];
    assert_eq!(first, wanted.map(Path::new));
    assert_eq!(
        paths.last().unwrap(),
        Path::new("/etc/buildkite-agent/buildkite-agent.cfg")
    );
}
