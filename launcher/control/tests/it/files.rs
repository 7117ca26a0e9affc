//! `status.json` and `events.jsonl`.

use std::fs;
use std::time::Duration;

use launcher_control::{Journal, Metrics, StatusFile, Step};
use shared_control::event::MAX_BYTES;
use shared_control::status::{Phase, Version};
use shared_control::{Event, Status};
use shared_handover::layout::StateDir;
use tempfile::TempDir;

fn bed() -> (TempDir, StateDir) {
    let folder = TempDir::new().unwrap();
    let state = StateDir::new(folder.path());
    (folder, state)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wall() -> jiff::Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

fn written(state: &StateDir) -> Option<u64> {
    let text = fs::read(state.status()).ok()?;
    serde_json::from_slice::<Status>(&text).unwrap().serial
}

#[test]
fn a_status_is_written_once_a_second_and_the_last_one_always() {
    let (_folder, state) = bed();
    let status = |serial| Status {
        serial: Some(serial),
        ..Status::default()
    };
    let mut file = StatusFile::new(&state);
    assert_eq!(file.due(), None);
    file.put(status(1), seconds(10)).unwrap();
    assert_eq!((written(&state), file.due()), (Some(1), None));
    file.put(status(2), Duration::from_millis(10_200)).unwrap();
    file.put(status(3), Duration::from_millis(10_900)).unwrap();
    assert_eq!((written(&state), file.due()), (Some(1), Some(seconds(11))));
    file.tick(Duration::from_millis(10_999)).unwrap();
    assert_eq!(written(&state), Some(1));
    file.tick(seconds(11)).unwrap();
    assert_eq!((written(&state), file.due()), (Some(3), None));
    file.put(status(4), Duration::from_millis(11_100)).unwrap();
    file.flush().unwrap();
    assert_eq!((written(&state), file.due()), (Some(4), None));
    let names: Vec<_> = fs::read_dir(state.root()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing but the file itself is left");
}

#[test]
fn a_status_that_cannot_be_written_is_an_error_once_and_then_forgotten() {
    let (_folder, state) = bed();
    fs::create_dir(state.status()).unwrap();
    let mut file = StatusFile::new(&state);
    assert!(file.put(Status::default(), seconds(1)).is_err());
    assert_eq!(file.due(), None);
}

fn step(to: Phase, outcome: &'static str) -> Step<'static> {
    Step {
        component: "agent",
        to,
        version: Version {
            version: "1.2".into(),
            ..Version::default()
        },
        outcome,
        detail: String::new(),
    }
}

fn events(state: &StateDir) -> Vec<Event> {
    Event::decode_all(&fs::read_to_string(state.events()).unwrap()).collect()
}

#[test]
fn each_transition_is_one_event_with_the_time_of_the_phase_before() {
    let (_folder, state) = bed();
    let mut journal = Journal::new(&state);
    for (to, outcome, at) in [
        (Phase::Downloading, "", 5),
        (Phase::Downloading, "", 6),
        (Phase::Trial, "", 9),
        (Phase::Settling, "rejected", 12),
        (Phase::Idle, "", 13),
    ] {
        journal
            .note(step(to, outcome), seconds(at), wall())
            .unwrap();
    }
    let seen: Vec<_> = events(&state)
        .into_iter()
        .map(|event| (event.from, event.to, event.ms, event.outcome))
        .collect();
    assert_eq!(
        seen,
        [
            (Phase::Idle, Phase::Downloading, 0, String::new()),
            (Phase::Downloading, Phase::Trial, 4000, String::new()),
            (Phase::Trial, Phase::Settling, 3000, "rejected".into()),
            (Phase::Settling, Phase::Idle, 1000, String::new()),
        ]
    );
    let lines = fs::read_to_string(state.events()).unwrap();
    assert_eq!(lines.lines().count(), 4, "a line each and nothing else");
    assert_eq!(journal.phase("agent"), Phase::Idle);
    let text = journal.metrics.render();
    let counted = "trireme_outcomes_total{component=\"agent\",outcome=\"rejected\"} 1\n";
    assert!(text.contains(counted), "{text}");
    journal.write_metrics().unwrap();
    assert_eq!(fs::read_to_string(state.metrics()).unwrap(), text);
}

#[test]
fn events_are_bounded_and_the_newest_stay() {
    let (_folder, state) = bed();
    let mut journal = Journal::new(&state);
    let detail = "x".repeat(400);
    for n in 0..2000_u64 {
        let to = if n % 2 == 0 {
            Phase::Checking
        } else {
            Phase::Idle
        };
        let step = Step {
            detail: detail.clone(),
            ..step(to, "")
        };
        journal.note(step, seconds(n * n), wall()).unwrap();
        assert!(fs::metadata(state.events()).unwrap().len() <= MAX_BYTES as u64);
    }
    let kept = events(&state);
    assert!(kept.len() > 200, "{}", kept.len());
    let times: Vec<u64> = kept.iter().map(|event| event.ms).collect();
    assert_eq!(*times.last().unwrap(), (1999 * 1999 - 1998 * 1998) * 1000);
    assert!(times.is_sorted(), "the order is that of the transitions");
}

#[test]
fn a_file_that_somebody_has_filled_is_cut_to_its_bound() {
    let (_folder, state) = bed();
    fs::File::create(state.events())
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let mut journal = Journal::new(&state);
    journal
        .note(step(Phase::Checking, ""), seconds(1), wall())
        .unwrap();
    assert!(fs::metadata(state.events()).unwrap().len() <= MAX_BYTES as u64);
    assert_eq!(events(&state).len(), 1);
}

#[test]
fn a_torn_last_line_costs_itself_only() {
    let (_folder, state) = bed();
    let mut journal = Journal::new(&state);
    journal
        .note(step(Phase::Checking, ""), seconds(1), wall())
        .unwrap();
    let text = fs::read_to_string(state.events()).unwrap();
    fs::write(state.events(), text.clone() + &text[..40]).unwrap();
    journal
        .note(step(Phase::Idle, ""), seconds(2), wall())
        .unwrap();
    let phases: Vec<Phase> = events(&state).iter().map(|event| event.to).collect();
    assert_eq!(phases, [Phase::Checking, Phase::Idle]);
    let lines = fs::read_to_string(state.events()).unwrap();
    assert_eq!(lines.lines().count(), 3);
}

#[test]
fn a_journal_that_cannot_write_still_counts() {
    let folder = TempDir::new().unwrap();
    let state = StateDir::new(folder.path().join("missing"));
    let mut journal = Journal::new(&state);
    assert!(
        journal
            .note(step(Phase::Trial, "stalled"), seconds(1), wall())
            .is_err()
    );
    assert_eq!(journal.phase("agent"), Phase::Trial);
    assert_ne!(journal.metrics.render(), Metrics::default().render());
}
