//! Every flag of `agent start`: one table that the command line, the environment, the config file,
//! the help text and `docs/configuration.md` are read by. Names, variables and defaults are those of
//! buildkite-agent 3.137.

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On or off; on the command line a value needs `=`.
    Switch,
    /// On, off, or one of these words.
    SwitchOr(&'static [&'static str]),
    /// Any text.
    Text,
    /// Arguments of a program; none of them when it is set to nothing.
    Arguments,
    /// Any text, which nobody may see.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number from 0 on.
    Number,
    /// A whole number.
    Integer,
    /// A time with its unit, as `10s` or `1m30s`.
    Duration,
    /// A file or folder; `~` and variables are expanded, and it is made absolute.
    Path,
    /// Separated by commas; may be given several times.
    List,
}

/// How far a flag works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// As documented.
    Full,
    /// Accepted so that existing configurations keep working; changes nothing yet, and nothing
    /// depends on it.
    Idle,
    /// Refused when set, because somebody relies on what it promises.
    Refused,
}

/// One flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Long name, which is also the key in the config file.
    pub name: &'static str,
    /// Its variables, separated by a blank; the first that is set counts.
    pub env: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The value when nobody sets it.
    pub default: &'static str,
    /// How far it works.
    pub support: Support,
    /// One line for the help text.
    pub help: &'static str,
}

/// Flags that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// What they are about.
    pub title: &'static str,
    /// The flags.
    pub flags: &'static [Flag],
}

use Kind::{
    Arguments, Choice, Duration, Integer, List, Number, Path, Secret, Switch, SwitchOr, Text,
};

