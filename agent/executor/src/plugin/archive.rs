//! Getting a plugin as an archive: downloaded or copied for each job, and gone with it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_step_plugins::{ARCHIVE_BYTES, Archive, Reference, digest, unpack};
use shared_protocol::experiment::Experiment;

use super::error::Trouble;
use super::place::{self, Place};
use crate::job::Job;
use crate::os;

/// How often a download is tried.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest time of one try.
const LIMIT: Duration = Duration::from_mins(5);

/// What a version begins with that is the digest of the archive.
const DIGEST: &str = "sha256:";

/// Downloads and unpacks the plugin; its folder, which goes with the job.
pub(super) async fn get(
    job: &mut Job,
    place: &Place,
    reference: &Reference,
    archive: &Archive,
) -> Result<PathBuf, Trouble> {
    if !job.settings.experiments.has(Experiment::ZipPlugins) {
        return Err(Trouble::NoArchives);
    }
    let folder = place.own.join(reference.folder()?);
    place::remove(&folder).await?;
    let name = reference.display_name();
    job.log.comment(&format!(
        "Plugin {name:?} will be unpacked to {}",
        folder.display()
    ));
    let temporary = place.temporary()?;
    let zip = temporary.path().join("plugin.zip");
    match archive {
        Archive::File(path) => copy(path, &zip)?,
        Archive::Http(address) => download(job, address, &zip).await?,
    }
    let wanted = reference
        .version()
        .and_then(|version| version.strip_prefix(DIGEST));
    if wanted.is_none() && reference.version().is_some() {
        job.log
            .comment("An archive has no versions; only #sha256: and its digest mean something");
    }
    let wanted = wanted.map(str::to_ascii_lowercase);
    let whole = place.temporary()?;
    let into = whole.path().to_owned();
    let work = move || check_and_unpack(&zip, wanted.as_deref(), &into);
    let digest = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Trouble::Download(error.to_string())))?;
    place::name(whole, &folder)?;
    job.downloaded.push(folder.clone());
    job.log
        .comment(&format!("Unpacked plugin {name:?} ({DIGEST}{digest})"));
    Ok(folder)
}

/// The archive's digest, if it is the right one and the archive could be unpacked.
fn check_and_unpack(zip: &Path, wanted: Option<&str>, into: &Path) -> Result<String, Trouble> {
    let failed = || Trouble::file("read", zip);
    let mut file = File::open(zip).map_err(failed())?;
    let found = digest(&mut file).map_err(failed())?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
        let wanted = wanted.to_owned();
        return Err(Trouble::Digest { wanted, found });
    }
    unpack(file, into, os::create_with_mode)?;
    Ok(found)
}

fn copy(from: &str, to: &Path) -> Result<(), Trouble> {
    let source = File::open(from).map_err(Trouble::file("open", from))?;
    let is_file = source.metadata().is_ok_and(|file| file.is_file());
    if !is_file {
        return Err(Trouble::Download(format!("{from} is no file")));
    }
    let mut target = File::create_new(to).map_err(Trouble::file("create", to))?;
    let copied = io::copy(&mut source.take(ARCHIVE_BYTES + 1), &mut target);
    if copied.map_err(Trouble::file("copy to", to))? > ARCHIVE_BYTES {
        return Err(agent_step_plugins::ArchiveError::TooMuch.into());
    }
    Ok(())
}

async fn download(job: &mut Job, address: &str, to: &Path) -> Result<(), Trouble> {
    let client = reqwest::Client::builder()
        .user_agent(shared_client::user_agent(job.version))
        .timeout(LIMIT)
        .build()
        .map_err(|error| Trouble::Download(reason(error)))?;
    for attempt in 1.. {
        match job.during(download_once(&client, address, to)).await? {
            Ok(()) => return Ok(()),
            Err(trouble) if attempt >= TRIES => return Err(trouble),
            Err(trouble) => {
                job.log
                    .comment(&format!("{trouble} (try {attempt} of {TRIES})"));
                job.pause(PAUSE).await?;
            }
        }
    }
    unreachable!("the loop ends by returning")
}

async fn download_once(client: &reqwest::Client, address: &str, to: &Path) -> Result<(), Trouble> {
    let failed = |error| Trouble::Download(reason(error));
    let mut answer = client.get(address).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(Trouble::Download(format!(
            "the answer is {}",
            answer.status()
        )));
    }
    let mut file = File::create(to).map_err(Trouble::file("create", to))?;
    let mut left = ARCHIVE_BYTES;
    while let Some(bytes) = answer.chunk().await.map_err(failed)? {
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or(agent_step_plugins::ArchiveError::TooMuch)?;
        file.write_all(&bytes).map_err(Trouble::file("write", to))?;
    }
    Ok(())
}

/// Without the address, which may hold a password.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason: &dyn std::error::Error = &error;
    let mut text = error.to_string();
    while let Some(source) = reason.source() {
        text = format!("{text}: {source}");
        reason = source;
    }
    text
}

/// Removes the folders of plugins that go with the job.
pub(super) fn remove_all(job: &mut Job) {
    for folder in std::mem::take(&mut job.downloaded) {
        if let Err(error) = fs::remove_dir_all(&folder) {
            let folder = folder.display();
            job.log
                .warning(&format!("failed to remove {folder}: {error}"));
        }
    }
}
