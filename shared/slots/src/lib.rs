//! Immutable store, pointer pages, trial counter, clean-up.
//!
//! Who are the two? The bootstrapper, which switches launchers, and the launcher, which switches
//! agents. Both use one mechanism, and it is built so that power may fail between any two calls:
//!
//! * a [`Store`] holds versions as folders that are named by the sha256 of their file, never
//!   changed, and compared with that name again before each start;
//! * a [`Slot`] is a pair of 512-byte pages that name the committed, the previous and the trial
//!   version; the older page is overwritten and synced, so one of the two is always whole;
//! * a [`Page`] changes by pure transitions only: [`Page::arm`], [`Page::count_try`],
//!   [`Page::commit`], [`Page::reject`] and a few more.
//!
//! The order of one upgrade: [`Store::seal`] → [`Page::arm`] → [`Page::count_try`] *before* each
//! start → [`Page::commit`] or [`Page::reject`] → [`Store::sweep`]. Each page is written with
//! [`Slot::write`] before what it allows is done.
//!
//! Every access to a disk goes through [`Fs`], and each call names the step it is part of, so that
//! a simulated disk or a wrapper that fails on purpose can stand in at any of them. This crate
//! starts no process, reads no clock and knows no network.

mod bad;
mod crc;
mod digest;
mod fs;
mod meta;
mod moment;
mod os;
mod os_fs;
mod page;
#[cfg(any(windows, test))]
mod patience;
mod record;
mod records;
mod reserve;
mod room;
mod seal;
mod slot;
mod store;
mod sweep;

pub use bad::{Bad, Hold, Reason};
pub use digest::{Digest, Hasher, NotADigest};
pub use fs::Fs;
pub use meta::Meta;
pub use moment::Moment;
pub use os_fs::OsFs;
pub use page::{Page, Refused, Role, Trial};
pub use record::{Damage, PAGE_BYTES};
pub use records::Records;
pub use reserve::{RESERVE_BYTES, Reserve};
pub use room::{Expendable, Room, Short, expendable, need};
pub use seal::{SealError, Source};
pub use slot::{Reading, Slot, WriteError};
pub use store::{EntryError, Store};
pub use sweep::Swept;
