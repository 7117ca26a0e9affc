//! Submodules of the repository.

use super::error::{CheckoutError, Step};
use super::hosts;
use crate::job::Job;
use crate::words;

/// Cleans what earlier jobs left in submodules, if there are any.
pub(super) async fn clean(job: &mut Job) -> Result<(), CheckoutError> {
    if !job.here(".gitmodules").exists() {
        return Ok(());
    }
    let flags: Vec<String> = job
        .settings
        .checkout
        .flags
        .clean
        .iter()
        .map(|flag| words::quote(flag))
        .collect();
    let command = format!("git clean {}", flags.join(" "));
    let args = ["submodule", "foreach", "--recursive", &command];
    job.git(Step::Clean, &args).await.map(drop)
}

/// Brings submodules to the commits that the repository names; says whether there are any to care
/// for.
pub(super) async fn update(job: &mut Job) -> Result<bool, CheckoutError> {
    if !job.here(".gitmodules").exists() {
        return Ok(false);
    }
    if !job.settings.checkout.submodules {
        if job.warns("submodules-disabled") {
            job.log
                .warning("the repository has submodules, but the agent is set to leave them out");
        }
        return Ok(false);
    }
    job.git(Step::Submodules, &["submodule", "sync", "--recursive"])
        .await?;
    make_hosts_known(job).await?;
    let config = job.settings.checkout.submodule_config.clone();
    let mut args: Vec<&str> = config
        .iter()
        .flat_map(|pair| ["-c", pair.as_str()])
        .collect();
    args.extend(["submodule", "update", "--init", "--recursive", "--force"]);
    job.git(Step::Submodules, &args).await?;
    let reset = ["submodule", "foreach", "--recursive", "git reset --hard"];
    job.git(Step::Submodules, &reset).await?;
    Ok(true)
}

/// Makes the hosts of submodules known. A list that cannot be read is no reason to fail, for git
/// itself reads it next.
async fn make_hosts_known(job: &mut Job) -> Result<(), CheckoutError> {
    let args = [
        "config",
        "--file",
        ".gitmodules",
        "--null",
        "--get-regexp",
        "submodule\\..+\\.url",
    ];
    let (_, list) = job.capture("git", &args, b"").await?;
    if !job.settings.checkout.ssh_keyscan {
        return Ok(());
    }
    let list = String::from_utf8_lossy(&list).into_owned();
    for (_, address) in list.split('\0').filter_map(|entry| entry.split_once('\n')) {
        hosts::make_known(job, address).await?;
    }
    Ok(())
}
