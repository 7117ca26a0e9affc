//! Native plugins in the real agent: their tags reach the registration, and a broken one keeps
//! nobody from taking jobs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::agent::{Agent, Bench, Ended, appears};
use crate::endpoint::{Endpoint, disconnect, offer};

/// What every broken plugin below has: the table, and a place where it goes wrong.
const BROKEN: &str = r#"
static void give_back(void *state, struct trireme_answer *answer) { (void)state; (void)answer; }
static int32_t tags(void *state, struct trireme_answer *answer) {
  (void)state; (void)answer;
  IN_TAGS
  return TRIREME_OK;
}
int32_t ENTRY(const struct trireme_host *host, struct trireme_plugin *plugin) {
  (void)host;
  plugin->name.data = "broken"; plugin->name.size = 6;
  plugin->kinds = TRIREME_TAGS; plugin->tags = tags; plugin->free = give_back;
  TRIREME_PLUGIN_FILLED(plugin);
  IN_ENTRY
  return TRIREME_OK;
}
"#;

/// The example plugin, which cargo builds beside this test because it depends on it.
fn example() -> Vec<u8> {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let mut path = std::env::current_exe().unwrap();
    path.set_file_name(format!("{prefix}plugin_example{suffix}"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compiles a plugin against the header, with some macros set.
fn compiled(bench: &Bench, macros: &[&str]) -> Vec<u8> {
    let (source, library) = (bench.path("plugin.c"), bench.path("plugin.out"));
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/plugin-api/include");
    let text = format!("#include <trireme_plugin.h>\n#include <stdlib.h>\n{BROKEN}");
    std::fs::write(&source, text).unwrap();
    let mut defined = vec!["IN_TAGS=", "IN_ENTRY=", "ENTRY=trireme_plugin_v1"];
    defined.retain(|default| {
        let name = default.split_once('=').unwrap().0;
        !macros.iter().any(|given| given.starts_with(name))
    });
    defined.extend(macros);
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-I", include, "-o"])
        .args([&library, &source])
        .args(defined.iter().map(|macros| format!("-D{macros}")))
        .status()
        .expect("cc, which the build needs too");
    assert!(status.success());
    std::fs::read(library).unwrap()
}

/// Puts libraries into an archive, as a publisher does.
fn archive(bench: &Bench, libraries: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = bench.path("plugins.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (stem, bytes) in libraries {
        let name = format!("{stem}{}", std::env::consts::DLL_SUFFIX);
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn start(bench: &Bench, endpoint: &Endpoint, zip: &std::path::Path, args: &[&str]) -> Agent {
    let state = bench.path("state");
    let env = [
        ("TRIREME_STATE_DIR", state.to_str().unwrap()),
        ("TRIREME_PLUGINS", zip.to_str().unwrap()),
    ];
    bench.start_with(endpoint, args, &env)
}

/// Runs an agent with these plugins through one job; its tags and its end.
async fn run(libraries: &[(&str, Vec<u8>)], bench: &Bench, args: &[&str]) -> (Vec<String>, Ended) {
    let endpoint = Endpoint::start().await;
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor("true");
    let zip = archive(bench, libraries);
    let agent = start(bench, &endpoint, &zip, args);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let register = endpoint.asked("POST /v3/register").remove(0).json();
    let tags = serde_json::from_value(register["meta_data"].clone()).unwrap();
    (tags, ended)
}

fn cpus() -> String {
    format!("cpus={}", std::thread::available_parallelism().unwrap())
}

#[tokio::test]
async fn the_tag_of_the_example_plugin_is_in_the_registration() {
    let bench = Bench::new();
    let (tags, ended) = run(&[("example", example())], &bench, &["--tags=queue=q"]).await;
    assert_eq!(tags, ["queue=q".to_owned(), cpus()]);
    let line = "plugin example loaded";
    assert_eq!(ended.log.matches(line).count(), 1, "{}", ended.log);
}

#[tokio::test]
async fn an_explicit_tag_wins_over_that_of_a_plugin() {
    let (tags, _) = run(
        &[("example", example())],
        &Bench::new(),
        &["--tags=cpus=few"],
    )
    .await;
    assert_eq!(tags, ["cpus=few"]);
}

#[tokio::test]
async fn every_broken_plugin_is_a_warning_and_jobs_are_taken() {
    let bench = Bench::new();
    let libraries = [
        ("a-text", b"I am no library".to_vec()),
        ("b-stranger", compiled(&bench, &["ENTRY=something_else"])),
        (
            "c-version",
            compiled(&bench, &["IN_ENTRY=plugin->version=2;"]),
        ),
        ("d-refuses", compiled(&bench, &["IN_ENTRY=return 3;"])),
        ("e-hangs", compiled(&bench, &["IN_TAGS=for(;;);"])),
        ("f-aborts", compiled(&bench, &["IN_TAGS=abort();"])),
        ("g-exits", compiled(&bench, &["IN_ENTRY=exit(0);"])),
    ];
    // Each beside a good one, in an agent of its own: the time for all plugins of an agent is limited.
    for (stem, library) in libraries {
        let bench = Bench::new();
        let both = [(stem, library), ("h-example", example())];
        let (tags, ended) = run(&both, &bench, &[]).await;
        assert_eq!(tags, [cpus()], "{stem}: {}", ended.log);
        let warned = ended
            .log
            .lines()
            .filter(|line| line.contains("WARN") && line.contains(stem));
        assert_eq!(warned.count(), 1, "{stem}: {}", ended.log);
    }
}

#[tokio::test]
async fn an_archive_that_is_none_is_a_warning_and_jobs_are_taken() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [disconnect()]);
    for path in ["builds", "nothing-there", "text"] {
        std::fs::write(bench.path("text"), "no archive").unwrap();
        let ended = start(&bench, &endpoint, &bench.path(path), &[])
            .ended()
            .await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(
            ended.log.contains("no plugins from"),
            "{path}: {}",
            ended.log
        );
    }
    assert_eq!(endpoint.asked("POST /v3/register").len(), 3);
}

#[tokio::test]
async fn a_launcher_hears_of_the_agent_while_a_plugin_hangs() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let hanging = compiled(&bench, &["IN_ENTRY=for(;;);"]);
    let zip = archive(&bench, &[("hanging", hanging)]);
    let agent = start(&bench, &endpoint, &zip, &[]);
    let state = shared_handover::layout::StateDir::new(bench.path("state"));
    appears(&state.agent_handle(agent.id.pid)).await;
    assert!(
        endpoint.routes().is_empty(),
        "the registration waits for the plugin, the handle not"
    );
    agent.signal(shared_supervise::Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(0), "nor does the end");
    assert!(endpoint.routes().is_empty());
}

#[tokio::test]
async fn without_an_archive_nothing_is_made_ready() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [disconnect()]);
    let state = bench.path("state");
    let env = [("TRIREME_STATE_DIR", state.to_str().unwrap())];
    let ended = bench.start_with(&endpoint, &[], &env).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(!state.join("plugins").exists() && !ended.log.contains("plugin"));
}
