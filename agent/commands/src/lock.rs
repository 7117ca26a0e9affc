//! `lock …`: locks that all jobs of a host share, through the agent that keeps them.

use std::time::Duration;

use agent_local_api::client::{Locks, Once};
use agent_local_api::sockets_folder;
use shared_protocol::env as names;

use crate::error::CommandError;
use crate::given::{Flag, Given};
use crate::{Command, block_on, print};

const SCOPE: Flag = Flag::text(
    "lock-scope",
    "BUILDKITE_LOCK_SCOPE",
    "machine",
    "who shares the lock; only machine",
);
const SOCKETS: Flag = Flag::text(
    "sockets-path",
    names::SOCKETS_PATH,
    "~/.buildkite-agent/sockets",
    "folder of the agent's sockets",
);
const TIMEOUT: Flag = Flag::text(
    "lock-wait-timeout",
    "BUILDKITE_LOCK_WAIT_TIMEOUT",
    "0s",
    "the longest wait, such as 1m30s; 0s is no limit",
);

pub(crate) const ACQUIRE: Command = Command {
    group: "lock",
    name: "acquire",
    arguments: "KEY",
    help: "wait until nobody has the lock and take it; prints the token that frees it",
    flags: &[SCOPE, SOCKETS, TIMEOUT],
    run: |given| {
        let [key] = arguments(given, "lock acquire KEY")?;
        let locks = locks(given)?;
        let token = block_on(locks.acquire(key, limit(given)?))?;
        print(&format!("{token}\n")).inspect_err(|_| {
            // Nobody knows the token, so nobody else could ever free it.
            let _ = block_on(locks.release(key, &token));
        })
    },
};

pub(crate) const RELEASE: Command = Command {
    group: "lock",
    name: "release",
    arguments: "KEY TOKEN",
    help: "free a lock",
    flags: &[SCOPE, SOCKETS],
    run: |given| {
        let [key, token] = arguments(given, "lock release KEY TOKEN")?;
        block_on(locks(given)?.release(key, token))
    },
};

pub(crate) const DO: Command = Command {
    group: "lock",
    name: "do",
    arguments: "KEY",
    help: "begin what is to be done once: prints do, or done once somebody else has done it",
    flags: &[SCOPE, SOCKETS, TIMEOUT],
    run: |given| {
        let [key] = arguments(given, "lock do KEY")?;
        print(match block_on(locks(given)?.begin(key, limit(given)?))? {
            Once::Do => "do\n",
            Once::Done => "done\n",
        })
    },
};

pub(crate) const DONE: Command = Command {
    group: "lock",
    name: "done",
    arguments: "KEY",
    help: "say that what was begun with `lock do` is done",
    flags: &[SCOPE, SOCKETS],
    run: |given| {
        let [key] = arguments(given, "lock done KEY")?;
        block_on(locks(given)?.end(key))
    },
};

pub(crate) const GET: Command = Command {
    group: "lock",
    name: "get",
    arguments: "KEY",
    help: "print the value of a lock; it is empty if nobody has it",
    flags: &[SCOPE, SOCKETS],
    run: |given| {
        let [key] = arguments(given, "lock get KEY")?;
        let value = block_on(locks(given)?.get(key))?;
        print(&format!("{value}\n"))
    },
};

fn arguments<'a, const N: usize>(
    given: &'a Given,
    usage: &'static str,
) -> Result<[&'a str; N], CommandError> {
    let all: Vec<&str> = given.arguments.iter().map(String::as_str).collect();
    all.try_into().map_err(|_| CommandError::Arguments(usage))
}

fn locks(given: &Given) -> Result<Locks, CommandError> {
    if given.text(SCOPE.name) != "machine" {
        return Err(given.wrong(SCOPE.name, "machine, the only one"));
    }
    let home = std::env::var_os("HOME");
    let folder = sockets_folder(Some(given.text(SOCKETS.name)), home.as_deref());
    Ok(Locks::new(&folder.ok_or(CommandError::NoSockets)?))
}

fn limit(given: &Given) -> Result<Option<Duration>, CommandError> {
    let limit = agent_flags::duration(given.text(TIMEOUT.name))
        .ok_or_else(|| given.wrong(TIMEOUT.name, "a time, such as 1m30s"))?;
    Ok((!limit.is_zero()).then_some(limit))
}
