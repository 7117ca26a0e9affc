//! One write of a job as one JSON object. Pure. Names and order of the fields are
//! buildkite-agent's, whose log collectors are configured by them.

use serde_json::Value;
use shared_protocol::job::Job;

use crate::lines::rfc3339;

/// Fields that a variable of the job has the value of.
const VARIABLES: [(&str, &str); 6] = [
    ("org", "BUILDKITE_ORGANIZATION_SLUG"),
    ("pipeline", "BUILDKITE_PIPELINE_SLUG"),
    ("branch", "BUILDKITE_BRANCH"),
    ("queue", "BUILDKITE_AGENT_META_DATA_QUEUE"),
    ("build_id", "BUILDKITE_BUILD_ID"),
    ("build_number", "BUILDKITE_BUILD_NUMBER"),
];

/// What each object of one job's log says, and what of it waits for the next write.
#[derive(Debug)]
pub struct Fields {
    /// From the comma after the message to the line feed.
    tail: Vec<u8>,
    /// The beginning of a UTF-8 character that the next write goes on with.
    cut: Vec<u8>,
}

impl Fields {
    /// Names the job.
    pub fn of(job: &Job) -> Self {
        let value = |name: &str| job.env.get(name).map_or("", String::as_str);
        let build_url = value("BUILDKITE_BUILD_URL");
        let job_url = format!("{build_url}#{}", job.id);
        let id = job.id.to_string();
        let mut fields: Vec<(&str, &str)> = VARIABLES
            .iter()
            .map(|(name, variable)| (*name, value(variable)))
            .collect();
        fields.extend([
            ("job_url", job_url.as_str()),
            ("build_url", build_url),
            ("job_id", &id),
            ("step_key", value("BUILDKITE_STEP_KEY")),
        ]);
        if let Some((trace, span)) = trace(&job.traceparent) {
            fields.extend([("trace_id", trace), ("span_id", span)]);
        }
        fields.push(("source", "job"));
        let mut tail = Vec::new();
        for (name, value) in fields {
            let field = format!(",\"{name}\":{}", Value::from(value));
            tail.extend_from_slice(field.as_bytes());
        }
        tail.extend_from_slice(b"}\n");
        Self {
            tail,
            cut: Vec::new(),
        }
    }

    /// One line of JSON. Line ends at the end of the message are left out, a character that is cut
    /// off there waits for the next write, and what is not UTF-8 is replaced.
    pub(crate) fn object(&mut self, bytes: &[u8], now_ms: u64) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.cut);
        text.extend_from_slice(bytes);
        let whole = text.len() - cut_bytes(&text);
        self.cut = text.split_off(whole);
        let text = String::from_utf8_lossy(&text);
        let mut out = begin("INFO", text.trim_end_matches(['\r', '\n']), now_ms);
        out.reserve(self.tail.len());
        out.extend_from_slice(&self.tail);
        out
    }
}

/// One line of JSON about no job in particular.
pub(super) fn note(text: &str, now_ms: u64) -> Vec<u8> {
    let mut out = begin("WARN", text, now_ms);
    out.extend_from_slice(b",\"source\":\"job\"}\n");
    out
}

fn begin(level: &str, text: &str, now_ms: u64) -> Vec<u8> {
    let time = rfc3339(now_ms / 1000 * 1000);
    let message = Value::from(text);
    format!("{{\"ts\":\"{time}\",\"level\":\"{level}\",\"msg\":{message}").into_bytes()
}

/// How many bytes at the end are the beginning of a character.
fn cut_bytes(text: &[u8]) -> usize {
    for (byte, count) in text.iter().rev().zip(1..4) {
        let whole = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if whole > count { count } else { 0 };
    }
    0
}

/// The two ids of a W3C trace parent.
fn trace(parent: &str) -> Option<(&str, &str)> {
    let mut parts = parent.split('-').skip(1);
    let (trace, span, _flags) = (parts.next()?, parts.next()?, parts.next()?);
    Some((trace, span))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared_protocol::JobId;

    use super::*;

    const NOW_MS: u64 = 1_767_225_600_250;

    fn job() -> Job {
        Job {
            id: JobId::new("j1"),
            env: BTreeMap::from([
                ("BUILDKITE_BRANCH".into(), "a \"b\"".into()),
                ("BUILDKITE_BUILD_URL".into(), "https://b/1".into()),
            ]),
            traceparent: "00-0af7-b7ad-01".into(),
            ..Job::default()
        }
    }

    #[test]
    fn an_object_names_the_job_and_leaves_out_the_line_end() {
        let line = Fields::of(&job()).object(b"one\r\ntwo\r\n", NOW_MS);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"INFO\",\"msg\":\"one\\r\\ntwo\",\"org\":\"\",\
             \"pipeline\":\"\",\"branch\":\"a \\\"b\\\"\",\"queue\":\"\",\"build_id\":\"\",\
             \"build_number\":\"\",\"job_url\":\"https://b/1#j1\",\"build_url\":\"https://b/1\",\
             \"job_id\":\"j1\",\"step_key\":\"\",\"trace_id\":\"0af7\",\"span_id\":\"b7ad\",\
             \"source\":\"job\"}\n"
        );
    }

    #[test]
    fn a_character_in_two_writes_is_whole_and_what_is_none_is_replaced() {
        let text = "aü€😀";
        for cut in 0..=text.len() {
            let mut fields = Fields::of(&Job::default());
            let mut whole = String::new();
            for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                let object: Value = serde_json::from_slice(&fields.object(part, 0)).unwrap();
                whole.push_str(object["msg"].as_str().unwrap());
            }
            assert_eq!(whole, text, "cut at {cut}");
        }
        let object = Fields::of(&Job::default()).object(b"a\xff\xffb", 0);
        let object: Value = serde_json::from_slice(&object).unwrap();
        assert_eq!(object["msg"], "a\u{fffd}\u{fffd}b");
    }
}
