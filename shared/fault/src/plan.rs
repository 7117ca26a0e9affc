//! What the environment asks for, read once, and carrying it out.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::Action;

/// How long a delayed call takes.
const DELAY: Duration = Duration::from_millis(500);

static PLAN: OnceLock<Plan> = OnceLock::new();

/// Half of a write, to be carried out before a short write fails.
type FirstHalf<'a> = Box<dyn FnOnce() -> io::Result<()> + 'a>;

struct Plan {
    component: &'static str,
    fault: Option<Fault>,
    trace: Option<File>,
}

#[derive(Debug, PartialEq, Eq)]
struct Fault {
    point: String,
    action: Action,
    hit: u64,
    hits: PathBuf,
}

pub(crate) fn begin(component: &'static str) {
    let text = |name: &str| std::env::var(name).ok();
    let hits = std::env::var_os("TRIREME_FAULT_HITS").map(PathBuf::from);
    let fault = text("TRIREME_FAULT")
        .zip(hits)
        .and_then(|(fault, hits)| parse(&fault, component, hits));
    let trace = std::env::var_os("TRIREME_FAULT_TRACE")
        .and_then(|path| OpenOptions::new().append(true).create(true).open(path).ok());
    let _ = PLAN.set(Plan {
        component,
        fault,
        trace,
    });
}

pub(crate) fn pass(at: &'static str, first_half: Option<FirstHalf<'_>>) -> io::Result<()> {
    let Some(plan) = PLAN.get() else {
        return Ok(());
    };
    if let Some(mut trace) = plan.trace.as_ref() {
        // One write, so that lines of several processes do not mix.
        let _ = trace.write_all(format!("{}/{at}\n", plan.component).as_bytes());
    }
    match &plan.fault {
        Some(fault) if fault.point == at && fault.is_next() => strike(fault.action, first_half),
        _ => Ok(()),
    }
}

impl Fault {
    /// Counts this hit; whether it is the one that the fault waits for.
    fn is_next(&self) -> bool {
        let count = || {
            let mut hits = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&self.hits)?;
            hits.write_all(b".")?;
            hits.metadata().map(|metadata| metadata.len())
        };
        count().is_ok_and(|count| count == self.hit)
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "ending at once and being slow are what is asked for"
)]
fn strike(action: Action, first_half: Option<FirstHalf<'_>>) -> io::Result<()> {
    match action {
        Action::Kill => std::process::abort(),
        Action::Exit => std::process::exit(1),
        Action::Eio => Err(io::Error::other("injected input/output error")),
        Action::Enospc => Err(io::ErrorKind::StorageFull.into()),
        Action::Eacces => Err(io::ErrorKind::PermissionDenied.into()),
        Action::Delay => {
            std::thread::sleep(DELAY);
            Ok(())
        }
        Action::Short => {
            if let Some(first_half) = first_half {
                first_half()?;
            }
            Err(io::ErrorKind::WriteZero.into())
        }
    }
}

/// Reads `<component>/<point>:<action>:<hit>`; `None` for what is meant for another component.
fn parse(text: &str, component: &str, hits: PathBuf) -> Option<Fault> {
    let (wanted, rest) = text.split_once('/')?;
    let mut parts = rest.split(':');
    let (point, action, hit) = (parts.next()?, parts.next()?, parts.next()?);
    let action = Action::ALL
        .into_iter()
        .find(|known| known.name() == action)?;
    (wanted == component).then_some(Fault {
        point: point.to_owned(),
        action,
        hit: hit.parse().ok()?,
        hits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_for_one_component_and_one_hit() {
        let folder = tempfile::tempdir().unwrap();
        let hits = folder.path().join("hits");
        let text = "launcher/slot.write:enospc:2";
        assert_eq!(parse(text, "agent", hits.clone()), None);
        let fault = parse(text, "launcher", hits).unwrap();
        assert_eq!(
            (&*fault.point, fault.action),
            ("slot.write", Action::Enospc)
        );
        let struck: Vec<bool> = (0..4).map(|_| fault.is_next()).collect();
        assert_eq!(struck, [false, true, false, false]);
    }

    #[test]
    fn each_action_fails_as_the_operating_system_would() {
        let kind = |action| strike(action, None).unwrap_err().kind();
        assert_eq!(kind(Action::Enospc), io::ErrorKind::StorageFull);
        assert_eq!(kind(Action::Eacces), io::ErrorKind::PermissionDenied);
        let mut half = false;
        let short = strike(
            Action::Short,
            Some(Box::new(|| {
                half = true;
                Ok(())
            })),
        );
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::WriteZero);
        assert!(half);
    }
}
