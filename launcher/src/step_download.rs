//! Bringing a file in: into `partial/<digest>`, from where the last try stopped.

use std::path::PathBuf;

use shared_fetch::{FetchError, Fetcher, Wanted};
use shared_handover::layout::StateDir;
use shared_slots::Digest;
use tracing::info;

use crate::upgrade::Task;

/// Where the bytes of a version gather.
pub(crate) fn partial(state: &StateDir, digest: Digest) -> PathBuf {
    state.partial().join(digest.to_string())
}

/// Completes the partial file from one of the places of the file, tried in order. The error is that
/// of the last one.
pub(crate) async fn download(
    fetcher: &Fetcher,
    base: &str,
    task: &Task,
    partial: PathBuf,
) -> Result<(), FetchError> {
    if let Some(folder) = partial.parent() {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|cause| FetchError::Disk {
                path: folder.to_owned(),
                cause,
            })?;
    }
    let mut outcome = Ok(());
    for url in &task.urls {
        let url = format!("{base}/v1/{url}");
        let want = Wanted {
            url: &url,
            size: task.size,
            digest: task.digest,
        };
        outcome = match fetcher.download(&want, &partial).await {
            Ok(done) => {
                info!(
                    component = task.component.name(),
                    version = %task.version,
                    bytes = done.received,
                    resumed_at = done.resumed,
                    "downloaded"
                );
                return Ok(());
            }
            Err(error) => Err(error),
        };
    }
    outcome
}
