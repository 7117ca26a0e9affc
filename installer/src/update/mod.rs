//! The commands of `trireme update`, one file each.

pub(crate) mod gc;
pub(crate) mod live;
pub(crate) mod policy;
pub(crate) mod retry;
pub(crate) mod rollback;
pub(crate) mod status;
pub(crate) mod verify;

use shared_control::{Answer, Request, Status};

use crate::ask::{NoAnswer, ask};
use crate::failure::Failure;
use crate::offline;
use crate::place::Host;

/// How the host is, and whether a launcher said so.
pub(crate) struct Known {
    pub(crate) status: Status,
    pub(crate) live: bool,
    /// Why the launcher that holds the lock was not asked.
    pub(crate) trouble: Option<Failure>,
}

/// Asks the launcher; without one, reads the files.
pub(crate) fn known(host: &Host) -> Known {
    let trouble = match ask(host, &Request::Status, |_| {}) {
        Ok(Answer::Status { status }) => {
            return Known {
                status: *status,
                live: true,
                trouble: None,
            };
        }
        Ok(_) => Some(Failure::NotAnswering("its answer is no status".to_owned())),
        Err(NoAnswer::NotRunning) => None,
        Err(NoAnswer::Failed(failure)) => Some(failure),
    };
    Known {
        status: offline::status(host),
        live: false,
        trouble,
    }
}
