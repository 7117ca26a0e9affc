//! The Prometheus text format, version 0.0.4. Pure.
//!
//! Written here because the client library for Rust speaks only OpenMetrics: families of counters
//! without `_total`, bounds of buckets as `1.0`. For a server that scraped the peer yesterday
//! these are other series. Numbers are spelled as Go spells them, so that text stays the same too.
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::{Display, Write as _};

/// Media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Observations, counted by size.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Upper bound and count of each bucket, ascending; counts are not cumulative.
    buckets: Vec<(f64, u64)>,
    /// How many observations there were, those above the last bound included.
    count: u64,
    sum: f64,
}

impl Histogram {
    pub(crate) fn new(bounds: impl Iterator<Item = f64>) -> Self {
        Self {
            buckets: bounds.map(|bound| (bound, 0)).collect(),
            count: 0,
            sum: 0.0,
        }
    }

    /// `count` buckets, each bound `factor` times the one before.
    pub(crate) fn growing(first: f64, factor: f64, count: usize) -> Self {
        Self::new(std::iter::successors(Some(first), |bound| Some(bound * factor)).take(count))
    }

    pub(crate) fn observe(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        let bucket = self.buckets.iter_mut().find(|(bound, _)| value <= *bound);
        if let Some((_, count)) = bucket {
            *count += 1;
        }
    }
}

/// Text that is being written, one family after the other.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.single((name, help, "counter"), as_float(value));
    }

    /// A family of one number.
    pub(crate) fn single(&mut self, (name, help, kind): (&str, &str, &str), value: f64) {
        self.family(name, help, kind);
        self.sample(name, "", &number(value));
    }

    /// A family whose members differ in labels. Without members there is no family.
    pub(crate) fn labelled(
        &mut self,
        (name, help, kind): (&str, &str, &str),
        members: impl Iterator<Item = (String, u64)>,
    ) {
        let mut members = members.peekable();
        if members.peek().is_some() {
            self.family(name, help, kind);
        }
        for (labels, value) in members {
            self.sample(name, &format!("{{{labels}}}"), &number(as_float(value)));
        }
    }

    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, help, "histogram");
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in &histogram.buckets {
            below += count;
            self.sample(&bucket, &format!("{{le=\"{}\"}}", number(*bound)), &below);
        }
        self.sample(&bucket, "{le=\"+Inf\"}", &histogram.count);
        self.sample(&format!("{name}_sum"), "", &number(histogram.sum));
        self.sample(&format!("{name}_count"), "", &histogram.count);
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: &dyn Display) {
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }
}

/// One label as it stands between braces.
pub(crate) fn label(name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the format's numbers are floats, here and at whoever reads them"
)]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

/// The shortest text of a number, with an exponent from a million on and below a ten-thousandth.
fn number(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return value.to_string();
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_in_go() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.015_625, "0.015625"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (67_108_864.0, "6.7108864e+07"),
            (0.000_1, "0.0001"),
            (0.000_012, "1.2e-05"),
            (2.5, "2.5"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn what_a_label_says_cannot_end_it() {
        assert_eq!(label("queue", "a\"b\\c\nd"), r#"queue="a\"b\\c\nd""#);
    }

    #[test]
    fn buckets_count_everything_up_to_their_bound() {
        let mut histogram = Histogram::growing(1.0, 2.0, 3);
        for value in [0.5, 1.0, 1.5, 4.0, 9.0] {
            histogram.observe(value);
        }
        let mut page = Page::default();
        page.histogram("h", "Some.", &histogram);
        assert_eq!(
            page.into_text(),
            "# HELP h Some.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 3\n\
             h_bucket{le=\"4\"} 4\nh_bucket{le=\"+Inf\"} 5\nh_sum 16\nh_count 5\n"
        );
    }

    #[test]
    fn a_family_without_members_is_left_out() {
        let mut page = Page::default();
        page.labelled(("c_total", "Some.", "counter"), std::iter::empty());
        assert_eq!(page.into_text(), "");
    }
}