const fn flag(
    name: &'static str,
    env: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Flag {
    Flag {
        name,
        env,
        kind,
        default,
        support: Support::Full,
        help,
    }
}

const fn idle(flag: Flag) -> Flag {
    Flag {
        support: Support::Idle,
        ..flag
    }
}

const fn refused(flag: Flag) -> Flag {
    Flag {
        support: Support::Refused,
        ..flag
    }
}

/// Names of variables whose values are hidden in job logs, unless told otherwise.
const REDACTED: &str = "*_PASSWORD,*_SECRET,*_TOKEN,*_PRIVATE_KEY,*_SSH_KEY,*_ACCESS_KEY,\
                        *_SECRET_KEY,*_CONNECTION_STRING,*_API_KEY";

/// The table.
#[rustfmt::skip] // one flag a line
pub const START: &[Topic] = &[
Topic { title: "Registration", flags: &[
    flag("token", "BUILDKITE_AGENT_TOKEN", Secret, "", "registration token: the token itself, file://PATH or fd://NUMBER"),
    flag("identity-file", "TRIREME_IDENTITY_FILE", Path, "", "who this host is for Trireme's server when it has no token; made at need, in the state folder"),
    flag("auto-register-file", "TRIREME_AUTO_REGISTER_FILE", Path, "", "file with a key that lets this host in, scrubbed after use; autoregister.properties beside the identity"),
    flag("endpoint", "BUILDKITE_AGENT_ENDPOINT", Text, "", "base address of the Agent API; without it the launcher's server, or else that of Buildkite"),
    flag("config", "BUILDKITE_AGENT_CONFIG", Path, "", "config file, instead of the first one found"),
    flag("name", "BUILDKITE_AGENT_NAME", Text, "", "name of the worker; %spawn becomes its number"),
    flag("priority", "BUILDKITE_AGENT_PRIORITY", Text, "", "workers with a higher priority get jobs first"),
    flag("queue", "BUILDKITE_AGENT_QUEUE", Text, "", "queue to take jobs from"),
    flag("tags", "BUILDKITE_AGENT_TAGS", List, "", "tags, each key=value"),
    flag("spawn", "BUILDKITE_AGENT_SPAWN", Number, "1", "number of workers"),
    flag("spawn-per-cpu", "BUILDKITE_AGENT_SPAWN_PER_CPU", Number, "0", "number of workers for each CPU"),
    flag("spawn-with-priority", "BUILDKITE_AGENT_SPAWN_WITH_PRIORITY", SwitchOr(&["static", "ascending", "descending"]), "false", "priority of each worker: its number, or with descending below zero; static for none"),
    flag("experiment", "BUILDKITE_AGENT_EXPERIMENT", List, "", "experiments to switch on"),
    flag("no-feature-reporting", "BUILDKITE_AGENT_NO_FEATURE_REPORTING", Switch, "false", "do not tell the endpoint which features are on"),
]},
Topic { title: "Connection", flags: &[
    flag("ping-mode", "BUILDKITE_AGENT_PING_MODE", Choice(&["auto", "poll-only", "ping-only", "stream-only"]), "auto", "where workers look for work; auto polls while there is no stream"),
    flag("no-http2", "BUILDKITE_NO_HTTP2", Switch, "false", "talk to the endpoint over HTTP/1.1 only, jobs too"),
    flag("debug-http", "BUILDKITE_AGENT_DEBUG_HTTP", Switch, "false", "log each request to the endpoint and its answer, without bodies and tokens"),
    flag("trace-http", "BUILDKITE_AGENT_TRACE_HTTP", Switch, "false", "as --debug-http, with headers and times"),
]},
Topic { title: "End of an agent", flags: &[
    flag("acquire-job", "BUILDKITE_AGENT_ACQUIRE_JOB", Text, "", "run this one job and end"),
    flag("reflect-exit-status", "BUILDKITE_AGENT_REFLECT_EXIT_STATUS", Switch, "false", "end with the exit status of the job of --acquire-job"),
    flag("disconnect-after-job", "BUILDKITE_AGENT_DISCONNECT_AFTER_JOB", Switch, "false", "end each worker after one job"),
    flag("disconnect-after-idle-timeout", "BUILDKITE_AGENT_DISCONNECT_AFTER_IDLE_TIMEOUT", Number, "0", "end after so many seconds without a job; 0 is never"),
    flag("disconnect-after-uptime", "BUILDKITE_AGENT_DISCONNECT_AFTER_UPTIME", Number, "0", "take no more jobs after so many seconds; 0 is never"),
    flag("orphan-grace", "TRIREME_ORPHAN_GRACE", Number, "600", "seconds without a launcher after which the agent stops; only when a launcher started it"),
]},
Topic { title: "Canceling", flags: &[
    flag("cancel-grace-period", "BUILDKITE_CANCEL_GRACE_PERIOD", Number, "10", "seconds a canceled job gets in all"),
    flag("signal-grace-period-seconds", "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", Integer, "-1", "seconds a canceled command gets; negative: counted from the end of the whole"),
    flag("cancel-signal", "BUILDKITE_CANCEL_SIGNAL", Text, "SIGTERM", "signal for a canceled command"),
    flag("cancel-signal-timeout", "BUILDKITE_CANCEL_SIGNAL_TIMEOUT", Duration, "", "time a canceled command gets; another way to set signal-grace-period-seconds"),
    flag("cancel-cleanup-timeout", "BUILDKITE_CANCEL_CLEANUP_TIMEOUT", Duration, "", "time a canceled job gets after its command; another way to set cancel-grace-period"),
]},
Topic { title: "Tags of the host", flags: &[
    flag("tags-from-host", "BUILDKITE_AGENT_TAGS_FROM_HOST", Switch, "false", "tags with name, system, architecture and id of this machine"),
    flag("tags-from-ec2-meta-data", "BUILDKITE_AGENT_TAGS_FROM_EC2_META_DATA", Switch, "false", "tags with the identity of this EC2 instance"),
    flag("tags-from-ec2-meta-data-paths", "BUILDKITE_AGENT_TAGS_FROM_EC2_META_DATA_PATHS", List, "", "further EC2 metadata, each tag=path"),
    flag("tags-from-ec2-tags", "BUILDKITE_AGENT_TAGS_FROM_EC2_TAGS", Switch, "false", "tags of this EC2 instance"),
    flag("tags-from-ecs-meta-data", "BUILDKITE_AGENT_TAGS_FROM_ECS_META_DATA", Switch, "false", "tags with the ECS task and container"),
    flag("tags-from-gcp-meta-data", "BUILDKITE_AGENT_TAGS_FROM_GCP_META_DATA", Switch, "false", "tags with the identity of this Google Cloud instance"),
    flag("tags-from-gcp-meta-data-paths", "BUILDKITE_AGENT_TAGS_FROM_GCP_META_DATA_PATHS", List, "", "further Google Cloud metadata, each tag=path"),
    flag("tags-from-gcp-labels", "BUILDKITE_AGENT_TAGS_FROM_GCP_LABELS", Switch, "false", "labels of this Google Cloud instance"),
    flag("wait-for-ec2-tags-timeout", "BUILDKITE_AGENT_WAIT_FOR_EC2_TAGS_TIMEOUT", Duration, "10s", "time for all attempts to read tags of the EC2 instance"),
    flag("wait-for-ec2-meta-data-timeout", "BUILDKITE_AGENT_WAIT_FOR_EC2_META_DATA_TIMEOUT", Duration, "10s", "time for all attempts to read EC2 metadata"),
    flag("wait-for-ecs-meta-data-timeout", "BUILDKITE_AGENT_WAIT_FOR_ECS_META_DATA_TIMEOUT", Duration, "10s", "time for all attempts to read ECS metadata"),
    flag("wait-for-gcp-labels-timeout", "BUILDKITE_AGENT_WAIT_FOR_GCP_LABELS_TIMEOUT", Duration, "10s", "time for all attempts to read labels of the Google Cloud instance"),
    flag("fail-on-missing-tags", "BUILDKITE_AGENT_FAIL_ON_MISSING_TAGS", Switch, "false", "end when a source of tags does not answer"),
]},
Topic { title: "Folders and programs", flags: &[
    flag("build-path", "BUILDKITE_BUILD_PATH", Path, "", "folder below which jobs are checked out"),
    flag("hooks-path", "BUILDKITE_HOOKS_PATH", Path, "", "folder of the agent's hooks"),
    flag("additional-hooks-paths", "BUILDKITE_ADDITIONAL_HOOKS_PATHS", List, "", "further folders of hooks"),
    flag("plugins-path", "BUILDKITE_PLUGINS_PATH", Path, "", "folder that plugins are fetched into"),
    flag("sockets-path", "BUILDKITE_SOCKETS_PATH", Path, "~/.buildkite-agent/sockets", "folder of local sockets"),
    flag("job-context-dir", "BUILDKITE_JOB_CONTEXT_DIR", Path, "", "folder of the files beside a job"),
    flag("bootstrap-script", "BUILDKITE_BOOTSTRAP_SCRIPT_PATH", Text, "", "program, with arguments, that runs a job"),
    flag("shell", "BUILDKITE_SHELL", Text, "", "shell that runs commands"),
    flag("hooks-shell", "BUILDKITE_HOOKS_SHELL", Text, "", "shell that runs hooks"),
]},
Topic { title: "What jobs may do", flags: &[
    flag("no-pty", "BUILDKITE_NO_PTY", Switch, "false", "run jobs without a terminal"),
    flag("no-command-eval", "BUILDKITE_NO_COMMAND_EVAL", Switch, "false", "run scripts of the repository only"),
    flag("no-plugins", "BUILDKITE_NO_PLUGINS", Switch, "", "refuse plugins"),
    flag("no-plugin-validation", "BUILDKITE_NO_PLUGIN_VALIDATION", Switch, "true", "do not check plugin configurations"),
    flag("plugins-always-clone-fresh", "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH", Switch, "false", "fetch plugins for every job"),
    flag("no-local-hooks", "BUILDKITE_NO_LOCAL_HOOKS", Switch, "false", "ignore hooks of repositories"),
    flag("strict-single-hooks", "BUILDKITE_STRICT_SINGLE_HOOKS", Switch, "false", "allow one checkout and one command hook a job"),
    flag("no-ssh-keyscan", "BUILDKITE_NO_SSH_KEYSCAN", Switch, "false", "do not look up SSH host keys"),
    flag("redacted-vars", "BUILDKITE_REDACTED_VARS", List, REDACTED, "names of variables whose values are hidden in logs"),
    flag("disable-warnings-for", "BUILDKITE_AGENT_DISABLE_WARNINGS_FOR", List, "", "warnings that jobs leave out"),
    flag("allowed-repositories", "BUILDKITE_ALLOWED_REPOSITORIES", List, "", "patterns (RE2) of repositories whose jobs are run"),
    flag("allowed-plugins", "BUILDKITE_ALLOWED_PLUGINS", List, "", "patterns (RE2) of the full names of plugins that jobs may use"),
    flag("enable-environment-variable-allowlist", "BUILDKITE_ENABLE_ENVIRONMENT_VARIABLE_ALLOWLIST", Switch, "false", "run only jobs whose variables are all allowed"),
    flag("allowed-environment-variables", "BUILDKITE_ALLOWED_ENVIRONMENT_VARIABLES", List, "", "patterns (RE2) of the names of variables that jobs may have"),
]},
Topic { title: "Signed steps", flags: &[
    flag("verification-jwks-file", "BUILDKITE_AGENT_VERIFICATION_JWKS_FILE", Path, "", "keys that steps must be signed with"),
    flag("verification-failure-behavior", "BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR", Choice(&["block", "warn"]), "block", "what to do with a job that is not signed as it should be"),
    flag("signing-jwks-file", "BUILDKITE_AGENT_SIGNING_JWKS_FILE", Path, "", "keys that jobs sign uploaded steps with"),
    flag("signing-jwks-key-id", "BUILDKITE_AGENT_SIGNING_JWKS_KEY_ID", Text, "", "the key to sign with"),
    flag("signing-aws-kms-key", "BUILDKITE_AGENT_SIGNING_AWS_KMS_KEY", Text, "", "key of AWS KMS that steps are signed and verified with"),
    flag("signing-gcp-kms-key", "BUILDKITE_AGENT_SIGNING_GCP_KMS_KEY", Text, "", "key of Google Cloud KMS that steps are signed and verified with"),
    flag("debug-signing", "BUILDKITE_AGENT_DEBUG_SIGNING", Switch, "false", "log what signatures are computed over"),
]},
Topic { title: "Checkout", flags: &[
    flag("checkout-override-mode", "BUILDKITE_CHECKOUT_OVERRIDE_MODE", Choice(&["strict", "from-job", "none"]), "from-job", "who decides about the checkout"),
    flag("checkout-attempts", "BUILDKITE_CHECKOUT_ATTEMPTS", Number, "6", "tries of a checkout"),
    flag("skip-checkout", "BUILDKITE_SKIP_CHECKOUT", Switch, "", "do not check out"),
    flag("git-checkout-flags", "BUILDKITE_GIT_CHECKOUT_FLAGS", Arguments, "-f", "flags of git checkout"),
    flag("git-clone-flags", "BUILDKITE_GIT_CLONE_FLAGS", Arguments, "-v", "flags of git clone"),
    flag("git-clean-flags", "BUILDKITE_GIT_CLEAN_FLAGS", Arguments, "-ffxdq", "flags of git clean"),
    flag("git-fetch-flags", "BUILDKITE_GIT_FETCH_FLAGS", Arguments, "-v --prune", "flags of git fetch"),
    flag("git-commit-verification", "BUILDKITE_GIT_COMMIT_VERIFICATION", Choice(&["strict", "off"]), "", "check that the commit is on its branch"),
    flag("git-sparse-checkout-paths", "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", List, "", "paths of a sparse checkout"),
    flag("git-sparse-checkout-mode", "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE", Choice(&["cone", "no-cone"]), "cone", "how the paths of a sparse checkout are meant"),
    flag("git-clone-mirror-flags", "BUILDKITE_GIT_CLONE_MIRROR_FLAGS", Arguments, "-v", "flags of git clone for a mirror"),
    flag("git-mirrors-path", "BUILDKITE_GIT_MIRRORS_PATH", Path, "", "folder of mirrors"),
    flag("git-mirror-checkout-mode", "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE", Choice(&["reference", "dissociate"]), "reference", "whether a checkout borrows objects of its mirror or copies them"),
    flag("git-mirrors-lock-timeout", "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT", Number, "300", "seconds to wait for a mirror"),
    flag("git-mirrors-skip-update", "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE", Switch, "false", "use mirrors as they are"),
    flag("git-checkout-timeout", "BUILDKITE_GIT_CHECKOUT_TIMEOUT", Number, "0", "seconds for one try of a checkout; 0 is no limit"),
    flag("git-submodule-clone-config", "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG", List, "", "settings of git for submodules"),
    flag("git-skip-fetch-existing-commits", "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS", Switch, "false", "do not fetch a commit that is there"),
    flag("no-git-submodules", "BUILDKITE_NO_GIT_SUBMODULES BUILDKITE_DISABLE_GIT_SUBMODULES", Switch, "false", "leave submodules out"),
]},
Topic { title: "Artifacts", flags: &[
    flag("no-multipart-artifact-upload", "BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD", Switch, "false", "upload artifacts in one piece"),
    flag("artifact-upload-concurrency", "BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY", Number, "0", "uploads at once"),
]},
Topic { title: "Job logs", flags: &[
    flag("no-ansi-timestamps", "BUILDKITE_NO_ANSI_TIMESTAMPS", Switch, "false", "leave time marks out of job logs"),
    flag("timestamp-lines", "BUILDKITE_TIMESTAMP_LINES", Switch, "false", "begin each line of a job log with the time; needs --no-ansi-timestamps"),
    flag("enable-job-log-tmpfile", "BUILDKITE_ENABLE_JOB_LOG_TMPFILE", Switch, "false", "keep the log of a running job in a file, named by BUILDKITE_JOB_LOG_TMPFILE"),
    flag("job-log-path", "BUILDKITE_JOB_LOG_PATH", Path, "", "folder of that file"),
    flag("write-job-logs-to-stdout", "BUILDKITE_WRITE_JOB_LOGS_TO_STDOUT", Switch, "false", "copy job logs to standard output; as JSON with --log-format json"),
    flag("job-logs-otlp", "BUILDKITE_JOB_LOGS_OTLP", Switch, "false", "send job logs by OTLP, as OTEL_EXPORTER_OTLP_* variables say"),
]},
Topic { title: "The agent's own log", flags: &[
    flag("log-level", "BUILDKITE_AGENT_LOG_LEVEL", Choice(&["debug", "info", "notice", "warn", "error", "fatal"]), "notice", "what is logged, from there up"),
    flag("debug", "BUILDKITE_AGENT_DEBUG", Switch, "false", "as --log-level debug"),
    flag("log-format", "BUILDKITE_LOG_FORMAT", Choice(&["text", "json"]), "text", "form of the log; JSON goes to standard output"),
    flag("no-color", "BUILDKITE_AGENT_NO_COLOR", Switch, "false", "log without colours, also in a terminal"),
    flag("profile", "BUILDKITE_AGENT_PROFILE", Choice(&["cpu", "memory", "mem", "mutex", "block", "thread", "trace"]), "", "write a CPU profile for pprof into the temporary folder at the end, of jobs' executors too; of the kinds only cpu is there"),
]},
Topic { title: "Health, metrics and traces", flags: &[
    flag("health-check-addr", "BUILDKITE_AGENT_HEALTH_CHECK_ADDR", Text, "", "address on which the agent says how it is"),
    flag("opentelemetry-metrics", "BUILDKITE_OPENTELEMETRY_METRICS", Switch, "false", "send metrics of jobs by OTLP, as OTEL_EXPORTER_OTLP_* variables say"),
    flag("metrics-datadog", "BUILDKITE_METRICS_DATADOG", Switch, "false", "send metrics to DogStatsD"),
    flag("metrics-datadog-host", "BUILDKITE_METRICS_DATADOG_HOST", Text, "127.0.0.1:8125", "where DogStatsD listens"),
    flag("metrics-datadog-distributions", "BUILDKITE_METRICS_DATADOG_DISTRIBUTIONS", Switch, "false", "send timings as distributions"),
    flag("tracing-backend", "BUILDKITE_TRACING_BACKEND", Choice(&["opentelemetry", "datadog"]), "", "where traces of jobs go, both by OTLP, as OTEL_EXPORTER_OTLP_* variables say"),
    flag("tracing-service-name", "BUILDKITE_TRACING_SERVICE_NAME", Text, "buildkite-agent", "name of the service in traces"),
    flag("tracing-propagate-traceparent", "BUILDKITE_TRACING_PROPAGATE_TRACEPARENT", Switch, "false", "continue the trace that the job came with"),
    idle(flag("trace-context-encoding", "BUILDKITE_TRACE_CONTEXT_ENCODING", Choice(&["gob", "json"]), "gob", "form of BUILDKITE_TRACE_CONTEXT, in which the peer's Datadog tracer hands a trace on; here traces go on in the variables that OTEL_PROPAGATORS names")),
]},
Topic { title: "Kubernetes", flags: &[
    refused(flag("kubernetes-exec", "BUILDKITE_KUBERNETES_EXEC", Switch, "false", "run jobs in the other containers of this pod")),
    idle(flag("kubernetes-container-start-timeout", "BUILDKITE_KUBERNETES_CONTAINER_START_TIMEOUT", Duration, "5m0s", "time to wait for the containers of a job")),
    idle(flag("kubernetes-log-collection-grace-period", "BUILDKITE_KUBERNETES_LOG_COLLECTION_GRACE_PERIOD", Duration, "50s", "time to wait for the logs of a canceled job")),
]},
];

/// All flags, topic by topic.
pub fn all() -> impl Iterator<Item = &'static Flag> {
    START.iter().flat_map(|topic| topic.flags)
}

