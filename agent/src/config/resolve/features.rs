//! Names of the features that are on, for the endpoint's statistics.

use super::{BadValue, Surroundings, Values};

pub(super) fn features(
    values: &Values<'_>,
    no_plugins: bool,
    streams: bool,
    around: &Surroundings,
) -> Result<Vec<String>, BadValue> {
    if values.switch("no-feature-reporting")? {
        return Ok(Vec::new());
    }
    let on = |name| values.switch(name);
    let some = |name| !values.text(name).is_empty();
    let positive = |name| Ok::<_, BadValue>(values.number(name)? > 0);
    let has = |name: &str| around.variables.contains_key(name);
    let backend = values.text("tracing-backend");
    let named = [
        ("git-mirrors", some("git-mirrors-path")),
        ("streaming-pings", streams),
        ("acquire-job", some("acquire-job")),
        ("opentelemetry-tracing", backend == "opentelemetry"),
        ("datadog-tracing", backend == "datadog"),
        (
            "propagate-traceparent",
            on("tracing-propagate-traceparent")?,
        ),
        ("control-plane-otlp-tracing", true),
        ("disconnect-after-job", on("disconnect-after-job")?),
        (
            "disconnect-after-idle",
            positive("disconnect-after-idle-timeout")?,
        ),
        (
            "disconnect-after-uptime",
            positive("disconnect-after-uptime")?,
        ),
        ("no-plugins", no_plugins),
        ("no-script-eval", on("no-command-eval")?),
        ("no-http2", on("no-http2")?),
        ("allowed-repositories", some("allowed-repositories")),
        ("allowed-plugins", some("allowed-plugins")),
        ("opentelemetry-metrics", on("opentelemetry-metrics")?),
        ("env-http-proxy", has("HTTP_PROXY") || has("http_proxy")),
        // Nothing here reads it; hooks and commands of jobs that are written in Go do.
        ("env-godebug", has("GODEBUG")),
        ("datadog-metrics", on("metrics-datadog")?),
    ];
    let named = named.into_iter().filter(|(_, on)| *on);
    let experiments = values.list("experiment").into_iter();
    Ok(named
        .map(|(name, _)| name.to_owned())
        .chain(experiments.map(|name| format!("experiment-{name}")))
        .collect())
}
