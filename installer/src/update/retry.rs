//! `trireme update retry`: versions that failed here get another chance.

use shared_control::status::Mark;
use shared_control::{Answer, Request, Retry, Status};
use shared_handover::exit::Exit;
use shared_handover::layout::Component;
use shared_slots::Digest;

use super::known;
use crate::ask::{NoAnswer, ask};
use crate::failure::Failure;
use crate::offline;
use crate::output::Output;
use crate::place::Host;
use crate::show::standing::named;

/// Fewest digits that may stand for a digest.
const FEWEST: usize = 6;

pub(crate) fn run(host: &Host, whose: &str, output: &Output) -> Result<Exit, Failure> {
    let status = known(host).status;
    let whose = meant(whose, &status)?;
    let request = Request::Retry {
        whose: whose.clone(),
    };
    let mut live = true;
    let answer = match ask(host, &request, |_| {}) {
        Ok(answer) => answer,
        Err(NoAnswer::Failed(failure)) => return Err(failure),
        Err(NoAnswer::NotRunning) => {
            live = false;
            by_hand(host, &whose)?
        }
    };
    output.document(&answer);
    let Answer::Forgiven { digests } = &answer else {
        return Ok(Exit::Success);
    };
    if digests.is_empty() {
        output.text("no version is marked\n");
        if live {
            output.remark("what the launcher had given up for now, it tries again");
        }
    }
    for digest in digests {
        let mark = marks(&status).find(|mark| mark.version.digest == *digest);
        let version = mark.map_or_else(|| digest.clone(), |mark| named(&mark.version));
        output.text(&format!("{version} may be tried again\n"));
    }
    Ok(Exit::Success)
}

fn marks(status: &Status) -> impl Iterator<Item = &Mark> {
    status
        .components
        .values()
        .flat_map(|component| &component.marks)
}

fn meant(text: &str, status: &Status) -> Result<Retry, Failure> {
    if text == "all" {
        return Ok(Retry::All);
    }
    if let Some(component) = Component::from_name(text) {
        return Ok(Retry::Component(component));
    }
    let begins = |mark: &&Mark| text.len() >= FEWEST && mark.version.digest.starts_with(text);
    let mut found = marks(status).filter(begins);
    match (found.next(), found.next()) {
        (Some(mark), None) => Ok(Retry::Digest(mark.version.digest.clone())),
        (Some(_), Some(_)) => {
            let text = format!("{text} is the beginning of several digests; give more of it");
            Err(Failure::Nothing(text))
        }
        (None, _) => {
            let marked: Vec<String> = marks(status).map(|mark| named(&mark.version)).collect();
            let marked = if marked.is_empty() {
                "nothing is marked".to_owned()
            } else {
                format!("marked are {}", marked.join(", "))
            };
            Err(Failure::Nothing(format!(
                "no version that failed here is called {text}: {marked}"
            )))
        }
    }
}

fn by_hand(host: &Host, whose: &Retry) -> Result<Answer, Failure> {
    let _lock = offline::lock(host)?;
    let mut digests = Vec::new();
    for component in Component::ALL {
        let mut page = offline::page(&host.state, component)?;
        let forgiven: Vec<Digest> = page
            .bad()
            .iter()
            .map(|bad| bad.digest)
            .filter(|digest| match whose {
                Retry::All => true,
                Retry::Component(of) => *of == component,
                Retry::Digest(of) => *of == digest.to_string(),
            })
            .collect();
        if forgiven.is_empty() {
            continue;
        }
        for digest in &forgiven {
            page = page.forgive(*digest);
        }
        offline::write(&host.state, component, page)?;
        digests.extend(forgiven.iter().map(ToString::to_string));
    }
    Ok(Answer::Forgiven { digests })
}
