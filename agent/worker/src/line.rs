//! A worker's line to its endpoint, which may move while the worker serves.

use std::cell::RefCell;
use std::rc::Rc;

use shared_client::Client;

/// The client that a worker uses now. Clones share it, so that heartbeats and jobs go where the
/// pings go.
#[derive(Debug, Clone)]
pub(crate) struct Line(Rc<RefCell<Client>>);

impl Line {
    pub(crate) fn new(client: Client) -> Self {
        Self(Rc::new(RefCell::new(client)))
    }

    /// The client to make the next request with.
    pub(crate) fn client(&self) -> Client {
        self.0.borrow().clone()
    }

    /// All requests go there from now on.
    pub(crate) fn move_to(&self, client: Client) {
        self.0.replace(client);
    }
}
