//! `trireme update pin`, `unpin`, `hold` and `policy`: they write `policy.json`, launcher or not.

use std::fs::OpenOptions;
use std::path::Path;

use shared_control::policy::{Hold, MAX_BYTES, Mode, Pin};
use shared_control::{Decision, Policy, Request};
use shared_handover::exit::Exit;
use shared_handover::layout::Component;
use shared_slots::{Fs as _, OsFs, Store};

use crate::ask::{NoAnswer, ask};
use crate::cli::{HoldArgs, PinArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Host;
use crate::show::units;
use crate::{file, offline};

pub(crate) fn pin(host: &Host, args: &PinArgs, output: &Output) -> Result<Exit, Failure> {
    let (component, version) = &args.what;
    let (component, running) = (*component, running(host, *component)?);
    let version = match version {
        Some(version) => version.clone(),
        None => running.clone().ok_or_else(|| {
            let name = component.name();
            Failure::Nothing(format!(
                "no {name} is installed; say which version: {name}=VERSION"
            ))
        })?,
    };
    let pin = Pin {
        component: component.name().to_owned(),
        version: version.clone(),
        until: args.until,
        owner: args.owner.clone(),
    };
    let (policy, _) = change(host, output, |policy| set_pin(policy, pin))?;
    output.document(&policy);
    let until = args
        .until
        .map(|until| format!(" until {}", units::time(until, &host.now)));
    let name = component.name();
    output.text(&format!(
        "{name} is pinned to {version}{}\n",
        until.unwrap_or_default()
    ));
    if running.as_deref() != Some(&version) && !is_known(host, component, &version) {
        output.remark(&format!(
            "this host knows no {name} {version} yet; it stays what it is until a release names that"
        ));
    }
    Ok(Exit::Success)
}

pub(crate) fn unpin(
    host: &Host,
    component: Option<Component>,
    output: &Output,
) -> Result<Exit, Failure> {
    let (policy, gone) = change(host, output, |policy| match component {
        Some(component) => take_pin(policy, component.name()).into_iter().collect(),
        None => std::mem::take(&mut policy.pins),
    })?;
    output.document(&policy);
    if gone.is_empty() {
        output.text("there was no pin\n");
    }
    for pin in &gone {
        let (component, version) = (&pin.component, &pin.version);
        output.text(&format!("{component} is no longer pinned to {version}\n"));
    }
    Ok(Exit::Success)
}

pub(crate) fn hold(host: &Host, args: &HoldArgs, output: &Output) -> Result<Exit, Failure> {
    let hold = (!args.end).then(|| Hold {
        until: args.until,
        reason: args.reason.clone(),
    });
    let (policy, ()) = change(host, output, |policy| policy.hold = hold)?;
    output.document(&policy);
    output.text(&match (args.end, args.until) {
        (true, _) => "the hold has ended\n".to_owned(),
        (false, None) => "nothing is adopted until `trireme update hold --end`\n".to_owned(),
        (false, Some(until)) => {
            format!(
                "nothing is adopted until {}\n",
                units::time(until, &host.now)
            )
        }
    });
    Ok(Exit::Success)
}

pub(crate) fn show_or_set(
    host: &Host,
    from: Option<&Path>,
    output: &Output,
) -> Result<Exit, Failure> {
    let policy = match from {
        Some(from) => {
            let bytes = OsFs.read("policy.read-new", from, MAX_BYTES as u64 + 1);
            let new = Policy::parse(&bytes.map_err(Failure::file("cannot read", from))?)?;
            // Whatever is there gives way, be it unusable.
            let alone = alone(host)?;
            put_in_force(host, &new, alone, output)?;
            new
        }
        None => offline::policy(&host.state)?,
    };
    output.document(&policy);
    output.text(&policy.encode());
    for component in Component::ALL {
        // A version that no pin names: what would happen to the next release.
        let decision = policy.decide(component, "", false, &host.now);
        output.remark(&format!("{}: {}", component.name(), says(&decision, host)));
    }
    Ok(Exit::Success)
}

fn says(decision: &Decision, host: &Host) -> String {
    match decision {
        Decision::Go => "a new release would be adopted now".to_owned(),
        Decision::Wait { until, why } => {
            format!(
                "a new release would wait until {}: {why}",
                units::time(*until, &host.now)
            )
        }
        Decision::Never { why } => format!("a new release would not be adopted: {why}"),
    }
}

/// Sets a pin in the place of the component's own, and returns that.
pub(crate) fn set_pin(policy: &mut Policy, pin: Pin) -> Option<Pin> {
    let before = take_pin(policy, &pin.component);
    policy.pins.push(pin);
    before
}

/// Takes the pin of a component out.
pub(crate) fn take_pin(policy: &mut Policy, component: &str) -> Option<Pin> {
    let is_its = |pin: &Pin| pin.component == component;
    let place = policy.pins.iter().position(is_its)?;
    Some(policy.pins.remove(place))
}

/// Changes the policy, tells the launcher, and gives the policy as it is now and what the change
/// returned.
pub(crate) fn change<T>(
    host: &Host,
    output: &Output,
    change: impl FnOnce(&mut Policy) -> T,
) -> Result<(Policy, T), Failure> {
    let alone = alone(host)?;
    let mut policy = offline::policy(&host.state)?;
    if policy.mode == Some(Mode::Unknown) {
        return Err(Failure::Nothing(
            "policy.json has a mode that this version does not know; it is left as it is"
                .to_owned(),
        ));
    }
    let returned = change(&mut policy);
    policy.check()?;
    put_in_force(host, &policy, alone, output)?;
    Ok((policy, returned))
}

/// Writes the policy, then tells a running launcher. One that does not hear it reads the file at
/// its next check.
fn put_in_force(
    host: &Host,
    policy: &Policy,
    alone: std::fs::File,
    output: &Output,
) -> Result<(), Failure> {
    let path = host.state.policy();
    file::replace(&path, policy.encode().as_bytes())
        .map_err(Failure::file("cannot write", path))?;
    // A launcher may be slow to answer; another `trireme` need not wait for that.
    drop(alone);
    if let Err(NoAnswer::Failed(failure)) = ask(host, &Request::PolicyChanged, |_| {}) {
        output.remark(&format!("{failure}; it reads the policy at its next check"));
    }
    Ok(())
}

/// Keeps another `trireme` from changing the policy at the same time.
fn alone(host: &Host) -> Result<std::fs::File, Failure> {
    let path = host.state.policy().with_extension("lock");
    let open = file::ensure(&path)
        .and_then(|()| OpenOptions::new().append(true).open(&path))
        .and_then(|file| file.lock().map(|()| file));
    open.map_err(Failure::file("cannot lock", path))
}

/// The version that is committed, as people write it.
fn running(host: &Host, component: Component) -> Result<Option<String>, Failure> {
    let store = Store::new(host.state.store());
    let committed = offline::page(&host.state, component)?.committed();
    let version = committed.map(|digest| offline::version(&store, digest).version);
    Ok(version.filter(|version| !version.is_empty()))
}

fn is_known(host: &Host, component: Component, version: &str) -> bool {
    let in_store = Store::new(host.state.store()).list().is_ok_and(|entries| {
        let mut metas = entries.values();
        metas.any(|meta| meta.component == component.name() && meta.version == version)
    });
    let released = || {
        let trust = crate::trust::Trust::load(&host.state).ok()?;
        let manifest = trust.manifest?;
        let mut listed = manifest.listed(component.name());
        Some(listed.any(|release| release.version == version))
    };
    in_store || released().unwrap_or_default()
}
