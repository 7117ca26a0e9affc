//! `trireme update rollback`: back to the version before, and pinned there unless told otherwise.

use shared_control::policy::Pin;
use shared_control::reply::Answer;
use shared_control::{Policy, Request};
use shared_handover::exit::Exit;
use shared_handover::layout::Component;
use shared_slots::Store;

use super::policy;
use crate::ask::{NoAnswer, ask};
use crate::failure::Failure;
use crate::offline;
use crate::output::Output;
use crate::place::Host;
use crate::show::progress::Progress;
use crate::show::standing::named;
use crate::trust::Trust;

/// Starts that the version before gets to prove itself.
const TRIES: u8 = 3;

pub(crate) fn run(
    host: &Host,
    component: Component,
    keep: bool,
    output: &Output,
) -> Result<Exit, Failure> {
    let name = component.name();
    let store = Store::new(host.state.store());
    let page = offline::page(&host.state, component)?;
    let Some(previous) = page.previous() else {
        return Err(nothing_before(component));
    };
    let version = offline::version(&store, previous).version;
    let pin = (keep && !version.is_empty()).then(|| Pin {
        component: name.to_owned(),
        version: version.clone(),
        until: None,
        owner: "trireme update rollback".to_owned(),
    });
    // First the pin, or the newer version could come back between the two.
    let mut before = None;
    if let Some(pin) = &pin {
        (_, before) = policy::change(host, output, |policy| policy::set_pin(policy, pin.clone()))?;
    }
    let done = order(host, component, output);
    if let (Err(failure), Some(pin)) = (&done, pin.as_ref()) {
        // Where nobody knows whether it was done, the pin stays.
        let stays = matches!(failure, Failure::NotAnswering(_))
            || policy::change(host, output, |policy| put_back(policy, pin, before)).is_err();
        if stays {
            output.remark(&undo(name, &version));
        }
    }
    let answer = done?;
    output.document(&answer);
    if let Answer::RolledBack { from, to, .. } = &answer {
        output.text(&format!("{name} goes back from {from} to {to}\n"));
    }
    if pin.is_some() {
        output.remark(&undo(name, &version));
    }
    Ok(Exit::Success)
}

fn undo(name: &str, version: &str) -> String {
    format!("{name} is pinned to {version}; `trireme update unpin {name}` undoes that")
}

/// Puts the pin of before in the place of ours. One that somebody has set meanwhile stays.
fn put_back(policy: &mut Policy, ours: &Pin, before: Option<Pin>) {
    if policy.pins.contains(ours) {
        policy::take_pin(policy, &ours.component);
        policy.pins.extend(before);
    }
}

fn order(host: &Host, component: Component, output: &Output) -> Result<Answer, Failure> {
    let mut progress = Progress::new(output);
    let asked = ask(host, &Request::Rollback { component }, |line| {
        progress.take(line);
    });
    progress.end();
    match asked {
        Ok(answer) => Ok(answer),
        Err(NoAnswer::Failed(failure)) => Err(failure),
        Err(NoAnswer::NotRunning) => {
            let answer = by_hand(host, component)?;
            output.remark("the launcher does not run: it takes effect at the next start");
            Ok(answer)
        }
    }
}

/// Puts the version before on trial, as the launcher would: it is proved like any other, and the
/// one that is left stays as its fallback.
fn by_hand(host: &Host, component: Component) -> Result<Answer, Failure> {
    let _lock = offline::lock(host)?;
    let store = Store::new(host.state.store());
    let page = offline::page(&host.state, component)?;
    let (Some(from), Some(to)) = (page.committed(), page.previous()) else {
        return Err(nothing_before(component));
    };
    let manifest = Trust::load(&host.state)
        .ok()
        .and_then(|trust| trust.manifest);
    if manifest.is_some_and(|manifest| manifest.is_revoked(&to)) {
        let text = "not done: the version before was taken back by a release".to_owned();
        return Err(Failure::Nothing(text));
    }
    store.verified(to, component.name()).map_err(|error| {
        Failure::Corrupt(format!(
            "the {} before cannot be used: {error}",
            component.name()
        ))
    })?;
    let armed = page.forgive(to).arm(to, TRIES);
    let armed = armed.map_err(|refused| Failure::Nothing(format!("not done: {refused}")))?;
    offline::write(&host.state, component, armed)?;
    let name = |digest| named(&offline::version(&store, digest));
    Ok(Answer::RolledBack {
        component: component.name().to_owned(),
        from: name(from),
        to: name(to),
    })
}

fn nothing_before(component: Component) -> Failure {
    let name = component.name();
    Failure::Nothing(format!(
        "there is no {name} before the one that is committed"
    ))
}
