//! `agent config show`: what an agent would start with, without starting it.

use serde_json::Value;

use crate::agent::{Bench, Ended};

/// A bench with a config file, and the flag that names it.
fn with_file(text: &str) -> (Bench, String) {
    let bench = Bench::new();
    std::fs::write(bench.path("agent.cfg"), text).unwrap();
    let flag = format!("--config={}", bench.path("agent.cfg").display());
    (bench, flag)
}

async fn show(bench: &Bench, args: &[&str], env: &[(&str, &str)]) -> Ended {
    bench
        .run(&[&["config", "show"], args].concat(), env)
        .ended()
        .await
}

/// The line of a setting, with single blanks.
fn line(ended: &Ended, name: &str) -> String {
    let start = format!("  {name} ");
    let found = ended.log.lines().find(|line| line.starts_with(&start));
    let words = found.unwrap_or_else(|| panic!("{name} in {}", ended.log));
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn each_setting_is_shown_with_the_place_that_won() {
    let (bench, config) = with_file("name=file\nspawn=2\nqueue=file\nbuild-path=/b\n");
    let env = [
        ("BUILDKITE_AGENT_QUEUE", "env"),
        ("BUILDKITE_AGENT_NAME", "env"),
    ];
    let shown = show(&bench, &[&config, "--name", "flag"], &env).await;
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    assert_eq!(line(&shown, "name"), "name flag flag --name");
    assert_eq!(
        line(&shown, "queue"),
        "queue env variable BUILDKITE_AGENT_QUEUE"
    );
    assert_eq!(line(&shown, "spawn"), "spawn 2 line 2 of the config file");
    assert_eq!(line(&shown, "log-format"), "log-format text default");
    let page = &shown.log;
    assert!(
        page.starts_with("Config file: /") && page.contains("5 settings, no errors"),
        "{page}"
    );
    assert!(!page.contains('\x1b'), "no terminal, no colours");
}

#[tokio::test]
async fn a_variable_of_nothing_empties_the_flags_of_git_and_says_nothing_else() {
    let (bench, config) = with_file("build-path=/b\ngit-fetch-flags=-v\n");
    let names = [
        "BUILDKITE_GIT_CLEAN_FLAGS",
        "BUILDKITE_GIT_FETCH_FLAGS",
        "BUILDKITE_REDACTED_VARS",
        "BUILDKITE_AGENT_SPAWN",
    ];
    let shown = show(&bench, &[&config], &names.map(|name| (name, ""))).await;
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    for (name, expected) in [
        ("git-clean-flags", "variable BUILDKITE_GIT_CLEAN_FLAGS"),
        ("git-fetch-flags", "-v line 2 of the config file"),
        ("redacted-vars", "variable BUILDKITE_REDACTED_VARS"),
        ("spawn", "1 default"),
    ] {
        assert_eq!(line(&shown, name), format!("{name} {expected}"));
    }
}

#[tokio::test]
async fn the_token_is_not_shown_but_its_place_is() {
    for (token, shown) in [
        ("secret-token", "********"),
        ("file:///etc/token", "file:///etc/token"),
    ] {
        let (bench, config) = with_file(&format!("token={token}\nbuild-path=/b\n"));
        for json in [&[][..], &["--json"]] {
            let ended = show(&bench, &[&[&*config], json].concat(), &[]).await;
            assert_eq!(ended.code, Some(0), "{}", ended.log);
            assert!(!ended.log.contains("secret-token"), "{}", ended.log);
            assert!(ended.log.contains(shown), "{}", ended.log);
        }
    }
}

#[tokio::test]
async fn wrong_settings_are_shown_with_what_is_wrong_and_the_command_fails() {
    for (file, error) in [
        (
            "build-path=/b\nspawn=many\n",
            "error: is not a whole number from 0 on",
        ),
        (
            "build-path=/b\nping-mode=x\n",
            "error: is none of: auto, poll-only",
        ),
        (
            "build-path=/b\nspawn=2\nspawn-per-cpu=2\n",
            "error: --spawn and --spawn-per-cpu exclude",
        ),
        ("name=x\n", "error: missing build path"),
    ] {
        let (bench, config) = with_file(file);
        let shown = show(&bench, &[&config], &[]).await;
        assert_eq!(shown.code, Some(1), "{}", shown.log);
        assert!(shown.log.contains(error), "{file}: {}", shown.log);
        assert!(
            shown
                .log
                .ends_with("1 error: `agent start` would not start.\n"),
            "{}",
            shown.log
        );
    }
}

#[tokio::test]
async fn programs_read_the_same_as_json() {
    let (bench, config) = with_file("spawn=many\ntags-from-ec2=true\nfrob=1\nbuild-path=/b\n");
    let shown = show(
        &bench,
        &["--json", &config],
        &[("BUILDKITE_AGENT_NAME", "box")],
    )
    .await;
    assert_eq!(shown.code, Some(1));
    let page: Value = serde_json::from_str(&shown.log).unwrap();
    let all = page["settings"].as_array().unwrap();
    let setting = |name: &str| all.iter().find(|setting| setting["name"] == name).unwrap();
    assert_eq!(setting("name")["value"], "box");
    assert_eq!(setting("name")["origin"]["name"], "BUILDKITE_AGENT_NAME");
    assert_eq!(setting("queue")["origin"]["kind"], "default");
    assert_eq!(setting("spawn")["origin"]["line"], 1);
    assert_eq!(setting("spawn")["error"], "is not a whole number from 0 on");
    assert_eq!(setting("tags-from-ec2-meta-data")["value"], "true");
    let notes = page["notes"].as_array().unwrap();
    assert_eq!(
        notes.len(),
        2,
        "the old name and the unknown key: {notes:?}"
    );
}

#[tokio::test]
async fn our_config_file_is_found_before_the_peers_in_the_same_folder() {
    let bench = Bench::new();
    let folder = bench.path("home/.buildkite-agent");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("buildkite-agent.cfg"),
        "name=peers\nbuild-path=/b\n",
    )
    .unwrap();
    let shown = show(&bench, &[], &[]).await;
    assert_eq!(line(&shown, "name"), "name peers line 1 of the config file");
    std::fs::write(
        folder.join("trireme-agent.cfg"),
        "name=ours\nbuild-path=/b\n",
    )
    .unwrap();
    let shown = show(&bench, &[], &[]).await;
    assert_eq!(line(&shown, "name"), "name ours line 1 of the config file");
}
