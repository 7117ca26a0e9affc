//! The server's HTTP side: one folder per audience, one file per noun or step.
//!
//! | folder | who | how they show who they are |
//! |---|---|---|
//! | `agent/` | agents, under `/v3` | `Authorization: Token …` |
//! | `user/` | people's tools, under `/v2` | `Authorization: Bearer …` |
//! | `page/` | people | a cookie, set at `/login` |
//! | `release/` | launchers, under `/releases` | not at all: the tree is signed |
//!
//! Handlers translate: what may happen to a job is decided by `server-jobs`, what is remembered by
//! `server-store`. Time comes from the clock that the server was made with.

mod agent;
mod ansi;
mod auth;
mod fault;
mod input;
mod order;
mod page;
mod release;
mod router;
mod server;
mod settings;
mod stamp;
mod sweep;
mod tail;
mod user;
mod wake;

pub use router::router;
pub use server::{Clock, Server};
pub use settings::Settings;
pub use stamp::{for_people, timestamp};
pub use sweep::Sweeper;
