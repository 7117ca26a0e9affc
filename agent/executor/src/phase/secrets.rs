//! Secrets of the step: fetched from the endpoint before the first hook, hidden in the log, and set
//! as variables. They are written to no file and no argument.
//!
//! A job without secrets sets up no connection at all.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared_client::{Client, ClientError};
use shared_protocol::protection::OverrideMode;
use shared_protocol::{JobId, Secret};
use tokio::task::JoinSet;

use crate::endpoint::Access;
use crate::failure::Failure;
use crate::job::Job;
use crate::protected;
use crate::run_error::RunError;

/// Most requests at a time.
const AT_ONCE: usize = 10;

/// One secret that the step asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Wanted {
    key: String,
    /// Where the job finds it; without, it is only hidden in the log.
    environment_variable: Option<String>,
}

/// Fetches them. Any that cannot be had ends the job before its first hook.
pub(super) async fn run(job: &mut Job) -> Result<(), Failure> {
    let Some(config) = job.settings.secrets.as_deref() else {
        return Ok(());
    };
    let wanted = read(config).map_err(Failure::SetUp)?;
    if wanted.is_empty() {
        return Ok(());
    }
    job.log.header("Preparing secrets");
    refuse_protected(&wanted, job.settings.override_mode).map_err(Failure::SetUp)?;
    let client = Access::new(job.version, &job.env)
        .client()
        .map_err(Failure::SetUp)?;
    let id = JobId::new(job.settings.job.clone());
    let keys = wanted.iter().map(|secret| secret.key.clone());
    let fetched = match job.during(fetch(&client, &id, keys.collect())).await {
        Ok(fetched) => fetched.map_err(Failure::SetUp)?,
        Err(RunError::Canceled) => return Err(Failure::Canceled),
        Err(error) => return Err(Failure::SetUp(format!("no secrets: {error}"))),
    };
    for secret in wanted {
        if let Some(value) = fetched.get(&secret.key) {
            give(job, secret, value)?;
        }
    }
    Ok(())
}

/// The step's list.
fn read(config: &str) -> Result<Vec<Wanted>, String> {
    let wanted: Option<Vec<Wanted>> = serde_json::from_str(config)
        .map_err(|error| format!("the step's list of secrets cannot be read: {error}"))?;
    let wanted: Vec<Wanted> = wanted.unwrap_or_default();
    for secret in &wanted {
        let name = secret.environment_variable.as_deref().unwrap_or_default();
        if name.contains(['=', '\0']) {
            return Err(format!(
                "secret {} is meant for {name:?}, which no variable can be called",
                secret.key
            ));
        }
    }
    Ok(wanted)
}

fn refuse_protected(wanted: &[Wanted], mode: OverrideMode) -> Result<(), String> {
    for Wanted {
        key,
        environment_variable,
    } in wanted
    {
        let Some(name) = environment_variable else {
            continue;
        };
        if let Some(why) = protected::against_secret(name, mode) {
            return Err(format!("secret {key} is meant for {name}, which {why}"));
        }
    }
    Ok(())
}

/// Fetches all keys, or says which ones could not be had.
async fn fetch(
    client: &Client,
    job: &JobId,
    mut keys: Vec<String>,
) -> Result<BTreeMap<String, Secret>, String> {
    keys.sort_unstable();
    keys.dedup();
    let mut waiting = keys.into_iter();
    let mut running = JoinSet::new();
    let mut fetched = BTreeMap::new();
    let mut failed: Vec<String> = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(key) = waiting.next()
        {
            let (client, job) = (client.clone(), job.clone());
            running.spawn(async move {
                let answer = client.secret(&job, &key).await;
                (key, answer)
            });
        }
        match running.join_next().await {
            Some(Ok((key, Ok(secret)))) => {
                fetched.insert(key, secret.value);
            }
            Some(Ok((key, Err(error)))) => failed.push(complaint(&key, &error)),
            Some(Err(error)) => failed.push(error.to_string()),
            None if failed.is_empty() => return Ok(fetched),
            None => {
                failed.sort_unstable();
                return Err(failed.join("; "));
            }
        }
    }
}

fn complaint(key: &str, error: &ClientError) -> String {
    format!("secret {key} cannot be fetched: {error}")
}

/// Hides the value first, so that nothing can show it.
fn give(job: &mut Job, secret: Wanted, value: &Secret) -> Result<(), Failure> {
    let Wanted {
        key,
        environment_variable,
    } = secret;
    job.log.hide(value.expose().as_bytes());
    let name = environment_variable.unwrap_or_default();
    if name.is_empty() {
        return Ok(());
    }
    if value.expose().contains('\0') {
        return Err(Failure::SetUp(format!(
            "secret {key} holds a zero byte, which no variable can; encode it"
        )));
    }
    job.env.set(&name, value.expose());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(key: &str, variable: Option<&str>) -> Wanted {
        Wanted {
            key: key.into(),
            environment_variable: variable.map(str::to_owned),
        }
    }

    #[test]
    fn a_list_of_secrets_is_read_with_or_without_variables() {
        for (config, secrets) in [
            ("[]", vec![]),
            ("null", vec![]),
            (
                r#"[{"key":"A","environment_variable":"B","more":1},{"key":"C"}]"#,
                vec![wanted("A", Some("B")), wanted("C", None)],
            ),
        ] {
            assert_eq!(read(config).unwrap(), secrets, "{config}");
        }
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused() {
        for config in [
            "nonsense",
            "{}",
            r#"["A"]"#,
            r#"[{"environment_variable":"B"}]"#,
            r#"[{"key":"A","environment_variable":"B=C"}]"#,
        ] {
            assert!(read(config).is_err(), "{config}");
        }
    }

    #[test]
    fn a_protected_variable_is_refused_with_both_names() {
        let list = [
            wanted("A", Some("FREE")),
            wanted("CODE", Some("BUILDKITE_SHELL")),
        ];
        let error = refuse_protected(&list, OverrideMode::None).unwrap_err();
        assert!(
            error.contains("CODE") && error.contains("BUILDKITE_SHELL"),
            "{error}"
        );
        assert_eq!(refuse_protected(&list[..1], OverrideMode::Strict), Ok(()));
    }
}
