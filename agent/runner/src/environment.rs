//! The environment of an executor: what the job wants, overruled by what the agent knows better.
//!
//! Pure. Three sources meet here: the agent's own environment (from which the caller already took
//! what belongs to the agent alone), the job's variables, and the agent's settings. Where an agent's
//! setting replaces a variable of the job, its name is listed in `BUILDKITE_IGNORED_ENV`, and the
//! executor tells the author of the job.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use shared_protocol::header::variable_of_header;
use shared_protocol::protection::{self, OverrideMode, Writer};
use shared_protocol::{Secret, env};

use crate::trace::JobTracing;

/// Longest `NAME=value` of the build's message, its terminating zero byte included. Beyond that a
/// Linux process could not be started at all (`MAX_ARG_STRLEN` is 128 KiB, the peer halves it).
const MESSAGE_LIMIT: usize = 64 * 1024;

/// Whether plugins' configurations are checked.
const PLUGIN_VALIDATION: &str = "BUILDKITE_PLUGIN_VALIDATION";

/// The file with the job's variables, for `docker --env-file`.
pub(crate) const ENV_FILE: &str = "BUILDKITE_ENV_FILE";
/// The same as JSON.
pub(crate) const ENV_JSON_FILE: &str = "BUILDKITE_ENV_JSON_FILE";

/// One variable of the checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutVariable {
    /// Its name.
    pub name: &'static str,
    /// The agent's value.
    pub value: String,
    /// False: nobody set it, and only [`OverrideMode::Strict`] makes the agent say so.
    pub spoken: bool,
}

/// What the agent's settings mean for every job's environment.
#[derive(Debug, Clone, Default)]
pub struct AgentVariables {
    /// The agent's own environment, without what belongs to the agent alone.
    pub inherited: Vec<(OsString, OsString)>,
    /// Variables that no job can change.
    pub fixed: Vec<(&'static str, String)>,
    /// Variables of the checkout.
    pub checkout: Vec<CheckoutVariable>,
    /// Who decides those.
    pub mode: OverrideMode,
    /// How jobs are traced.
    pub tracing: JobTracing,
}

/// What belongs to one job only.
#[derive(Debug, Clone, Copy)]
pub struct JobFacts<'a> {
    /// Endpoint that the job's own subcommands talk to.
    pub endpoint: &'a str,
    /// Token they use.
    pub token: &'a Secret,
    /// Headers that the endpoint wants on every request.
    pub request_headers: &'a BTreeMap<String, String>,
    /// File with the job's variables, for `docker --env-file`.
    pub env_file: &'a Path,
    /// The same as JSON.
    pub env_json_file: &'a Path,
    /// File that is written when the job's time is up.
    pub timeout_file: &'a Path,
    /// Copy of the job's log, if one is wanted.
    pub log_file: Option<&'a Path>,
    /// Trace context of the build, if it is traced.
    pub traceparent: &'a str,
    /// Companion of `traceparent`.
    pub tracestate: &'a str,
    /// The step that the job was made from; null where the endpoint sent none.
    pub step: &'a serde_json::Value,
}

/// The job's variables as the env files hold them: all but the registration token, which no
/// endpoint should send and no file should keep.
pub fn file_variables(job: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut vars = job.clone();
    vars.remove(env::AGENT_TOKEN);
    vars.entry("BUILDKITE_GIT_REMOTE_MIRROR_URL".to_owned())
        .or_default();
    vars
}