/// The flag of that name.
pub fn find(name: &str) -> Option<&'static Flag> {
    all().find(|flag| flag.name == name)
}

impl Flag {
    /// Its variables.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.env.split(' ')
    }

    /// Whether it may stand alone on the command line.
    pub fn is_switch(&self) -> bool {
        matches!(self.kind, Switch | SwitchOr(_))
    }

    /// Whether setting it to nothing says something: that nobody wants its default.
    pub fn can_be_emptied(&self) -> bool {
        self.kind == Arguments || (self.kind == List && !self.default.is_empty())
    }

    /// The words it takes, if there are only certain ones.
    pub fn words(&self) -> &'static [&'static str] {
        match self.kind {
            Choice(words) | SwitchOr(words) => words,
            _ => &[],
        }
    }
}

/// The help text of `agent start`.
pub fn help() -> String {
    let mut text = String::from(
        "Usage: agent start [flags]\n\nRegisters this host's workers and runs jobs until told to \
         stop. Each flag is also a key of\nthe config file and, in brackets, a variable of the \
         environment. `agent config show` with\nthe same flags prints what is set, and where.\n",
    );
    for topic in START {
        let flags = topic.flags.iter();
        let working = flags.filter(|flag| flag.support == Support::Full);
        let entries = working.map(|flag| {
            let help = match flag.words() {
                [] => flag.help.to_owned(),
                words => format!("{}: {}", flag.help, words.join(", ")),
            };
            agent_flags::help_entry(flag.name, flag.env, &help, flag.default)
        });
        let entries: String = entries.collect();
        if !entries.is_empty() {
            text.extend(["\n", topic.title, ":\n", &entries]);
        }
    }
    text
}

#[cfg(test)]
#[path = "flags_tests.rs"]
mod tests;
