//! Names of the features that are on, for the endpoint's statistics.

use super::{BadValue, Surroundings, Values};

/// Names of what is on, for the endpoint's statistics.
pub(super) fn features(
    values: &Values<'_>,
    no_plugins: bool,
    streams: bool,
    around: &Surroundings,
) -> Result<Vec<String>, BadValue> {
    if values.switch("no-feature-reporting")? {
        return Ok(Vec::new());
    }
    let proxy = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"]
        .iter()
        .any(|name| around.variables.contains_key(*name));
    let named = [
        ("git-mirrors", values.path("git-mirrors-path").is_some()),
        ("streaming-pings", streams),
        ("acquire-job", !values.text("acquire-job").is_empty()),
        ("control-plane-otlp-tracing", true),
        (
            "disconnect-after-job",
            values.switch("disconnect-after-job")?,
        ),
        (
            "disconnect-after-idle",
            values.number("disconnect-after-idle-timeout")? > 0,
        ),
        (
            "disconnect-after-uptime",
            values.number("disconnect-after-uptime")? > 0,
        ),
        ("no-plugins", no_plugins),
        ("no-script-eval", values.switch("no-command-eval")?),
        ("no-http2", values.switch("no-http2")?),
        (
            "allowed-repositories",
            !values.list("allowed-repositories").is_empty(),
        ),
        (
            "allowed-plugins",
            !values.list("allowed-plugins").is_empty(),
        ),
        ("env-http-proxy", proxy),
    ];
    let named = named
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| name.to_owned());
    let experiments = values.list("experiment");
    Ok(named
        .chain(experiments.iter().map(|name| format!("experiment-{name}")))
        .collect())
}
