//! Text for people.

pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod rows;
pub(crate) mod standing;
pub(crate) mod units;
