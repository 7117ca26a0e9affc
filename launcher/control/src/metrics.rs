//! Counters of this launcher as Prometheus text, for the collector of text files.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>. The
//! counters begin at 0 with each launcher, which a collector takes for a restart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use shared_control::status::Phase;

/// What is measured. Samples of one family stand together, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Phase,
    Bytes,
    Outcomes,
    Tries,
    Generation,
    Verdict,
    Rollback,
    Serial,
    Written,
}

impl Family {
    const fn head(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Phase => (
                "trireme_phase_duration_seconds",
                "summary",
                "Time spent in each phase of an upgrade.",
            ),
            Self::Bytes => (
                "trireme_downloaded_bytes_total",
                "counter",
                "Bytes that came in, by where they came from.",
            ),
            Self::Outcomes => (
                "trireme_outcomes_total",
                "counter",
                "How upgrades and their steps ended.",
            ),
            Self::Tries => (
                "trireme_tries_total",
                "counter",
                "Starts of versions on trial.",
            ),
            Self::Generation => (
                "trireme_page_generation",
                "gauge",
                "Writes of the slot since the host was installed.",
            ),
            Self::Verdict => (
                "trireme_verdict_seconds",
                "gauge",
                "From the last trial's start to its verdict.",
            ),
            Self::Rollback => (
                "trireme_rollback_seconds",
                "gauge",
                "From the last bad verdict until the version before served again.",
            ),
            Self::Serial => (
                "trireme_release_serial",
                "gauge",
                "Serial of the newest verified release.",
            ),
            Self::Written => (
                "trireme_metrics_written_seconds",
                "gauge",
                "When this was written, in seconds since 1970.",
            ),
        }
    }
}

/// A sample: its family, its labels as written, and the end of its name.
type Key = (Family, String, &'static str);

/// The counters.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    samples: BTreeMap<Key, f64>,
}

impl Metrics {
    /// A phase of a component lasted so long.
    pub fn phase(&mut self, component: &str, phase: Phase, lasted: Duration) {
        let labels = labels(&[("component", component), ("phase", phase.name())]);
        self.add(Family::Phase, labels.clone(), "_sum", lasted.as_secs_f64());
        self.add(Family::Phase, labels, "_count", 1.0);
    }

    /// Bytes of a component came in from `source`: `full`, `zstd`, `delta`, `drop`.
    pub fn bytes(&mut self, component: &str, source: &str, bytes: u64) {
        let labels = labels(&[("component", component), ("source", source)]);
        self.add(Family::Bytes, labels, "", as_float(bytes));
    }

    /// An upgrade or a step of it ended so.
    pub fn outcome(&mut self, component: &str, outcome: &str) {
        let labels = labels(&[("component", component), ("outcome", outcome)]);
        self.add(Family::Outcomes, labels, "", 1.0);
    }

    /// A version on trial was started.
    pub fn tried(&mut self, component: &str) {
        self.add(Family::Tries, labels(&[("component", component)]), "", 1.0);
    }

    /// The slot was written so often.
    pub fn generation(&mut self, component: &str, generation: u64) {
        self.set(Family::Generation, component, as_float(generation));
    }

    /// A trial took so long to its verdict.
    pub fn verdict(&mut self, component: &str, took: Duration) {
        self.set(Family::Verdict, component, took.as_secs_f64());
    }

    /// After a bad verdict it took so long until the version before served.
    pub fn rolled_back(&mut self, component: &str, took: Duration) {
        self.set(Family::Rollback, component, took.as_secs_f64());
    }

    /// The newest verified release has this serial.
    pub fn serial(&mut self, serial: u64) {
        let key = (Family::Serial, String::new(), "");
        self.samples.insert(key, as_float(serial));
    }

    /// When it is written, in seconds since 1970.
    pub fn written(&mut self, second: i64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact for the next 200 million years"
        )]
        let second = second as f64;
        let key = (Family::Written, String::new(), "");
        self.samples.insert(key, second);
    }

    /// The text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        for ((family, labels, end), value) in &self.samples {
            let (name, kind, help) = family.head();
            if last.replace(family) != Some(family) {
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            }
            let _ = writeln!(text, "{name}{end}{labels} {value}");
        }
        text
    }

    fn add(&mut self, family: Family, labels: String, end: &'static str, value: f64) {
        *self.samples.entry((family, labels, end)).or_default() += value;
    }

    fn set(&mut self, family: Family, component: &str, value: f64) {
        let labels = labels(&[("component", component)]);
        self.samples.insert((family, labels, ""), value);
    }
}

/// Labels as written, with what would break a value apart escaped.
fn labels(labels: &[(&str, &str)]) -> String {
    let escape = |value: &str| {
        let value = value.replace('\\', r"\\");
        value.replace('"', r#"\""#).replace('\n', r"\n")
    };
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
        .collect();
    format!("{{{}}}", labels.join(","))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 9 petabytes")]
const fn as_float(number: u64) -> f64 {
    number as f64
}
