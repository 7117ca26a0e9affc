//! Wrong turns on the command line: each says what to do, and ends with 1.

use crate::agent::Bench;

async fn run(bench: &Bench, args: &[&str]) -> (Option<i32>, String) {
    let ended = bench.run(args, &[]).ended().await;
    (ended.code, ended.log)
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let bench = Bench::new();
    std::fs::write(bench.path("broken.cfg"), "name\n").unwrap();
    let broken = format!("--config={}", bench.path("broken.cfg").display());
    let build = "--build-path=/tmp";
    for (args, text) in [
        (["frob"].as_slice(), "unknown command \"frob\""),
        (&["start", "--frob"], "unknown flag --frob"),
        (&["start", "--spawn"], "--spawn needs a value"),
        (&["start", build, "--spawn=x"], "flag --spawn: \"x\""),
        (
            &["start", build, "--endpoint=nowhere"],
            "endpoint \"nowhere\" cannot be used",
        ),
        (&["start", build], "missing token"),
        (&["start", build, "--token=file:///no/such"], "/no/such"),
        (&["start", "--token=x"], "missing build path"),
        (&["start", "--config=/no/such.cfg"], "/no/such.cfg"),
        (&["start", &broken], "broken.cfg: line 1"),
        (
            &["start", build, "--log-level=loud"],
            "flag --log-level: \"loud\"",
        ),
        (
            &["start", build, "--acquire-job=x", "--spawn=2"],
            "--acquire-job needs exactly one worker",
        ),
    ] {
        let (code, log) = run(&bench, args).await;
        assert_eq!(code, Some(1), "{args:?}: {log}");
        assert!(log.contains(text), "{args:?}: {log}");
        assert_eq!(log.lines().count(), 1, "{args:?}: {log}");
    }
}

#[tokio::test]
async fn version_and_help_are_printed() {
    let bench = Bench::new();
    let (code, text) = run(&bench, &["--version"]).await;
    assert_eq!(code, Some(0));
    assert!(text.starts_with("buildkite-agent version "), "{text}");
    let (code, text) = run(&bench, &["start", "--help"]).await;
    assert_eq!(code, Some(0));
    assert!(
        text.contains("--build-path [BUILDKITE_BUILD_PATH]"),
        "{text}"
    );
}

#[tokio::test]
async fn a_build_path_that_cannot_be_made_is_said_before_anything_is_registered() {
    let bench = Bench::new();
    std::fs::write(bench.path("file"), "").unwrap();
    let build = format!("--build-path={}", bench.path("file/builds").display());
    let (code, log) = run(
        &bench,
        &[
            "start",
            &build,
            "--token=x",
            "--endpoint=http://127.0.0.1:9",
        ],
    )
    .await;
    assert_eq!(code, Some(1));
    assert!(
        log.contains("build path") && log.contains("--build-path"),
        "{log}"
    );
}
