//! `--profile`: a CPU profile of the agent and of its subcommands, and what is said of the others.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use agent_profile::pprof::Profile;
use flate2::read::GzDecoder;
use prost::Message as _;
use serde_json::json;

use crate::agent::{Bench, Ended};
use crate::endpoint::{Endpoint, disconnect, offer};

/// An agent that runs one job and is sent away.
async fn one_job(bench: &Bench, args: &[&str]) -> Ended {
    let endpoint = Endpoint::start().await;
    bench.executor("echo profile=$BUILDKITE_AGENT_PROFILE");
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    let ended = bench.start(&endpoint, args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    ended
}

fn profiles(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path());
    let mut profiles: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "pprof"))
        .collect();
    profiles.sort();
    profiles
}

fn read(path: &Path) -> Profile {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    Profile::decode(&*bytes).unwrap()
}

#[tokio::test]
async fn a_cpu_profile_lies_in_the_temporary_folder_and_the_log_says_where() {
    let bench = Bench::new();
    let ended = one_job(&bench, &["--profile=cpu"]).await;
    let [path] = &profiles(&bench.path("tmp"))[..] else {
        panic!("one profile: {}", ended.log)
    };
    let shown = path.display();
    let began = format!("a CPU profile is taken; it is written to {shown} at the end");
    assert!(ended.log.contains(&began), "{}", ended.log);
    let wrote = format!("CPU profile written to {shown}");
    assert!(ended.log.contains(&wrote), "{}", ended.log);
    let profile = read(path);
    let texts = profile.string_table.iter().map(String::as_str);
    let texts: Vec<_> = texts.collect();
    let mut program = profile.mapping.iter().filter(|mapping| {
        let file = texts[usize::try_from(mapping.filename).unwrap()];
        file == std::fs::canonicalize(env!("CARGO_BIN_EXE_agent"))
            .unwrap()
            .to_str()
            .unwrap()
    });
    assert!(program.next().is_some(), "{texts:?}");
    assert!(texts.contains(&"cpu") && texts.contains(&"nanoseconds"));
    // How much CPU time an agent took is its own affair, but all of it has a place.
    for sample in &profile.sample {
        assert!(!sample.location_id.is_empty());
        for id in &sample.location_id {
            assert!(profile.location.iter().any(|location| location.id == *id));
        }
    }
}

#[tokio::test]
async fn a_kind_that_is_not_there_is_told_once_and_nothing_is_written() {
    for kind in ["memory", "mem", "mutex", "block", "thread", "trace"] {
        let bench = Bench::new();
        let ended = one_job(&bench, &[&format!("--profile={kind}")]).await;
        let told = format!("no {kind} profile is written: ");
        assert_eq!(ended.log.matches(&told).count(), 1, "{}", ended.log);
        assert_eq!(profiles(&bench.path("tmp")), [""; 0].map(PathBuf::from));
    }
}

#[tokio::test]
async fn a_subcommand_writes_its_own() {
    let bench = Bench::new();
    let args = [
        "lock",
        "get",
        "--profile=cpu",
        "--sockets-path=/nowhere",
        "a",
    ];
    let ended = bench.run(&args, &[]).ended().await;
    let [path] = &profiles(&bench.path("tmp"))[..] else {
        panic!("one profile: {}", ended.log)
    };
    let told = format!("CPU profile written to {}", path.display());
    assert!(ended.log.contains(&told), "{}", ended.log);
    assert_eq!(read(path).sample_type.len(), 2);
}
