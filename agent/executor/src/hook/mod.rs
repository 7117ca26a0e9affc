//! Running hooks of the agent, the repository and the plugins.

mod announce;
mod changes;
mod direct;
pub(crate) mod error;
mod outcome;
mod place;
mod shell;
mod wrapped;
mod wrapper;

use std::ops::Range;

use agent_hooks::windows::Form;
use agent_hooks::{Kind, Name};

use crate::failure::Failure;
use crate::job::{Job, Span};
use crate::trace::inside;

use announce::announce;
use error::HookError;
use place::Hook;

/// Runs every hook of this name, of all who may have one, in their order. The first that fails
/// ends it.
pub(crate) async fn run(job: &mut Job, name: Name) -> Result<(), Failure> {
    run_of_agent(job, name).await?;
    run_of_repository(job, name).await?;
    let all = 0..job.plugins.len();
    run_of_plugins(job, name, all).await
}

/// Runs the hook that stands in the place of the checkout or the command; whether there was one. A
/// plugin's comes first, then the repository's, then the agent's.
pub(crate) async fn instead(job: &mut Job, name: Name) -> Result<bool, Failure> {
    let all = 0..job.plugins.len();
    for index in all.clone() {
        if place::of_plugin(job, name, index)?.is_some() {
            return run_of_plugins(job, name, all).await.map(|()| true);
        }
    }
    if place::of_repository(job, name)?.is_some() {
        return run_of_repository(job, name).await.map(|()| true);
    }
    let of_agent = place::of_agent(job, name)?;
    let any = !of_agent.is_empty();
    for hook in of_agent {
        run_one(job, &hook).await?;
    }
    Ok(any)
}

/// Runs the agent's own hooks of this name, of every folder that has one.
pub(crate) async fn run_of_agent(job: &mut Job, name: Name) -> Result<(), Failure> {
    for hook in place::of_agent(job, name)? {
        run_one(job, &hook).await?;
    }
    Ok(())
}

async fn run_of_repository(job: &mut Job, name: Name) -> Result<(), Failure> {
    let Some(hook) = place::of_repository(job, name)? else {
        return Ok(());
    };
    let turned_off = matches!(job.env.text("BUILDKITE_NO_LOCAL_HOOKS"), Some("true" | "1"));
    if turned_off || !job.settings.local_hooks {
        return Err(HookError::LocalHooksOff(hook.path).into());
    }
    run_one(job, &hook).await
}

/// Runs the hooks of this name that some of the job's plugins have. A checkout or a command can
/// be replaced once only; of further plugins that want to, the settings decide.
pub(crate) async fn run_of_plugins(
    job: &mut Job,
    name: Name,
    plugins: Range<usize>,
) -> Result<(), Failure> {
    let mut seen = false;
    for index in plugins {
        let Some(hook) = place::of_plugin(job, name, index)? else {
            continue;
        };
        if seen && name.stands_in() {
            let strict = job.settings.strict_single_hooks;
            warn_of_another(job, &hook, index, strict);
            if strict {
                continue;
            }
        }
        seen = true;
        announce(job, index);
        run_one(job, &hook).await?;
    }
    Ok(())
}

fn warn_of_another(job: &mut Job, hook: &Hook, index: usize, strict: bool) {
    let what = hook.name.as_str();
    let consequence = if strict {
        format!("is left out, for only the first {what} hook runs")
    } else {
        format!(
            "runs although there was one already; strict-single-hooks=true keeps to the first {what} hook"
        )
    };
    let (label, position) = (&hook.label, index + 1);
    job.log.warning(&format!(
        "The {what} hook of {label} (number {position} in the step's list) {consequence}"
    ));
}

async fn run_one(job: &mut Job, hook: &Hook) -> Result<(), Failure> {
    inside(job, span(hook), async |job| execute(job, hook).await).await
}

/// The span of a hook.
fn span(hook: &Hook) -> Span {
    let (scope, name) = (hook.scope.as_str(), hook.name.as_str());
    let span = Span::new(format!("{scope} {name} hook"))
        .in_datadog("hook.execute")
        .with("hook.type", scope)
        .with("hook.name", name)
        .with("hook.command", hook.path.to_string_lossy());
    let of_plugin = hook.traced.iter().cloned();
    of_plugin.fold(span, |span, (name, value)| span.with(name, value))
}

async fn execute(job: &mut Job, hook: &Hook) -> Result<(), Failure> {
    job.check().await.map_err(|_| Failure::Canceled)?;
    job.log.header(&format!("Running {hook}"));
    let kind = Kind::read(&hook.path).map_err(|error| hook.unreadable(error))?;
    match kind {
        Kind::Shell(shebang) => wrapped::run(job, hook, Form::Shell, shebang.as_ref()).await,
        Kind::PowerShell => wrapped::run(job, hook, Form::PowerShell, None).await,
        Kind::Batch => wrapped::run(job, hook, Form::Batch, None).await,
        Kind::Script if cfg!(windows) => Err(HookError::NoInterpreter(hook.to_string()).into()),
        Kind::Binary | Kind::Script => direct::run(job, hook).await,
    }
}
