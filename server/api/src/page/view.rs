//! What templates show, as plain text. Templates escape it.

use server_jobs::{BuildState, Moment, State};
use server_store::{AgentRow, BuildRow, JobRow};

use crate::stamp::for_people;
use crate::user::{finished, started};

/// A row of the list of agents.
pub(super) struct AgentView {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) hostname: String,
    pub(super) version: String,
    pub(super) tags: String,
    pub(super) heard: String,
    /// Path and text of the link to its job.
    pub(super) job: Option<(String, String)>,
}

/// A build, in a list or at the head of its page.
pub(super) struct BuildView {
    pub(super) path: String,
    pub(super) pipeline: String,
    pub(super) number: u32,
    pub(super) state: &'static str,
    pub(super) is_open: bool,
    pub(super) message: String,
    pub(super) commit: String,
    pub(super) branch: String,
    pub(super) created: String,
    pub(super) duration: String,
    pub(super) passed: usize,
    pub(super) jobs: usize,
}

/// A job in the list of its build.
pub(super) struct JobView {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) command: String,
    pub(super) state: &'static str,
    pub(super) duration: String,
    pub(super) exit_status: Option<i32>,
    pub(super) note: Option<&'static str>,
    pub(super) is_shown: bool,
}

impl AgentView {
    pub(super) fn new(row: &AgentRow, job: Option<(String, String)>, now: Moment) -> Self {
        Self {
            name: row.name.clone(),
            state: row.standing(now).as_str(),
            hostname: row.hostname.clone(),
            version: row.version.clone(),
            tags: row.tags.join(" "),
            heard: for_people(row.heard),
            job,
        }
    }
}

impl BuildView {
    pub(super) fn new(row: &BuildRow, jobs: &[JobRow], now: Moment) -> Self {
        let states: Vec<State> = jobs.iter().map(|job| job.state.clone()).collect();
        let state = BuildState::of(&states);
        let begun = jobs.iter().filter_map(|job| started(&job.state)).min();
        let ended = jobs.iter().filter_map(|job| finished(&job.state)).max();
        Self {
            path: build_path(row),
            pipeline: row.pipeline_name.clone(),
            number: row.number,
            state: state.as_str(),
            is_open: !state.is_finished(),
            message: row.message.lines().next().unwrap_or_default().to_owned(),
            commit: short(&row.commit),
            branch: row.branch.clone(),
            created: for_people(row.created),
            duration: duration(begun, ended.filter(|_| state.is_finished()), now),
            passed: states.iter().filter(|state| state.has_passed()).count(),
            jobs: jobs.len(),
        }
    }
}

impl JobView {
    pub(super) fn new(row: &JobRow, is_shown: bool, now: Moment) -> Self {
        let end = match &row.state {
            State::Finished(end) => Some(end),
            _ => None,
        };
        Self {
            id: row.id.to_string(),
            label: row.step.label.clone(),
            command: row.step.command.clone(),
            state: row.state.name(),
            duration: duration(started(&row.state), finished(&row.state), now),
            exit_status: end.and_then(|end| end.exit_status),
            note: end.and_then(|end| end.reason.explain()),
            is_shown,
        }
    }
}

/// The path of a build's page.
pub(super) fn build_path(row: &BuildRow) -> String {
    format!("/pipelines/{}/builds/{}", row.pipeline, row.number)
}

/// A full commit id as the first ten digits, anything else as it is.
fn short(commit: &str) -> String {
    let is_id = commit.len() >= 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id {
        commit[..10].to_owned()
    } else {
        commit.to_owned()
    }
}

fn duration(begun: Option<Moment>, ended: Option<Moment>, now: Moment) -> String {
    let Some(begun) = begun else {
        return String::new();
    };
    let seconds = ended.unwrap_or(now).since(begun).as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let at = |seconds: u64| Some(Moment::from_millis(seconds * 1000));
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (7260, "2 h 1 min"),
        ] {
            assert_eq!(duration(at(0), at(seconds), Moment::default()), text);
        }
        assert_eq!(duration(None, None, Moment::default()), "");
    }

    #[test]
    fn only_full_commit_ids_are_cut() {
        assert_eq!(short(&"ab".repeat(20)), "ababababab");
        assert_eq!(short("HEAD"), "HEAD");
        assert_eq!(short(&"ä".repeat(40)), "ä".repeat(40));
    }
}
