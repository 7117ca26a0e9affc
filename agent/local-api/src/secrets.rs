//! Values that are to be hidden, on their way from whoever names them to the log.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A list that one side adds to and the log takes from before it passes on anything. Clones share
/// it.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Vec<String>>>);

impl Secrets {
    /// Adds a value.
    pub fn add(&self, secret: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(secret);
    }

    /// Takes all that were added since the last time.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Says nothing of what it holds.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}
