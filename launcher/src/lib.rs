//! Tier 2: keeps one agent running, and fetches, proves and switches versions.
//!
//! The files in the order in which an upgrade passes through them:
//!
//! | file | what it does |
//! |---|---|
//! | `upgrade` | the state machine: which step comes next; pure |
//! | `step_check` | asks for the manifest, and for the roots that lead to it |
//! | `trust` | the chain of roots and the last manifest: what is believed |
//! | `plan` | compares it with what is installed; pure |
//! | `rules`, `spread`, `effort` | whether it may be adopted now |
//! | `make_room` | looks for room on the disk, and makes some |
//! | `step_download`, `order` | brings the file in, resuming, by the smallest way |
//! | `step_stage` | seals it into the store |
//! | `step_switch` | puts it on trial: the page, the counted try, the start |
//! | `step_watch` | the gate; pure |
//! | `roll_back` | writes the verdict: commit, reject or withdraw |
//! | `sweep` | removes what nothing names any more |
//!
//! and beside it, what keeps an agent running: `keep_running` (how long to wait; pure), `crash_loop`
//! (when to try the version before; pure), `adopt` (agents that outlived a launcher), `agent_link`
//! (the control socket), `crew` (all agents of this host), `hand_over` (who gets which slots; pure),
//! `start_agent`. `run` is the loop around all of it; `settings`, `lock` and `trust` come before. What
//! the state machine asks for is carried out by `perform`, with `install` up to the decision, `bring_in`
//! up to the trial and `try_out` from there; `tend` looks after agents, `outward` tells operators, and `systemd` the service manager.
//! `os` is what differs between systems. `docs/life-of-an-upgrade.md` walks through all of it.
//!
//! A failing server never stops the agent, and neither does anything this tier cannot write.

mod adopt;
mod agent_link;
mod bring_in;
mod clock;
mod complaints;
mod crash_loop;
mod crew;
mod effort;
mod hand_over;
mod health;
mod install;
mod keep_running;
mod lock;
mod make_room;
mod milestone;
mod order;
mod os;
mod outward;
mod perform;
mod plan;
mod roll_back;
mod rules;
mod run;
mod settings;
mod spoiled;
mod spread;
mod start_agent;
mod step_check;
mod step_download;
mod step_stage;
mod step_switch;
mod step_watch;
mod sweep;
mod systemd;
mod tend;
mod trust;
mod try_out;
mod upgrade;
mod wire;

pub use settings::main;
