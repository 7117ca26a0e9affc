//! Tier 2: keeps one agent running, and fetches, proves and switches versions.
//!
//! The files in the order in which an upgrade passes through them:
//!
//! | file | what it does |
//! |---|---|
//! | `upgrade` | the state machine: which step comes next; pure |
//! | `step_check` | asks for the manifest, and compares it with what is installed |
//! | `step_verify` | says whether the manifest may be trusted |
//! | `step_download` | brings the file in, resuming |
//! | `step_stage` | seals it into the store |
//! | `step_switch` | puts it on trial: the page, the counted try, the start |
//! | `step_watch` | the gate; pure |
//! | `roll_back` | writes the verdict: commit, reject or withdraw |
//! | `sweep` | removes what nothing names any more |
//!
//! and beside it, what keeps an agent running: `keep_running` (how long to wait; pure), `adopt`
//! (agents that outlived a launcher), `agent_link` (the control socket), `crew` (all agents of this
//! host), `hand_over` (who gets which slots; pure), `start_agent`. `run` is the loop around all of
//! it; `settings`, `lock` and `trust` come before.
//!
//! A failing server never stops the agent, and neither does anything this tier cannot write.

#[cfg(unix)]
mod adopt;
#[cfg(unix)]
mod agent_link;
#[cfg(unix)]
mod checkpoint;
#[cfg(unix)]
mod crew;
#[cfg(unix)]
mod durable;
#[cfg(unix)]
mod hand_over;
#[cfg(unix)]
mod health;
#[cfg(unix)]
mod keep_running;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod os;
#[cfg(unix)]
mod perform;
#[cfg(unix)]
mod roll_back;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod settings;
#[cfg(unix)]
mod start_agent;
#[cfg(unix)]
mod step_check;
#[cfg(unix)]
mod step_download;
#[cfg(unix)]
mod step_stage;
#[cfg(unix)]
mod step_switch;
#[cfg(unix)]
mod step_verify;
#[cfg(unix)]
mod step_watch;
#[cfg(unix)]
mod sweep;
#[cfg(unix)]
mod tend;
#[cfg(unix)]
mod trust;
#[cfg(unix)]
mod upgrade;
#[cfg(unix)]
mod wire;

#[cfg(unix)]
pub use settings::main;
