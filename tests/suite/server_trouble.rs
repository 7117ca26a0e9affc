//! The server is away, slow, wrong or angry: the host waits, loses nothing, and does not storm.

use tests::bed::Bed;
use tests::generated_log::without_time_marks;
use tests::host::Host;
use tests::proxy::{Mood, Proxy};
use tests::wait::until;

use crate::{binaries, waits_for};

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_waited_for() {
    let mut bed = Bed::new(binaries()).await;
    bed.server.kill();
    let host = bed.host();
    host.log_line("launcher", &["WARN", "cannot reach"]).await;

    bed.server.resume_same_address().await;

    let api = bed.server.api();
    let jobs = api.run_commands("late", &["echo here"]).await;
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
}

#[tokio::test]
async fn an_installed_agent_starts_while_the_server_is_down() {
    let mut bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    host.signal(rustix::process::Signal::TERM);
    host.ended().await;
    bed.server.kill();

    host.resume();
    let agent = host.agent_pid().await;

    bed.server.resume_same_address().await;
    let api = bed.server.api();
    let jobs = api.run_commands("late", &["echo here"]).await;
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    assert_eq!(host.agent_pid().await, agent);
}

/// Each trouble lasts until the job has printed all it has to say; then the server is itself again,
/// and the log and the result must be whole.
async fn survives(name: &str, trouble: Mood) {
    let bed = Bed::new(binaries()).await;
    let proxy = Proxy::start(&bed.server.url).await;
    let host = Host::start(bed.host_settings_at(&proxy.url));
    let api = bed.server.api();
    let (go, done) = (bed.folder().join("go"), bed.folder().join("done"));
    let command = format!(
        "{}; seq 1 20000; touch '{}'; exit 3",
        waits_for(&go),
        done.display()
    );
    let jobs = api.run_commands(name, &[&command]).await;
    api.until_logged(&jobs[0], "started").await;

    proxy.set(trouble);
    std::fs::write(&go, "").unwrap();
    until("the job has printed everything", || {
        done.exists().then_some(())
    })
    .await;
    until("the trouble has been met several times", || {
        (proxy.refused() >= 3).then_some(())
    })
    .await;
    proxy.set(Mood::Pass);

    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(
        (&job["state"], &job["exit_status"]),
        (&"failed".into(), &3.into()),
        "{job}"
    );
    let log = without_time_marks(&api.log(&jobs[0]).await);
    let text = String::from_utf8(log).unwrap().replace("\r\n", "\n");
    let numbers: Vec<String> = (1..=20000).map(|number| number.to_string()).collect();
    assert!(
        text.contains(&numbers.join("\n")),
        "every line once and in order, {} bytes",
        text.len()
    );
    assert!(
        host.log("agent").lines().count() < 200,
        "an outage is no reason to fill the log"
    );
}

#[tokio::test]
async fn a_server_that_goes_down_in_the_middle_of_a_job_costs_no_byte_and_no_result() {
    survives("down", Mood::Drop).await;
}

#[tokio::test]
async fn answers_of_500_cost_no_byte_and_no_result() {
    survives(
        "angry",
        Mood::answer("500 Internal Server Error", "", "oops"),
    )
    .await;
}

#[tokio::test]
async fn answers_of_429_with_retry_after_cost_no_byte_and_no_result() {
    survives(
        "busy",
        Mood::answer("429 Too Many Requests", "Retry-After: 1\r\n", "slow down"),
    )
    .await;
}

#[tokio::test]
async fn html_in_place_of_json_costs_no_byte_and_no_result() {
    let page = "<html><body>Welcome to the hotel wifi</body></html>";
    survives(
        "portal",
        Mood::answer(
            "503 Service Unavailable",
            "Content-Type: text/html\r\n",
            page,
        ),
    )
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_one_clear_error_and_no_storm() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.agent_config = settings
        .agent_config
        .replace(&bed.server.agent_token, "wrong-token");
    let host = Host::start(settings);

    let line = host.log_line("agent", &["ERROR", "token"]).await;
    assert!(
        !line.contains("wrong-token"),
        "the token itself is not shown: {line}"
    );
    // Each start of the agent asks once and says so once; the launcher spaces the starts.
    let count = |tier: &str, word: &str| host.log(tier).matches(word).count();
    until("the agent was started three times", || {
        (count("launcher", "agent started") >= 3).then_some(())
    })
    .await;
    // In this order: a start that comes between the two looks cannot make it look worse.
    let errors = count("agent", "ERROR");
    let starts = count("launcher", "agent started");
    assert!(errors <= starts, "{errors} errors in {starts} starts");
}