/// The whole environment of the executor of one job.
pub fn executor_environment(
    job: &BTreeMap<String, String>,
    agent: &AgentVariables,
    facts: &JobFacts<'_>,
) -> Vec<(OsString, OsString)> {
    let mut overlay = Overlay::new(file_variables(job));
    facts.lay_over(&mut overlay);
    for (name, value) in &agent.fixed {
        overlay.fix(name, value);
    }
    if agent.tracing.backend.is_some() {
        facts.lay_trace_over(&mut overlay);
    }
    for (name, value) in agent.tracing.fixed() {
        overlay.set(name, value);
    }
    for (name, value) in agent.tracing.destination(job) {
        overlay.set_unless_job(name, &value);
    }
    for variable in &agent.checkout {
        overlay.checkout(variable, agent.mode);
    }
    let vars = overlay.finish();
    let mut whole: BTreeMap<OsString, OsString> = agent.inherited.iter().cloned().collect();
    whole.extend(
        vars.into_iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    whole.into_iter().collect()
}

impl JobFacts<'_> {
    fn lay_over(&self, overlay: &mut Overlay) {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        overlay.set(env::AGENT_ENDPOINT, self.endpoint.to_owned());
        overlay.set(env::AGENT_ACCESS_TOKEN, self.token.expose().to_owned());
        overlay.set(ENV_FILE, path(self.env_file));
        overlay.set(ENV_JSON_FILE, path(self.env_json_file));
        overlay.set(env::AGENT_JOB_TIMEOUT_FILE, path(self.timeout_file));
        if let Some(log) = self.log_file {
            overlay.set("BUILDKITE_JOB_LOG_TMPFILE", path(log));
        }
        // Nobody's setting is overruled by these, so there is nothing to warn of.
        for (name, value) in self.request_headers {
            overlay.vars.insert(variable_of_header(name), value.clone());
        }
        if let Some(paths) = cache_paths(&self.step["cache"]) {
            overlay.set("BUILDKITE_AGENT_CACHE_PATHS", paths);
        }
        if let Some(secrets) = self.step["secrets"]
            .as_array()
            .filter(|list| !list.is_empty())
        {
            let list = serde_json::Value::from(secrets.clone());
            overlay.set("BUILDKITE_SECRETS_CONFIG", list.to_string());
        }
    }

    /// The build's trace, for jobs that are traced.
    fn lay_trace_over(&self, overlay: &mut Overlay) {
        for (name, value) in [
            ("BUILDKITE_TRACING_TRACEPARENT", self.traceparent),
            ("BUILDKITE_TRACING_TRACESTATE", self.tracestate),
        ] {
            if !value.is_empty() {
                overlay.set(name, value.to_owned());
            }
        }
    }
}

/// The paths that a step's cache names, as one list: it is given as one path, as several, or as an
/// object that has them.
fn cache_paths(cache: &serde_json::Value) -> Option<String> {
    let paths = cache.get("paths").unwrap_or(cache);
    let list: Vec<&str> = match paths {
        serde_json::Value::String(path) => vec![path],
        serde_json::Value::Array(paths) => paths.iter().filter_map(|path| path.as_str()).collect(),
        _ => Vec::new(),
    };
    (!list.is_empty()).then(|| list.join(","))
}

/// The job's variables while the agent's are laid over them.
struct Overlay {
    vars: BTreeMap<String, String>,
    ignored: Vec<String>,
}

impl Overlay {
    /// Names that no environment can hold are left out here, once for all.
    fn new(mut vars: BTreeMap<String, String>) -> Self {
        vars.retain(|name, _| !name.is_empty() && !name.contains(['=', '\0']));
        Self {
            vars,
            ignored: Vec::new(),
        }
    }

    fn set(&mut self, name: &str, value: String) {
        if self.vars.insert(name.to_owned(), value).is_some() {
            self.ignored.push(name.to_owned());
        }
    }

    /// Sets a variable of the agent's. A job may ask for the check of plugins, and gets it.
    fn fix(&mut self, name: &str, value: &str) {
        let asks = |value: &String| ["true", "1", "on"].contains(&value.as_str());
        if name == PLUGIN_VALIDATION && self.vars.get(name).is_some_and(asks) {
            self.vars.insert(name.to_owned(), "true".to_owned());
        } else {
            self.set(name, value.to_owned());
        }
    }

    fn set_unless_job(&mut self, name: &str, value: &str) {
        if !self.vars.contains_key(name) {
            self.vars.insert(name.to_owned(), value.to_owned());
        }
    }

    fn checkout(&mut self, variable: &CheckoutVariable, mode: OverrideMode) {
        let CheckoutVariable {
            name,
            value,
            spoken,
        } = variable;
        let locked = protection::against(name, Writer::Job, mode).is_some();
        if mode == OverrideMode::Strict || (*spoken && locked) {
            self.set(name, value.clone());
        } else if *spoken {
            self.set_unless_job(name, value);
        }
    }

    fn finish(mut self) -> BTreeMap<String, String> {
        if let Some(message) = self.vars.get_mut(env::MESSAGE) {
            cut_message(message);
        }
        if !self.ignored.is_empty() {
            self.ignored.sort_unstable();
            self.vars
                .insert(env::IGNORED_ENV.to_owned(), self.ignored.join(","));
        }
        self.vars
    }
}

/// Cuts the build's message to what fits, and says so at its end.
fn cut_message(message: &mut String) {
    let limit = MESSAGE_LIMIT - env::MESSAGE.len() - "=\0".len();
    let whole = message.len();
    if whole <= limit {
        return;
    }
    let note = |length: usize| format!("[value truncated {whole} -> {length} bytes]");
    let note_length = note(limit).len();
    let kept = message.floor_char_boundary(limit - note_length);
    message.truncate(kept);
    message.push_str(&note(kept + note_length));
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
