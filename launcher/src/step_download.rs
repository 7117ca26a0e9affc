//! Bringing a file in: into `partial/<digest>.part`, from where the last try stopped, by the best way
//! there is. Deltas are applied in a child of this program, whose memory is limited.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use shared_delta::{DeltaError, child};
use shared_fault::point;
use shared_fetch::{FetchError, Fetcher, Obtained, Order, Patch, Patcher, Phase, Progress};
use shared_handover::layout::StateDir;
use shared_release::Target;
use shared_slots::Digest;
use tokio::process::Command;
use tracing::{info, warn};

use crate::make_room::Need;
use crate::order::{Old, Trees, order};
use crate::upgrade::Task;
use crate::wire::{Happening, Reports};

/// The subcommand of this program that applies a delta.
pub(crate) const APPLY_DELTA: &str = "apply-delta";

/// How long applying one may take; a hundred times what the largest honest one needs.
const APPLY_LIMIT: Duration = Duration::from_mins(5);

/// How long the plugins of an agent may keep its upgrade waiting.
const PLUGINS_LIMIT: Duration = Duration::from_mins(5);

/// Bytes between two reports of progress.
const REPORT_EACH: u64 = 256 * 1024;

/// Where the bytes of a version gather.
pub(crate) fn partial(state: &StateDir, digest: Digest) -> PathBuf {
    state.partial().join(format!("{digest}.part"))
}

/// What the disk must have room for: the file, what it may be made from, and the plugins.
pub(crate) fn need(target: &Target, plugins: Option<&Target>) -> Need {
    let ways = |target: &Target| -> Vec<(Digest, u64)> {
        let encoded = target.encoded.iter().map(|it| (it.sha256, it.size));
        let deltas = target.deltas.iter().map(|it| (it.sha256, it.size));
        encoded.chain(deltas).collect()
    };
    let all = || [Some(target), plugins].into_iter().flatten();
    let largest = |target| ways(target).into_iter().map(|(_, size)| size).max();
    Need {
        digest: target.sha256,
        partials: all()
            .flat_map(|target| ways(target).into_iter().chain([(target.sha256, 0)]))
            .map(|(digest, _)| digest)
            .collect(),
        size: all().map(|target| target.size).sum(),
        encoded: all().filter_map(largest).sum(),
    }
}

/// What is to be fetched, from where, and what is here.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) task: Task,
    pub(crate) target: Target,
    pub(crate) trees: Trees,
    pub(crate) old: Vec<Old>,
    pub(crate) folder: PathBuf,
    /// This program.
    pub(crate) program: PathBuf,
}

/// Completes the partial file, and that of the plugins. Trouble with plugins is a warning.
pub(crate) async fn download(
    fetcher: &Fetcher,
    download: &Download,
    reports: &Reports,
) -> Result<Obtained, FetchError> {
    let task = &download.task;
    let order = order(&download.target, &download.trees, &download.old);
    let obtained = obtain(fetcher, download, &order, reports).await?;
    let (way, place) = match &obtained.source {
        Some((place, kind)) => (kind.name(), place.as_str()),
        None => ("partial", ""),
    };
    info!(
        component = task.component.name(),
        version = %task.version,
        way,
        place,
        bytes = obtained.received.over_network(),
        resumed_at = obtained.resumed,
        "downloaded"
    );
    if let Some(plugins) = &task.plugins {
        let order = self::order(plugins, &download.trees, &[]);
        let plugins = obtain(fetcher, download, &order, reports);
        let trouble = match tokio::time::timeout(PLUGINS_LIMIT, plugins).await {
            Ok(Ok(_)) => return Ok(obtained),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "they did not come in time".to_owned(),
        };
        warn!(version = %task.version, reason = trouble, "the agent comes without its plugins");
    }
    Ok(obtained)
}

async fn obtain(
    fetcher: &Fetcher,
    download: &Download,
    order: &Order,
    reports: &Reports,
) -> Result<Obtained, FetchError> {
    let patcher = InChild {
        program: download.program.clone(),
    };
    let mut told = 0;
    let digest = order.digest;
    let mut progress = move |progress: Progress| {
        // A way that failed starts over with fewer bytes.
        let moved = progress.done < told || progress.done >= told + REPORT_EACH;
        if matches!(progress.phase, Phase::Receiving(_)) && moved {
            told = progress.done;
            let _ = reports.send(Happening::Received(digest, progress.done, progress.total));
        }
    };
    fetcher
        .obtain(order, &download.folder, &patcher, &mut progress)
        .await
}

/// Applies patches in a child of this program.
struct InChild {
    program: PathBuf,
}

impl Patcher for InChild {
    #[expect(
        clippy::disallowed_methods,
        reason = "a child of ours that starts no others, and is killed when nobody waits for it"
    )]
    async fn apply(&self, patch: Patch<'_>) -> Result<(), DeltaError> {
        let mut command = Command::new(&self.program);
        command
            .arg(APPLY_DELTA)
            .args(patch.arguments())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let run = async {
            point("delta.spawn")?;
            command.output().await
        };
        let output = match tokio::time::timeout(APPLY_LIMIT, run).await {
            Ok(output) => output.map_err(|cause| cannot_start(&self.program, cause))?,
            Err(_) => return child::outcome(None, b"applying the patch took too long"),
        };
        child::outcome(output.status.code(), &output.stderr)
    }
}

fn cannot_start(program: &Path, cause: std::io::Error) -> DeltaError {
    DeltaError::Disk {
        action: "start",
        path: program.to_owned(),
        cause,
    }
}
