//! `stop`, `pause`, `resume`: what becomes of the worker whose token this is, or that runs the job
//! whose token it is.

use shared_protocol::agent::{PauseRequest, StopRequest};

use super::{DEBUG_HTTP, ENDPOINT, NO_HTTP2, TOKEN, TRACE_HTTP, client};
use crate::error::CommandError;
use crate::given::{Flag, Given, Kind};
use crate::{Command, block_on};

const FORCE: Flag = Flag {
    name: "force",
    variable: "",
    kind: Kind::Switch,
    default: "",
    help: "cancel the running job too",
};
const NOTE: Flag = Flag::text(
    "note",
    "BUILDKITE_AGENT_PAUSE_NOTE",
    "",
    "why, for people who look at the worker",
);
const MINUTES: Flag = Flag::text(
    "timeout-in-minutes",
    "BUILDKITE_AGENT_PAUSE_TIMEOUT_MINUTES",
    "0",
    "end the pause after so many minutes; 0 leaves that to the endpoint",
);

pub(crate) const STOP: Command = Command {
    group: "stop",
    name: "",
    arguments: "",
    help: "end the worker after its job",
    flags: &[TOKEN, ENDPOINT, NO_HTTP2, DEBUG_HTTP, TRACE_HTTP, FORCE],
    run: |given| {
        let force = given.switch(FORCE.name)?;
        let client = client(given)?;
        block_on(client.stop(&StopRequest { force }))
    },
};

pub(crate) const PAUSE: Command = Command {
    group: "pause",
    name: "",
    arguments: "",
    help: "have the worker take no more jobs for now",
    flags: &[
        TOKEN, ENDPOINT, NO_HTTP2, DEBUG_HTTP, TRACE_HTTP, NOTE, MINUTES,
    ],
    run: |given| {
        let request = PauseRequest {
            note: given.text(NOTE.name).to_owned(),
            timeout_in_minutes: minutes(given)?,
        };
        let client = client(given)?;
        block_on(client.pause(&request))
    },
};

pub(crate) const RESUME: Command = Command {
    group: "resume",
    name: "",
    arguments: "",
    help: "have a paused worker take jobs again",
    flags: &[TOKEN, ENDPOINT, NO_HTTP2, DEBUG_HTTP, TRACE_HTTP],
    run: |given| {
        let client = client(given)?;
        block_on(client.resume())
    },
};

fn minutes(given: &Given) -> Result<i64, CommandError> {
    let text = given.text(MINUTES.name);
    text.parse()
        .map_err(|_| given.wrong(MINUTES.name, "a whole number"))
}
