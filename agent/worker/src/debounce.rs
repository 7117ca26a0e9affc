//! What a stream has said and the worker has not done yet. Pure.
//!
//! A worker does one thing at a time; a stream speaks whenever it likes. What it says meanwhile is
//! reduced to what still counts when the worker is free: that it is to end, counts for good; of
//! pauses and their ends, the latest; jobs keep their order and wait until no pause is on.

use std::collections::VecDeque;

use shared_protocol::JobId;

use crate::action::Action;

/// What a stream says, as far as a worker has to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Take jobs.
    Resume,
    /// Take none.
    Pause,
    /// End.
    Disconnect,
    /// This job is yours.
    Job(JobId),
}

/// Keeps what counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Debouncer {
    disconnect: bool,
    /// The latest of pause (true) and resume (false) that the worker has not heard of.
    news: Option<bool>,
    /// What it has heard last.
    paused: bool,
    jobs: VecDeque<JobId>,
    at_work: Option<JobId>,
}

impl Debouncer {
    /// Takes what the stream says. A job that waits or runs already is not taken twice: a new stream
    /// may repeat what the one before it said.
    pub fn take(&mut self, word: Word) {
        match word {
            Word::Resume => self.news = Some(false),
            Word::Pause => self.news = Some(true),
            Word::Disconnect => self.disconnect = true,
            Word::Job(job) => {
                if self.at_work.as_ref() != Some(&job) && !self.jobs.contains(&job) {
                    self.jobs.push_back(job);
                }
            }
        }
    }

    /// What a worker that is free does next.
    pub fn action(&mut self) -> Option<Action> {
        if self.disconnect {
            return Some(Action::Disconnect);
        }
        if let Some(paused) = self.news.take() {
            self.paused = paused;
            if paused {
                return Some(Action::Pause);
            }
            if self.jobs.is_empty() {
                return Some(Action::Idle);
            }
        }
        if self.paused {
            return None;
        }
        self.jobs.pop_front().map(Action::Run)
    }

    /// The worker begins a job, whoever offered it.
    pub fn job_began(&mut self, job: JobId) {
        self.at_work = Some(job);
    }

    /// The worker is free again.
    pub fn job_ended(&mut self) {
        self.at_work = None;
    }

    /// The stream broke; pings say from now on whether the worker is paused. Jobs it was to run next
    /// are still its own, but not those that waited for the end of a pause.
    pub fn lost(&mut self) {
        if self.news.take().unwrap_or(self.paused) {
            self.jobs.clear();
        }
        self.paused = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(id: &str) -> JobId {
        JobId::new(id)
    }

    fn run(id: &str) -> Action {
        Action::Run(job(id))
    }

    /// Everything a worker does whose jobs take no time.
    fn drained(debouncer: &mut Debouncer) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(action) = debouncer.action() {
            let ends = action == Action::Disconnect;
            if let Action::Run(id) = &action {
                debouncer.job_began(id.clone());
                debouncer.job_ended();
            }
            actions.push(action);
            if ends {
                break;
            }
        }
        actions
    }

    #[test]
    fn what_came_during_a_job_is_reduced_to_what_still_counts() {
        use Word::{Disconnect, Job, Pause, Resume};
        let job_word = |id| Job(job(id));
        for (words, expected) in [
            (vec![], vec![]),
            (vec![Resume], vec![Action::Idle]),
            (vec![Pause, Resume, Pause], vec![Action::Pause]),
            (vec![Pause, Resume], vec![Action::Idle]),
            (vec![job_word("b"), job_word("c")], vec![run("b"), run("c")]),
            (
                vec![job_word("a"), job_word("b"), job_word("b")],
                vec![run("b")],
            ),
            (vec![job_word("b"), Pause], vec![Action::Pause]),
            (vec![Pause, job_word("b"), Resume], vec![run("b")]),
            (
                vec![Disconnect, Resume, job_word("b")],
                vec![Action::Disconnect],
            ),
            (vec![Pause, Disconnect], vec![Action::Disconnect]),
        ] {
            let mut debouncer = Debouncer::default();
            debouncer.job_began(job("a"));
            for word in words.clone() {
                debouncer.take(word);
            }
            debouncer.job_ended();
            assert_eq!(drained(&mut debouncer), expected, "{words:?}");
        }
    }

    #[test]
    fn jobs_wait_for_the_end_of_a_pause() {
        let mut debouncer = Debouncer::default();
        debouncer.take(Word::Pause);
        assert_eq!(debouncer.action(), Some(Action::Pause));
        debouncer.take(Word::Job(job("a")));
        debouncer.take(Word::Job(job("b")));
        assert_eq!(debouncer.action(), None);
        debouncer.take(Word::Resume);
        assert_eq!(drained(&mut debouncer), [run("a"), run("b")]);
    }

    #[test]
    fn a_worker_that_was_told_nothing_does_nothing() {
        assert_eq!(Debouncer::default().action(), None);
    }

    #[test]
    fn a_broken_stream_leaves_jobs_and_the_end_but_no_pause() {
        for (words, expected) in [
            (vec![Word::Pause], vec![]),
            (vec![Word::Resume], vec![]),
            (vec![Word::Job(job("a"))], vec![run("a")]),
            (vec![Word::Job(job("a")), Word::Pause], vec![]),
            (vec![Word::Disconnect], vec![Action::Disconnect]),
        ] {
            let mut debouncer = Debouncer::default();
            for word in words.clone() {
                debouncer.take(word);
            }
            debouncer.lost();
            assert_eq!(drained(&mut debouncer), expected, "{words:?}");
        }
    }

    fn words() -> impl Strategy<Value = Vec<Word>> {
        let word = prop_oneof![
            Just(Word::Resume),
            Just(Word::Pause),
            (0_u8..20).prop_map(|id| Word::Job(JobId::new(format!("j{id}")))),
        ];
        prop::collection::vec(word, 0..30)
    }

    proptest! {
        #[test]
        fn each_job_runs_once_in_order_and_the_last_pause_or_resume_holds(words in words()) {
            let mut debouncer = Debouncer::default();
            let mut jobs: Vec<Action> = Vec::new();
            for word in &words {
                debouncer.take(word.clone());
                if let Word::Job(job) = word {
                    let run = Action::Run(job.clone());
                    if !jobs.contains(&run) {
                        jobs.push(run);
                    }
                }
            }
            let last = words.iter().rev().find(|word| !matches!(word, Word::Job(_)));
            let mut done = drained(&mut debouncer);
            if last == Some(&Word::Pause) {
                prop_assert_eq!(done, [Action::Pause]);
                debouncer.take(Word::Resume);
                done = drained(&mut debouncer);
            }
            done.retain(|action| *action != Action::Idle);
            prop_assert_eq!(done, jobs);
        }
    }
}
