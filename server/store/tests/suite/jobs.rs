//! Jobs of real builds, with several workers after them.

use std::time::Duration;

use server_jobs::timer::STOP_LIMIT;
use server_jobs::{EndReason, Event, Presence, Refusal, Report, State};
use server_store::{Step, StoreError};
use shared_protocol::{AgentId, JobId};

use crate::{Bed, NOW};

const LEASE: Duration = Duration::from_secs(10);

impl Bed {
    async fn offer(&self, agent: &AgentId) -> Option<JobId> {
        let row = self.store.agent(agent).await.unwrap();
        let offer = self.store.offer(&row, LEASE, NOW).await.unwrap();
        offer.map(|(job, _)| job)
    }

    async fn run(&self, agent: &AgentId, job: &JobId, exit_status: i32) {
        self.store.accept(job, agent, NOW).await.unwrap();
        let start = Event::Start {
            agent: agent.clone(),
        };
        self.store.happen(job, start, NOW).await.unwrap();
        let report = Report {
            exit_status,
            signal: None,
            reason: None,
            chunks_failed: 0,
        };
        let finish = Event::Finish {
            agent: agent.clone(),
            report,
        };
        self.store.happen(job, finish, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn steps_become_ready_one_after_the_other() {
    let bed = Bed::new().await;
    let agent = bed.agent("a").await;
    let build = bed.build(&["one", "two"]).await;
    assert_eq!(bed.states(&build).await, ["scheduled", "waiting"]);
    let first = bed.offer(&agent).await.unwrap();
    bed.run(&agent, &first, 0).await;
    assert_eq!(bed.states(&build).await, ["passed", "scheduled"]);
    let second = bed.offer(&agent).await.unwrap();
    bed.run(&agent, &second, 1).await;
    assert_eq!(bed.states(&build).await, ["passed", "failed"]);
}

#[tokio::test]
async fn a_failed_step_breaks_the_rest() {
    let bed = Bed::new().await;
    let agent = bed.agent("a").await;
    let build = bed.build(&["one", "two", "three"]).await;
    let first = bed.offer(&agent).await.unwrap();
    bed.run(&agent, &first, 1).await;
    assert_eq!(bed.states(&build).await, ["failed", "broken", "broken"]);
    assert_eq!(bed.offer(&agent).await, None);
}

#[tokio::test]
async fn many_workers_that_ask_at_once_never_get_the_same_job() {
    let bed = Bed::new().await;
    bed.build(&["only"]).await;
    let mut agents = Vec::new();
    for n in 0..8 {
        agents.push(bed.agent(&format!("a{n}")).await);
    }
    let offers = tokio::join!(
        bed.offer(&agents[0]),
        bed.offer(&agents[1]),
        bed.offer(&agents[2]),
        bed.offer(&agents[3]),
        bed.offer(&agents[4]),
        bed.offer(&agents[5]),
        bed.offer(&agents[6]),
        bed.offer(&agents[7]),
    );
    let offers: [Option<JobId>; 8] = offers.into();
    assert_eq!(offers.iter().flatten().count(), 1);
}

#[tokio::test]
async fn a_lease_that_runs_out_frees_the_job_and_fences_the_late_worker() {
    let bed = Bed::new().await;
    let (slow, quick) = (bed.agent("slow").await, bed.agent("quick").await);
    bed.build(&["only"]).await;
    let job = bed.offer(&slow).await.unwrap();
    assert_eq!(bed.offer(&quick).await, None);
    let later = NOW.plus(LEASE);
    let changed = bed.store.run_timers(later).await.unwrap();
    assert_eq!((changed.len(), changed[0].state.name()), (1, "scheduled"));
    assert_eq!(bed.offer(&quick).await.as_ref(), Some(&job));
    let error = bed.store.accept(&job, &slow, later).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Refused(Refusal::Taken)),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_lost_worker_ran_fails_once_and_what_it_was_offered_goes_back() {
    let bed = Bed::new().await;
    let (a, b) = (bed.agent("a").await, bed.agent("b").await);
    let build = bed.build(&["one", "two"]).await;
    let job = bed.offer(&a).await.unwrap();
    bed.store.depart(&a, Presence::Lost, NOW).await.unwrap();
    assert_eq!(bed.states(&build).await, ["scheduled", "waiting"]);
    assert_eq!(bed.offer(&b).await.as_ref(), Some(&job));
    bed.store.accept(&job, &b, NOW).await.unwrap();
    let changed = bed.store.depart(&b, Presence::Lost, NOW).await.unwrap();
    assert_eq!(changed.len(), 2);
    assert_eq!(bed.states(&build).await, ["failed", "broken"]);
    assert_eq!(bed.store.depart(&b, Presence::Lost, NOW).await.unwrap(), []);
}

#[tokio::test]
async fn canceling_a_build_cancels_what_waits_and_stops_what_runs() {
    let bed = Bed::new().await;
    let agent = bed.agent("a").await;
    let build = bed.build(&["one", "two"]).await;
    let job = bed.offer(&agent).await.unwrap();
    bed.store.accept(&job, &agent, NOW).await.unwrap();
    bed.store.cancel_build(&build.id, NOW).await.unwrap();
    assert_eq!(bed.states(&build).await, ["canceling", "canceled"]);
    let report = Report {
        exit_status: -1,
        signal: None,
        reason: None,
        chunks_failed: 2,
    };
    let finish = Event::Finish { agent, report };
    bed.store.happen(&job, finish, NOW).await.unwrap();
    assert_eq!(bed.states(&build).await, ["canceled", "canceled"]);
    let error = bed.store.cancel_build(&build.id, NOW).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Refused(Refusal::Finished)),
        "{error}"
    );
}

#[tokio::test]
async fn every_state_reads_back_as_it_was_written() {
    let bed = Bed::new().await;
    let agent = bed.agent("a").await;
    let build = bed.build(&["one"]).await;
    let job = bed.job(&build, 0).await;
    let events = [
        Event::Assign {
            agent: agent.clone(),
            lease: LEASE,
        },
        Event::Accept {
            agent: agent.clone(),
        },
        Event::Start {
            agent: agent.clone(),
        },
        Event::TimeUp,
        Event::AgentGone { agent },
    ];
    for event in events {
        let changed = bed.store.happen(&job, event, NOW).await.unwrap();
        assert_eq!(bed.store.job(&job).await.unwrap().state, changed[0].state);
    }
}

#[tokio::test]
async fn a_job_that_never_stops_is_given_up_and_its_build_ends() {
    let bed = Bed::new().await;
    let agent = bed.agent("a").await;
    let build = bed.build(&["one"]).await;
    let job = bed.offer(&agent).await.unwrap();
    bed.store.accept(&job, &agent, NOW).await.unwrap();
    bed.store.cancel_build(&build.id, NOW).await.unwrap();
    let state = bed.store.job(&job).await.unwrap().state;
    assert_eq!(state.name(), "canceling");
    let early = NOW.plus(STOP_LIMIT / 2);
    assert_eq!(bed.store.run_timers(early).await.unwrap(), []);
    let changed = bed.store.run_timers(NOW.plus(STOP_LIMIT)).await.unwrap();
    assert_eq!(changed[0].state.name_for_runner(), "canceled");
    let State::Finished(end) = bed.store.job(&job).await.unwrap().state else {
        panic!("the job is over");
    };
    assert_eq!(end.reason, EndReason::NeverStopped);
}

#[tokio::test]
async fn a_long_queue_for_others_does_not_hide_a_job_that_suits() {
    let bed = Bed::new().await;
    let gpu = Step {
        command: "train".to_owned(),
        agents: vec!["queue=gpu".to_owned()],
        ..Step::default()
    };
    let pipeline = bed.pipeline("gpu", vec![gpu]).await;
    for _ in 0..510 {
        bed.start(&pipeline).await;
    }
    let build = bed.build(&["one"]).await;
    let agent = bed.agent("a").await;
    assert_eq!(bed.offer(&agent).await, Some(bed.job(&build, 0).await));
}
