//! What a launcher is doing: a bar on a terminal, a line per change elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use shared_control::Reply;
use shared_control::status::Phase;

use crate::output::Output;

/// Between two lines of one phase, where there is no terminal: percents.
const STEP: u64 = 25;

/// Between two moves of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Shows progress lines.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    /// The phase that was shown last, and how far it was.
    shown: Option<(Phase, String, u64)>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        let bar = (!output.json && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(waiting());
            bar.set_message("asking the launcher");
            bar.enable_steady_tick(TICK);
            bar
        });
        Self {
            output,
            bar,
            shown: None,
        }
    }

    /// Takes a line.
    pub(crate) fn take(&mut self, reply: &Reply) {
        if let Reply::Progress {
            phase,
            component,
            done,
            total,
        } = reply
        {
            self.show(*phase, component, *done, *total);
        }
    }

    pub(crate) fn show(&mut self, phase: Phase, component: &str, done: u64, total: u64) {
        let percent = match total {
            0 => 0,
            total => done.min(total) * 100 / total,
        };
        let same = self
            .shown
            .as_ref()
            .is_some_and(|(of, to, _)| *of == phase && to == component);
        if let Some(bar) = &self.bar {
            if !same {
                bar.set_style(waiting());
                bar.set_message(sentence(phase, component));
            }
            bar.set_length(total);
            bar.set_position(done);
            if !same && total > 0 {
                bar.set_style(filling(phase));
            }
        } else {
            let before = self.shown.as_ref().map_or(0, |(.., percent)| *percent);
            if same && percent < before + STEP {
                return;
            }
            let amount = match total {
                0 => String::new(),
                total if phase == Phase::Downloading => {
                    format!(" {percent} % of {}", HumanBytes(total))
                }
                _ => format!(" {percent} %"),
            };
            self.output
                .remark(&format!("{}{amount}", sentence(phase, component)));
        }
        self.shown = Some((phase, component.to_owned(), percent));
    }

    /// Takes the bar away, so that the result stands alone.
    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn waiting() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("the template is fixed")
}

fn filling(phase: Phase) -> ProgressStyle {
    // What is verified is counted in versions.
    let template = match phase {
        Phase::Downloading => {
            "{spinner} {msg} [{wide_bar}] {percent:>3} % {bytes}/{total_bytes} {eta}"
        }
        _ => "{spinner} {msg} [{wide_bar}] {percent:>3} %",
    };
    let style = ProgressStyle::with_template(template).expect("the template is fixed");
    style.progress_chars("=> ")
}

/// What is being done, as the beginning of a line.
pub(crate) fn sentence(phase: Phase, component: &str) -> String {
    let what = match phase {
        Phase::Idle => "idle",
        Phase::Checking => "asking for a release",
        Phase::Waiting => "waiting",
        Phase::Downloading => "downloading",
        Phase::Verifying => "verifying",
        Phase::Staging => "staging",
        Phase::Arming => "arming",
        Phase::Trial => "proving",
        Phase::Settling => "settling",
        Phase::RollingBack => "rolling back",
        Phase::Leaving => "making room for the next launcher",
        Phase::Sweeping => "cleaning up",
        Phase::Rescue => "trying the versions that are left",
        Phase::Unknown => "working",
    };
    match component {
        "" => what.to_owned(),
        component => format!("{component}: {what}"),
    }
}
