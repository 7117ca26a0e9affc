//! The crash model: the real store, slots and records on a disk that forgets.
//!
//! One host goes through whole upgrades, written once in [`host`] as bootstrapper and launcher do
//! them. At every operation the process is killed, killed half way, or told that the disk fails or
//! is full; after every operation the power may fail, with every change that was not synced lost,
//! kept, torn or kept alone; and once more during the recovery. On each disk that is left,
//! [`invariants`] must hold, and the host must come back to what the server offers.
//!
//! The model is only worth what it notices: [`barriers`] leaves out each barrier in turn.

mod barriers;
mod chance;
mod disk;
mod explore;
mod host;
mod invariants;
mod paths;
mod scenarios;
mod sim;
mod world;
