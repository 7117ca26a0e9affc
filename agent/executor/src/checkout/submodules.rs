//! Submodules of the repository.

use std::path::{Path, PathBuf};

use super::error::{CheckoutError, Step};
use super::mirror::{self, Role, borrow};
use super::{credentials, directory, hosts};
use crate::job::{Job, Span};
use crate::trace::inside;
use crate::warnings::Warning;
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
    job.git(Step::Clean, &args).await
}

/// Brings submodules to the commits that the repository names; says whether there are any to care
/// for.
pub(super) async fn update(job: &mut Job, sparse: bool) -> Result<bool, CheckoutError> {
    if !job.here(".gitmodules").exists() {
        return Ok(false);
    }
    if sparse {
        let text = "submodules are left out of a sparse checkout";
        job.warn(Warning::SubmodulesInitSkipped, text);
        return Ok(false);
    }
    if !job.settings.checkout.submodules {
        let text = "the repository has submodules, but the agent is set to leave them out";
        job.warn(Warning::SubmodulesDisabled, text);
        return Ok(false);
    }
    inside(job, Span::new("git.submodules"), bring).await?;
    Ok(true)
}

/// Brings all of them.
async fn bring(job: &mut Job) -> Result<(), CheckoutError> {
    job.git_or_warn(&["submodule", "sync", "--recursive"])
        .await?;
    let Some(addresses) = addresses(job).await? else {
        return Ok(());
    };
    for address in &addresses {
        if credentials::allow_scan(job, address) {
            hosts::make_known(job, address).await?;
        }
    }
    if job.settings.checkout.mirrors.is_some() {
        for address in &addresses {
            let mirror = mirror(job, address).await?;
            fetch(job, mirror.as_deref()).await?;
        }
    } else {
        fetch(job, None).await?;
    }
    let reset = ["submodule", "foreach", "--recursive", "git reset --hard"];
    job.git(Step::Submodules, &reset).await
}

/// The mirror of one submodule. An address that is relative to the repository's own means nothing
/// in the folder of mirrors, so such a submodule has none.
async fn mirror(job: &mut Job, address: &str) -> Result<Option<PathBuf>, CheckoutError> {
    if address.starts_with("./") || address.starts_with("../") {
        return Ok(None);
    }
    let checkout = job.cwd.clone();
    let mirror = mirror::ready(job, address, Role::Submodule).await?;
    directory::enter(job, &checkout)?;
    Ok(mirror)
}

async fn fetch(job: &mut Job, mirror: Option<&Path>) -> Result<(), CheckoutError> {
    let checkout = &job.settings.checkout;
    let config = checkout.submodule_config.clone();
    let mut args: Vec<&str> = config
        .iter()
        .flat_map(|pair| ["-c", pair.as_str()])
        .collect();
    args.extend(["submodule", "update", "--init", "--recursive", "--force"]);
    let flags = match (mirror, &checkout.mirrors) {
        (Some(mirror), Some(settings)) => borrow::clone_flags(mirror, settings.borrowing),
        _ => Vec::new(),
    };
    args.extend(flags.iter().map(String::as_str));
    inside(job, Span::new("git.submodule.update"), async |job| {
        job.git(Step::Submodules, &args).await
    })
    .await
}

/// The addresses of the submodules. A list that cannot be read, or that is empty, is only warned
/// about: the repository's owner may not even know the file.
async fn addresses(job: &mut Job) -> Result<Option<Vec<String>>, CheckoutError> {
    let args = [
        "config",
        "--file",
        ".gitmodules",
        "--null",
        "--get-regexp",
        "submodule\\..+\\.url",
    ];
    let (exit, list) = job.git_asked(&args).await?;
    if !exit.success() {
        let text = format!("no addresses of submodules are in .gitmodules: git config {exit}");
        job.log.warning(&text);
        return Ok(None);
    }
    let entries = list.split('\0').filter_map(|entry| entry.split_once('\n'));
    Ok(Some(
        entries.map(|(_, address)| address.to_owned()).collect(),
    ))
}
