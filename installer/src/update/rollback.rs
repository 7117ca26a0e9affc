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
use crate::output::Output;
use crate::place::Host;
use crate::show::progress::Progress;
use crate::{file, offline};

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
        let text = format!("there is no {name} before the one that is committed");
        return Err(Failure::Nothing(text));
    };
    let version = offline::version(&store, previous).version;
    let before = offline::policy(&host.state)?;
    // First the pin, or the newer version could come back between the two.
    if keep && !version.is_empty() {
        let pin = Pin {
            component: name.to_owned(),
            version: version.clone(),
            until: None,
            owner: "trireme update rollback".to_owned(),
        };
        policy::change(host, &output.quiet(), |policy| policy::set_pin(policy, pin))?;
    }
    let done = order(host, component, output);
    if done.is_err() && keep {
        put_back(host, &before);
    }
    let answer = done?;
    output.document(&answer);
    if let Answer::RolledBack { from, to, .. } = &answer {
        output.text(&format!("{name} goes back from {from} to {to}\n"));
    }
    if keep && !version.is_empty() {
        let undo =
            format!("{name} is pinned to {version}; `trireme update unpin {name}` undoes that");
        output.remark(&undo);
    }
    Ok(Exit::Success)
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
        let text = format!(
            "there is no {} before the one that is committed",
            component.name()
        );
        return Err(Failure::Nothing(text));
    };
    store.verified(to, component.name()).map_err(|error| {
        Failure::Corrupt(format!(
            "the {} before cannot be used: {error}",
            component.name()
        ))
    })?;
    let armed = page.forgive(to).arm(to, TRIES);
    let armed = armed.map_err(|refused| Failure::Nothing(format!("not done: {refused}")))?;
    offline::write(&host.state, component, armed)?;
    let name = |digest| offline::version(&store, digest);
    Ok(Answer::RolledBack {
        component: component.name().to_owned(),
        from: crate::show::standing::named(&name(from)),
        to: crate::show::standing::named(&name(to)),
    })
}

fn put_back(host: &Host, before: &Policy) {
    let _ = file::replace(&host.state.policy(), before.encode().as_bytes());
    super::policy_changed(host);
}
