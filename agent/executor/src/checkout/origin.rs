//! The address that a repository on this host fetches from.

use super::error::{CheckoutError, Step};
use crate::job::Job;

/// Lets the repository of the working directory, or that of `git_dir`, fetch from this address;
/// whether it was another before. A renamed pipeline repository is no reason to clone again.
pub(super) async fn point(
    job: &mut Job,
    git_dir: Option<&str>,
    address: &str,
) -> Result<bool, CheckoutError> {
    let before: Vec<&str> = git_dir
        .into_iter()
        .flat_map(|dir| ["--git-dir", dir])
        .collect();
    let with = |args: &[&'static str]| [&before[..], args].concat();
    // Asked by its configuration, for `remote get-url` shows what `insteadOf` makes of it.
    let asked = with(&["config", "--get-all", "remote.origin.url"]);
    let configured = job.git_text(Step::Remote, &asked).await?;
    let current = match configured.lines().collect::<Vec<_>>()[..] {
        [one] => one.to_owned(),
        _ => {
            let asked = with(&["remote", "get-url", "origin"]);
            job.git_text(Step::Remote, &asked).await?
        }
    };
    let current = current.trim();
    if current == address {
        return Ok(false);
    }
    if address.starts_with('-') {
        return Err(CheckoutError::BadAddress(address.to_owned()));
    }
    job.log
        .comment(&format!("The repository moved from {current} to {address}"));
    let set = with(&["remote", "set-url", "origin"]);
    let set = [&set[..], &[address]].concat();
    job.git(Step::Remote, &set).await?;
    Ok(true)
}

/// The address as a trace may show it: without what stands before the host of a URL, which may be a
/// password.
pub(super) fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let authority = rest.find('/').unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (address, wanted) in [
            ("https://u:p@ss@h.test/a@b.git", "https://h.test/a@b.git"),
            ("https://token@h.test", "https://h.test"),
            ("ssh://git@h.test:22/a.git", "ssh://h.test:22/a.git"),
            ("git@h.test:a/b.git", "git@h.test:a/b.git"),
            ("/srv/a@b.git", "/srv/a@b.git"),
        ] {
            assert_eq!(shown(address), wanted);
        }
    }
}
