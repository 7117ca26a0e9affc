//! Whether a worker obeys its stream or its pings. Pure.
//!
//! There is one baton. The stream takes it with its first message and keeps it while it works: as
//! long, no pings are sent. Whoever breaks it gives it back, and it changes hands only while the
//! worker is free, because only then does anybody ask.

use shared_protocol::JobId;

use crate::action::Action;
use crate::debounce::{Debouncer, Word};

/// Where a worker looks for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PingMode {
    /// On a stream where there is one, else by pings.
    #[default]
    Auto,
    /// By pings.
    PollOnly,
    /// On a stream; without one the worker ends.
    StreamOnly,
}

/// What a worker that is free does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// What the stream said.
    Act(Action),
    /// Send a ping, when it is due.
    Poll,
    /// Wait for the stream.
    Listen,
    /// End: there will be no stream, and nothing else is wanted.
    Over,
}

/// How the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// Not there yet, or broken and to come back.
    Away,
    Good,
    /// It will not come back.
    Gone,
}

/// Knows whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baton {
    polls: bool,
    stream: Health,
    debouncer: Debouncer,
    /// A job of the stream was not run. If it still is this worker's, a ping says so; the stream will
    /// not say it again.
    in_doubt: bool,
    /// The worker came back from a job and has not been told anything since.
    came_back: bool,
}

impl Baton {
    /// Before the first stream.
    pub fn new(mode: PingMode) -> Self {
        Self {
            polls: mode != PingMode::StreamOnly,
            stream: Health::Away,
            debouncer: Debouncer::default(),
            in_doubt: false,
            came_back: false,
        }
    }

    /// Whose turn it is. An action is handed out once. A worker that has run a job and finds nothing
    /// to do is idle, which no endpoint says on a stream.
    pub fn turn(&mut self) -> Turn {
        let came_back = std::mem::take(&mut self.came_back);
        if let Some(action) = self.debouncer.action() {
            return Turn::Act(action);
        }
        match self.stream {
            Health::Good if came_back => Turn::Act(Action::Idle),
            Health::Gone if !self.polls => Turn::Over,
            Health::Away | Health::Gone if self.polls => Turn::Poll,
            Health::Good if self.in_doubt && self.polls => Turn::Poll,
            _ => Turn::Listen,
        }
    }

    /// The stream said something, be it nothing to act upon. True if it was not there before.
    pub fn heard(&mut self, word: Option<Word>) -> bool {
        let before = std::mem::replace(&mut self.stream, Health::Good);
        if let Some(word) = word {
            self.debouncer.take(word);
        }
        before != Health::Good
    }

    /// The stream broke and will be opened again. True if it was there before.
    pub fn lost(&mut self) -> bool {
        let before = std::mem::replace(&mut self.stream, Health::Away);
        if before == Health::Good {
            self.debouncer.lost();
        }
        before == Health::Good
    }

    /// The stream ended for good.
    pub fn ended(&mut self) {
        self.lost();
        self.stream = Health::Gone;
    }

    /// Whether the stream has the baton.
    pub fn is_streaming(&self) -> bool {
        self.stream == Health::Good
    }

    /// A ping was answered.
    pub fn polled(&mut self) {
        self.in_doubt = false;
    }

    /// The worker begins a job, whoever offered it.
    pub fn job_began(&mut self, job: JobId) {
        self.debouncer.job_began(job);
    }

    /// The worker is free again. `ran` is false when the job turned out not to be its own.
    pub fn job_ended(&mut self, ran: bool) {
        self.debouncer.job_ended();
        self.came_back = true;
        self.in_doubt = !ran;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> JobId {
        JobId::new(id)
    }

    fn baton(mode: PingMode) -> Baton {
        Baton::new(mode)
    }

    #[test]
    fn pings_are_sent_while_there_is_no_stream_and_only_then() {
        let mut baton = baton(PingMode::Auto);
        assert_eq!(baton.turn(), Turn::Poll);
        assert!(baton.heard(None));
        assert_eq!(baton.turn(), Turn::Listen);
        assert!(!baton.heard(Some(Word::Resume)));
        assert_eq!(baton.turn(), Turn::Act(Action::Idle));
        assert_eq!(baton.turn(), Turn::Listen);
        assert!(baton.lost());
        assert!(!baton.lost());
        assert_eq!(baton.turn(), Turn::Poll);
        baton.heard(None);
        assert_eq!(baton.turn(), Turn::Listen);
        baton.ended();
        assert_eq!(baton.turn(), Turn::Poll);
    }

    #[test]
    fn without_pings_the_end_of_the_stream_is_the_end() {
        let mut baton = baton(PingMode::StreamOnly);
        assert_eq!(baton.turn(), Turn::Listen);
        baton.heard(None);
        baton.lost();
        assert_eq!(baton.turn(), Turn::Listen);
        baton.ended();
        assert_eq!(baton.turn(), Turn::Over);
    }

    #[test]
    fn a_stream_that_breaks_during_a_job_is_missed_after_it() {
        let mut baton = baton(PingMode::Auto);
        baton.heard(Some(Word::Job(job("a"))));
        assert_eq!(baton.turn(), Turn::Act(Action::Run(job("a"))));
        baton.job_began(job("a"));
        baton.heard(Some(Word::Job(job("b"))));
        baton.lost();
        baton.job_ended(true);
        assert_eq!(baton.turn(), Turn::Act(Action::Run(job("b"))));
        baton.job_began(job("b"));
        baton.job_ended(true);
        assert_eq!(baton.turn(), Turn::Poll);
    }

    #[test]
    fn after_a_job_of_the_stream_the_worker_is_idle_once() {
        let mut baton = baton(PingMode::Auto);
        baton.heard(Some(Word::Job(job("a"))));
        baton.turn();
        baton.job_began(job("a"));
        baton.job_ended(true);
        assert_eq!(baton.turn(), Turn::Act(Action::Idle));
        assert_eq!(baton.turn(), Turn::Listen);
    }

    #[test]
    fn after_a_job_of_a_ping_the_next_ping_says_what_is() {
        let mut baton = baton(PingMode::Auto);
        baton.job_began(job("a"));
        baton.job_ended(true);
        assert_eq!(baton.turn(), Turn::Poll);
    }

    #[test]
    fn a_job_of_the_stream_that_could_not_be_accepted_is_asked_for_once() {
        for (mode, expected) in [
            (PingMode::Auto, Turn::Poll),
            (PingMode::StreamOnly, Turn::Listen),
        ] {
            let mut baton = baton(mode);
            baton.heard(Some(Word::Job(job("a"))));
            baton.turn();
            baton.job_began(job("a"));
            baton.job_ended(false);
            assert_eq!(baton.turn(), Turn::Act(Action::Idle));
            assert_eq!(baton.turn(), expected);
            baton.polled();
            assert_eq!(baton.turn(), Turn::Listen);
        }
    }
}
