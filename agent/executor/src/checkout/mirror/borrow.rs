//! Borrowing objects from a mirror: git looks into the folders that `objects/info/alternates`
//! names as if they were its own, see <https://git-scm.com/docs/gitrepository-layout>.

use std::io;
use std::path::Path;

use super::super::error::{CheckoutError, Step};
use crate::job::{Job, Span};
use crate::settings::Borrowing;
use crate::trace::inside;

const ALTERNATES: &str = ".git/objects/info/alternates";

/// What a clone is told.
pub(in super::super) fn clone_flags(mirror: &Path, borrowing: Borrowing) -> Vec<String> {
    let mut flags = vec!["--reference".into(), mirror.to_string_lossy().into_owned()];
    if borrowing == Borrowing::Dissociate {
        flags.push("--dissociate".into());
    }
    flags
}

/// Brings an existing checkout to what the host wants now. One that may not borrow any more gets
/// copies of all it needs first.
pub(in super::super) async fn adapt(
    job: &mut Job,
    mirror: Option<&Path>,
) -> Result<(), CheckoutError> {
    let Some(settings) = &job.settings.checkout.mirrors else {
        return Ok(());
    };
    let file = job.here(ALTERNATES);
    let failed = |error: io::Error| CheckoutError::Directory(file.clone(), error);
    match mirror.filter(|_| settings.borrowing == Borrowing::Reference) {
        Some(_) if file.exists() => Ok(()),
        Some(mirror) => {
            job.log
                .comment("The checkout borrows from the mirror again");
            let objects = mirror.join("objects");
            std::fs::read_dir(&objects).map_err(failed)?;
            std::fs::write(&file, format!("{}\n", objects.display())).map_err(failed)
        }
        None if file.exists() => {
            job.log
                .comment("The checkout no longer borrows from a mirror");
            inside(job, Span::new("git.dissociate"), async |job| {
                job.git(Step::Repack, &["repack", "-a", "-d"]).await
            })
            .await?;
            std::fs::remove_file(&file).map_err(failed)
        }
        None => Ok(()),
    }
}
