//! The metrics, read back by the rules of the exposition format and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use launcher_control::Metrics;
use shared_control::status::Phase;

type Key = (String, BTreeMap<String, String>);
type Samples = BTreeMap<Key, f64>;

/// A strict reader: families in one piece with help and type before them, no sample twice.
fn parse(text: &str) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let mut families = BTreeMap::new();
    let mut current = String::new();
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap().to_owned());
            let rest = words.next().ok_or("a comment without text")?.to_owned();
            match what {
                "HELP" if families.insert(name.clone(), String::new()).is_some() => {
                    return Err(format!("{name} comes twice"));
                }
                "HELP" => current = name,
                "TYPE" if name == current => drop(families.insert(name, rest)),
                _ => return Err(format!("{line:?} is no comment of a family")),
            }
            continue;
        }
        let (key, value) = sample(line)?;
        let base = match families.get(&current).map(String::as_str) {
            Some("summary") => key.0.trim_end_matches("_sum").trim_end_matches("_count"),
            Some("counter") if !key.0.ends_with("_total") => return Err(format!("{line:?}")),
            Some("counter" | "gauge") => &key.0,
            other => return Err(format!("{line:?} is in a family of type {other:?}")),
        };
        if base != current {
            return Err(format!("{line:?} stands among {current}"));
        }
        if samples.insert(key, value).is_some() {
            return Err(format!("{line:?} comes twice"));
        }
    }
    Ok(samples)
}

fn sample(line: &str) -> Result<(Key, f64), String> {
    let bad = || format!("{line:?} is no sample");
    let name_end = line.find(['{', ' ']).ok_or_else(bad)?;
    let (name, mut rest) = line.split_at(name_end);
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(bad());
    }
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or_else(bad)?;
            let (value, after) = quoted(after).ok_or_else(bad)?;
            if !label.chars().all(is_name) || labels.insert(label.to_owned(), value).is_some() {
                return Err(bad());
            }
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix('}').ok_or_else(bad)?;
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or_else(bad)?;
    Ok(((name.to_owned(), labels), value.parse().map_err(|_| bad())?))
}

/// The value up to its closing quote, and what comes after that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                _ => return None,
            },
            c => value.push(c),
        }
    }
    None
}

fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    samples[&(name.to_owned(), labels)]
}

#[test]
#[expect(clippy::float_cmp, reason = "the numbers are exact")]
fn all_counters_come_out_by_the_rules_of_the_format() {
    let mut metrics = Metrics::default();
    assert_eq!(parse(&metrics.render()), Ok(Samples::new()));
    let agent = ("component", "agent");
    metrics.phase("agent", Phase::RollingBack, Duration::from_millis(1500));
    metrics.phase("agent", Phase::RollingBack, Duration::from_millis(250));
    metrics.phase("launcher", Phase::Trial, Duration::from_mins(1));
    metrics.bytes("agent", "delta", 10);
    metrics.bytes("agent", "delta", 5);
    metrics.bytes("agent", "full", 7);
    metrics.outcome("agent", "committed");
    metrics.outcome("agent", "a\"b\\c\nd");
    metrics.tried("agent");
    metrics.generation("agent", 9);
    metrics.verdict("agent", Duration::from_secs(2));
    metrics.rolled_back("agent", Duration::from_millis(300));
    metrics.serial(12);
    metrics.written(1_800_000_000);
    let samples = parse(&metrics.render()).unwrap();
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(value(&samples, name, labels), expected, "{name} {labels:?}");
    };
    let rolling = [agent, ("phase", "rolling-back")];
    is("trireme_phase_duration_seconds_sum", &rolling, 1.75);
    is("trireme_phase_duration_seconds_count", &rolling, 2.0);
    is(
        "trireme_downloaded_bytes_total",
        &[agent, ("source", "delta")],
        15.0,
    );
    is(
        "trireme_downloaded_bytes_total",
        &[agent, ("source", "full")],
        7.0,
    );
    is(
        "trireme_outcomes_total",
        &[agent, ("outcome", "committed")],
        1.0,
    );
    is(
        "trireme_outcomes_total",
        &[agent, ("outcome", "a\"b\\c\nd")],
        1.0,
    );
    is("trireme_tries_total", &[agent], 1.0);
    is("trireme_page_generation", &[agent], 9.0);
    is("trireme_verdict_seconds", &[agent], 2.0);
    is("trireme_rollback_seconds", &[agent], 0.3);
    is("trireme_release_serial", &[], 12.0);
    is("trireme_metrics_written_seconds", &[], 1_800_000_000.0);
    let components: BTreeSet<_> = samples
        .keys()
        .filter_map(|(_, l)| l.get("component"))
        .collect();
    assert_eq!(components.len(), 2);
}

#[test]
fn the_reader_of_this_test_refuses_what_the_format_does() {
    let head = "# HELP a_total x\n# TYPE a_total counter\n";
    for wrong in [
        "a_total 1\n".to_owned(),
        format!("{head}a_total 1"),
        format!("{head}b_total 1\n"),
        format!("{head}a_total{{x=\"1}} 1\n"),
        format!("{head}a_total 1\na_total 2\n"),
        format!("{head}{head}a_total 1\n"),
        format!("{head}a_total one\n"),
    ] {
        assert!(parse(&wrong).is_err(), "{wrong}");
    }
    assert!(parse(&format!("{head}a_total{{x=\"1\"}} 1\n")).is_ok());
}
